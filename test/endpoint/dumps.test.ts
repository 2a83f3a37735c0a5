import {
  appendFile,
  cp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { idOf } from '../support/images.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const IMAGES = 'fixtures/images'
const DEBIAN = '0b7e0a2c-5f0e-4d6e-9a51-1f6b1c0f3a01'
const PROTECTED = '2c4d9e7b-8a13-4b0f-8c55-7d2e4f9b6c02'
const MIB = 1024 * 1024

t.test('zeros in the data of a dump', async t => {
  const server = await startTestServer(t)
  // Blocks of zeros at the beginning, in the middle, across chunks and at the end, and some too small to be a hole.
  const data = Buffer.alloc(4 * MIB + 1000)
  for (const [from, to] of [
    [MIB, MIB + 10_000],
    [2 * MIB - 1, 2 * MIB + 1],
    [3 * MIB + 5000, 3 * MIB + 5001],
  ] as const) {
    data.fill('data', from, to)
  }
  const empty = Buffer.alloc(MIB + 1)
  for (const [n, bytes] of [data, empty].entries()) {
    await server.create({ id: idOf(n), disk_format: 'raw', container_format: 'bare' })
    t.match(await server.upload(idOf(n), bytes), { status: 204 })
  }

  for (const { title, words, sparse } of [
    { title: 'are holes where the file system has such', words: [], sparse: true },
    { title: 'are so in small chunks too', words: ['-c', '1000'], sparse: true },
    { title: 'are written where that is wanted', words: ['--no-sparse'], sparse: false },
  ]) {
    await t.test(title, async t => {
      const folder = t.testdir()
      t.match(await run(['dump', ...words, server.url, folder]), { status: 0 })
      for (const [n, bytes] of [data, empty].entries()) {
        const file = join(folder, `${idOf(n)}.img`)
        t.ok(bytes.equals(await readFile(file)), 'who reads it sees no difference')
        const { blocks } = await stat(file)
        const holes = sparse && (await hasHoles(folder))
        if (holes) t.ok(blocks * 512 < MIB / 4, `${blocks} blocks are taken`)
        else t.ok(blocks * 512 >= bytes.length, `${blocks} blocks are taken`)
      }
      const target = await startTestServer(t)
      t.match(await run(['load', target.url, folder]), { status: 0, stdout: /^2 images created/ })
      t.match(await run(['compare', server.url, target.url]), { status: 0 })
      t.match(await run(['verify', folder]), { status: 0 })
    })
  }
})

t.test('a dump is verified offline', async t => {
  const server = await withImages(t)
  const whole = t.testdir()
  await run(['dump', server.url, whole])
  const { status, stdout } = await run(['verify', whole])
  t.equal(status, 0)
  t.match(stdout, `${DEBIAN} (debian-12-generic-amd64): ok\n`)
  t.match(stdout, /^5 images ok \(52\.0 KiB\), 0 corrupt, 0 missing, 0 extra$/m)
  t.notMatch(await readdir(whole), /part$/)

  const data = (folder: string) => join(folder, `${DEBIAN}.img`)
  const metadata = (folder: string) => join(folder, DEBIAN)
  for (const { title, damage, counts, said } of [
    {
      title: 'a flipped bit is corrupt',
      damage: async (folder: string) => await flip(data(folder), 100),
      counts: { ok: 4, corrupt: 1 },
      said: /sha512 is [0-9a-f]+, expected [0-9a-f]+/,
    },
    {
      title: 'so is data that is cut short',
      damage: async (folder: string) => await truncate(data(folder), 10),
      counts: { ok: 4, corrupt: 1 },
      said: /has 10 of 6656 bytes/,
    },
    {
      title: 'so is metadata that was changed, although it makes sense',
      damage: async (folder: string) => {
        const text = await readFile(metadata(folder), 'utf8')
        await writeFile(metadata(folder), text.replace('amd64', 'arm64'))
      },
      counts: { ok: 4, corrupt: 1 },
      said: /sha512 is/,
    },
    {
      title: 'so is metadata that makes none',
      damage: async (folder: string) => await writeFile(metadata(folder), '{'),
      counts: { ok: 4, corrupt: 1 },
      said: /JSON/,
    },
    {
      title: 'data that is not there is missing',
      damage: async (folder: string) => await rm(data(folder)),
      counts: { ok: 4, missing: 1 },
      said: /the data is missing/,
    },
    {
      title: 'so is an image of which nothing is left',
      damage: async (folder: string) => {
        await rm(data(folder))
        await rm(metadata(folder))
      },
      counts: { ok: 4, missing: 1 },
      said: /the metadata is missing/,
    },
    {
      title: 'an image that nobody dumped there is extra',
      damage: async (folder: string) => {
        const text = (await readFile(metadata(folder), 'utf8')).replaceAll(DEBIAN, idOf(1))
        await writeFile(join(folder, idOf(1)), text)
        await cp(data(folder), join(folder, `${idOf(1)}.img`))
      },
      counts: { ok: 5, extra: 1 },
      said: /the manifest has no such image/,
    },
    {
      title: 'so is data without metadata',
      damage: async (folder: string) => await writeFile(join(folder, `${idOf(1)}.img`), 'abc'),
      counts: { ok: 5, extra: 1 },
      said: /no metadata of this data/,
    },
  ]) {
    await t.test(title, async t => {
      const folder = t.testdir()
      await cp(whole, folder, { recursive: true })
      await damage(folder)
      const { status, stdout } = await run(['verify', '-j', '2', '--json', folder])
      t.equal(status, 1)
      const document = JSON.parse(stdout) as { images: { error: { message: string } | null }[] }
      t.match(document, { totals: counts, error: null })
      t.match(document.images.find(({ error }) => error !== null)?.error?.message, said)
      t.match(await run(['verify', `dir:${folder}`]), { status: 1, stdout: said })
      if (counts.ok === 5) return
      // What of it is left would be taken for whole by a dump that does not read it.
      await rm(data(folder), { force: true })
      await rm(metadata(folder), { force: true })
      t.match(await run(['dump', server.url, folder]), { status: 0 })
      t.match(await run(['verify', folder]), { status: 0 }, 'dumped anew it is whole')
    })
  }
})

t.test('the manifest of a dump', async t => {
  const server = await withImages(t)
  const linesOf = async (folder: string) =>
    (await readFile(join(folder, 'MANIFEST'), 'utf8')).trimEnd().split('\n')

  t.test('has a line for each image', async t => {
    const folder = t.testdir()
    await run(['dump', server.url, folder])
    const lines = await linesOf(folder)
    t.equal(lines.length, 5)
    const size = (await readFile(join(folder, DEBIAN))).length
    t.match(JSON.parse(lines.find(line => line.includes(DEBIAN)) ?? ''), {
      id: DEBIAN,
      metadata: { size, sha512: /^[0-9a-f]{128}$/ },
      data: { size: 6656, checksum: /^[0-9a-f]{32}$/, os_hash_algo: 'sha512' },
    })
  })

  t.test('is kept up to date by later dumps', async t => {
    const folder = t.testdir()
    await run(['dump', server.url, folder])
    await server.patch(DEBIAN, [{ op: 'replace', path: '/name', value: 'another' }], {})
    t.match(await run(['dump', server.url, folder]), { stdout: /1 updated/ })
    t.equal((await linesOf(folder)).length, 5)
    t.match(await run(['verify', folder]), { status: 0 })
  })

  t.test('that a killed writer left half-written is mended by the next', async t => {
    const folder = t.testdir()
    await run(['dump', server.url, folder])
    await rm(join(folder, PROTECTED))
    const lines = await linesOf(folder)
    await writeFile(
      join(folder, 'MANIFEST'),
      lines.filter(line => !line.includes(PROTECTED)).join('\n') + '\n{"id":"2c4d',
    )
    t.match(await run(['verify', folder]), { status: 1, stderr: /line 5: no line of a manifest/ })
    t.match(await run(['dump', server.url, folder]), { status: 0, stdout: /^1 image created/ })
    t.equal((await linesOf(folder)).length, 5)
    t.match(await run(['verify', folder]), { status: 0 })
  })

  t.test('that says what a killed writer was about to do agrees with both ends of it', async t => {
    const folder = t.testdir()
    await run(['dump', server.url, folder])
    const line = (await linesOf(folder)).find(line => line.includes(DEBIAN)) ?? ''
    await appendFile(
      join(folder, 'MANIFEST'),
      `${line.replace(/"sha512":"[0-9a-f]+"/, `"sha512":"${'0'.repeat(128)}"`)}\n`,
    )
    t.match(await run(['verify', folder]), { status: 0, stdout: /^5 images ok/m })
  })

  t.test('is not needed: dumps without one are held against their metadata', async t => {
    const folder = t.testdir()
    await cp(IMAGES, folder, { recursive: true })
    t.match(await run(['verify', folder]), { status: 0, stdout: /^5 images ok/m })
    t.match(await run(['verify', 'fixtures/dumps/original']), {
      status: 0,
      stdout: /^1 image ok .*, 1 without data/m,
    })
    await flip(join(folder, `${DEBIAN}.img`), 0)
    t.match(await run(['verify', folder]), { status: 1, stdout: /1 corrupt/ })
  })

  t.test('is written of what is there by the first dump into a directory without one', async t => {
    const folder = t.testdir()
    await cp(IMAGES, folder, { recursive: true })
    t.match(await run(['dump', '--dry-run', server.url, folder]), { status: 0 })
    t.notOk((await readdir(folder)).includes('MANIFEST'), 'a rehearsal writes nothing')
    t.match(await run(['dump', server.url, folder]), { status: 0 })
    t.equal((await linesOf(folder)).length, 5)
    await rm(join(folder, DEBIAN))
    await rm(join(folder, `${DEBIAN}.img`))
    t.match(await run(['verify', folder]), { status: 1, stdout: /1 missing/ })
  })
})

t.test('the images of a server are verified against its digests', async t => {
  const folder = t.testdir()
  const server = await startTestServer(t, { store: 'file', dataDir: folder })
  await run(['load', server.url, IMAGES])
  t.match(await run(['verify', server.url]), { status: 0, stdout: /^5 images ok \(52\.0 KiB\)/m })
  const all = await readdir(folder, { recursive: true, withFileTypes: true })
  const file = all.find(({ name }) => name === DEBIAN)
  await flip(join(file?.parentPath ?? '', DEBIAN), 100)
  const { status, stdout } = await run(['verify', '--json', server.url])
  t.equal(status, 1)
  t.match(JSON.parse(stdout), { totals: { ok: 4, corrupt: 1 }, error: null })
  t.match(await run(['verify', '/nowhere/at/all']), { status: 3, stderr: /no such file/ })
})

t.test('a sample is so many percent of the images, and at least one', async t => {
  const server = await withImages(t)
  for (const [sample, read] of [
    ['100', 5],
    ['40%', 2],
    ['60.0%', 3],
    ['0.1%', 1],
  ] as const) {
    const { stdout } = await run(['verify', '--json', '--sample', sample, server.url])
    t.match(JSON.parse(stdout), { images: { length: read } }, sample)
  }
  for (const sample of ['0', '101', '-5', 'some', '1%%', '']) {
    t.match(await run(['verify', `--sample=${sample}`, server.url]), {
      status: 2,
      stderr: /^glance-replicator: --sample: expected a percentage/,
    })
  }
})

async function withImages(t: Test): Promise<TestServer> {
  const server = await startTestServer(t)
  t.match(await run(['load', server.url, IMAGES]), { status: 0 })
  return server
}

/** Whether the file system of a folder has holes, found out by writing one. */
async function hasHoles(folder: string): Promise<boolean> {
  const file = join(folder, 'hole')
  {
    await using handle = await open(file, 'w')
    await handle.truncate(MIB)
  }
  const { blocks } = await stat(file)
  await rm(file)
  return blocks === 0
}

async function flip(file: string, at: number): Promise<void> {
  const data = await readFile(file)
  data[at] = (data[at] ?? 0) ^ 1
  await writeFile(file, data)
}
