import { appendFile, cp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { bytesOf, idOf, imageOf } from '../support/images.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Stored, startUnruly } from '../support/unruly.ts'

const MIB = 1024 * 1024
/** Zeros at its beginning and across a MiB, which are holes in a dump. */
const DATA = Buffer.concat([Buffer.alloc(20_000), bytesOf(1, 3 * MIB), Buffer.alloc(MIB)])
const IMAGE: Stored = { image: imageOf(1, DATA), data: DATA }
const FILE = `${idOf(1)}.img`
const CRC = crc32(DATA).toString(16).padStart(8, '0')

t.test('a dump has the CRC-32 of its data, however it was written', async t => {
  for (const { title, dump } of [
    {
      title: 'in one go',
      dump: async (folder: string) => {
        const source = await startUnruly(t, [IMAGE])
        return await run(['dump', source.url, folder])
      },
    },
    {
      title: 'of a source that knows no digest',
      dump: async (folder: string) => {
        const image = { ...IMAGE.image, checksum: null, digest: null }
        const source = await startUnruly(t, [{ ...IMAGE, image }])
        return await run(['dump', source.url, folder])
      },
    },
    {
      title: 'by a run that goes on with another',
      dump: async (folder: string) => {
        const source = await startUnruly(t, [IMAGE], () => ({ cutAfter: 2 * MIB }))
        t.match(await run(['dump', '--attempts', '1', source.url, folder]), { status: 1 })
        source.serve([IMAGE])
        const result = await run(['dump', source.url, folder])
        t.match(source.asked.at(-1), /^1 bytes=[1-9]/, 'only the rest is asked for')
        return result
      },
    },
    {
      title: 'in ranges',
      dump: async (folder: string) => {
        const source = await startUnruly(t, [IMAGE])
        const words = ['--streams', '3', '--streams-cutoff', '1M']
        return await run(['dump', ...words, source.url, folder])
      },
    },
    {
      title: 'and by a run that changes the metadata only',
      dump: async (folder: string) => {
        const source = await startUnruly(t, [IMAGE])
        t.match(await run(['dump', source.url, folder]), { status: 0 })
        source.serve([{ ...IMAGE, image: { ...IMAGE.image, name: 'another' } }])
        const result = await run(['dump', source.url, folder])
        t.match(result, { stdout: /1 updated/ })
        return result
      },
    },
  ]) {
    await t.test(title, async t => {
      const folder = t.testdir()
      t.match(await dump(folder), { status: 0 })
      t.match(JSON.parse(await readFile(join(folder, 'MANIFEST'), 'utf8')), {
        data: { size: DATA.length, crc32: CRC },
      })
      t.match(await run(['verify', folder]), { status: 0 })
      await isLoaded(t, folder)
    })
  }

  t.test('an archive too, with which it is unpacked', async t => {
    const file = join(t.testdir(), 'a.tar')
    const source = await startUnruly(t, [IMAGE])
    t.match(await run(['dump', source.url, file]), { status: 0 })
    const packed = (await readFile(file)).toString('latin1')
    t.equal(packed.split(`"crc32":"${CRC}"`).length, 3, 'in the line of the image and among all')
    await isLoaded(t, file)
  })
})

t.test('a dump that has rotted', async t => {
  const source = await startUnruly(t, [IMAGE])
  const root = t.testdir({ whole: {}, rotten: {} })
  const [whole, rotten] = [join(root, 'whole'), join(root, 'rotten')]
  t.match(await run(['dump', source.url, whole]), { status: 0 })

  const WITH = 'with its CRC-32'
  const manifests = [
    { how: WITH, change: (text: string) => text, sum: /crc32 is [0-9a-f]{8}, exp/ },
    {
      how: 'as it was dumped before there was a CRC-32',
      change: (text: string) => text.replace(/,"crc32":"[0-9a-f]+"/, ''),
      sum: /sha512 is [0-9a-f]+, exp/,
    },
    {
      how: 'whose CRC-32 is of other metadata',
      change: (text: string) =>
        text.replace(/"sha512":"[0-9a-f]+"/, `"sha512":"${'0'.repeat(128)}"`),
      sum: /sha512 is [0-9a-f]+, exp/,
    },
    { how: 'without a manifest', change: () => null, sum: /sha512 is [0-9a-f]+, exp/ },
  ]
  const damages = [
    { title: 'by its first bit', damage: async (file: string) => await flip(file, 0) },
    { title: 'by its last', damage: async (file: string) => await flip(file, DATA.length - 1) },
    {
      title: 'in a hole',
      damage: async (file: string) => await flip(file, 5000),
    },
    {
      title: 'by its last byte, which is gone',
      damage: async (file: string) => await truncate(file, DATA.length - 1),
      said: /has \d+ of \d+ bytes/,
    },
    {
      title: 'by a byte too many',
      damage: async (file: string) => await appendFile(file, 'x'),
      said: /has \d+ of \d+ bytes/,
    },
  ]
  for (const { how, change, sum } of manifests) {
    for (const { title, damage, said = sum } of how === WITH ? damages : damages.slice(1, 2)) {
      await t.test(`${title}, ${how}, is not loaded, and costs no id`, async t => {
        const folder = t.testdir()
        await cp(whole, folder, { recursive: true })
        const manifest = change(await readFile(join(folder, 'MANIFEST'), 'utf8'))
        if (manifest === null) await rm(join(folder, 'MANIFEST'))
        else await writeFile(join(folder, 'MANIFEST'), manifest)
        await damage(join(folder, FILE))
        const target = await startTestServer(t)
        t.match(await run(['load', target.url, folder]), { status: 1, stderr: said })
        t.strictSame(
          (await statuses(target)).filter(status => status !== 'queued'),
          [],
        )

        await cp(join(whole, FILE), join(folder, FILE))
        t.match(await run(['load', target.url, folder]), { status: 0 })
        t.match(await run(['compare', `dir:${folder}`, target.url]), { status: 0 })
        t.strictSame(await statuses(target), ['active'])
      })
    }
  }

  await cp(whole, rotten, { recursive: true })
  await flip(join(rotten, FILE), MIB)

  t.test('is held against its digest where nobody computes one of what is stored', async t => {
    const folder = t.testdir({ to: {} })
    for (const to of [`dir:${join(folder, 'to')}`, `tar:${join(folder, 'a.tar')}`]) {
      const said = { status: 1, stderr: /sha512 is/ }
      t.match(await run(['livecopy', `dir:${rotten}`, to]), said, to)
    }
  })

  t.test('and where one of several targets computes none', async t => {
    const [one, two] = [await startTestServer(t), await startTestServer(t)]
    const folder = t.testdir()
    for (const { to, said } of [
      { to: [one.url, two.url], said: /crc32 is/ },
      { to: [one.url, `dir:${folder}`], said: /sha512 is/ },
    ]) {
      t.match(await run(['livecopy', `dir:${rotten}`, ...to]), { status: 1, stderr: said })
    }
    t.strictSame(await statuses(one), ['queued'])
  })

  t.test('is told by verify by its digest', async t => {
    t.match(await run(['verify', rotten]), { status: 1, stdout: /corrupt: .*sha512 is/ })
  })
})

t.test('what the CRC-32 does not tell is removed from the target by its digest', async t => {
  const folder = t.testdir()
  const source = await startUnruly(t, [IMAGE])
  await run(['dump', source.url, folder])
  await flip(join(folder, FILE), 0)
  const other = crc32(await readFile(join(folder, FILE)))
    .toString(16)
    .padStart(8, '0')
  const manifest = await readFile(join(folder, 'MANIFEST'), 'utf8')
  await writeFile(join(folder, 'MANIFEST'), manifest.replace(CRC, other))
  const target = await startTestServer(t)
  t.match(await run(['load', target.url, folder]), {
    status: 1,
    stderr: /stored data of another sha512; the copy was removed/,
  })
  t.strictSame(await statuses(target), [])
})

t.test('a CRC-32 that is none makes no line of a manifest', async t => {
  const folder = t.testdir()
  const source = await startUnruly(t, [IMAGE])
  await run(['dump', source.url, folder])
  const manifest = await readFile(join(folder, 'MANIFEST'), 'utf8')
  for (const wrong of ['"1234567"', '"1234567G"', '12345678', '{}']) {
    await writeFile(join(folder, 'MANIFEST'), manifest.replace(`"${CRC}"`, wrong))
    t.match(await run(['verify', folder]), { status: 1, stderr: /line 1: no line of a manifest/ })
  }
})

async function isLoaded(t: Test, from: string): Promise<void> {
  const target = await startTestServer(t)
  t.match(await run(['load', target.url, from]), { status: 0, stdout: /^1 image created/ })
  t.strictSame(await statuses(target), ['active'])
}

/** Of all images, also while they are hidden. */
async function statuses({ url }: TestServer): Promise<string[]> {
  const all = await Promise.all(
    ['', '?os_hidden=true'].map(async query => {
      const answer = await fetch(`${url}/v2/images${query}`)
      return ((await answer.json()) as { images: { status: string }[] }).images
    }),
  )
  return all.flat().map(({ status }) => status)
}

async function flip(file: string, at: number): Promise<void> {
  const data = await readFile(file)
  data[at] = (data[at] ?? 0) ^ 1
  await writeFile(file, data)
}
