import { mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Manifest } from '../../lib/endpoint/manifest.ts'
import { runCommand } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const IMAGES = 'fixtures/images'
const DEBIAN = '0b7e0a2c-5f0e-4d6e-9a51-1f6b1c0f3a01'

t.test('what is no regular file is no part of a dump', async t => {
  const server = await withImages(t)
  for (const { title, name, put } of [
    {
      title: 'a link in the place of data',
      name: `${DEBIAN}.img`,
      put: async (file: string, secret: string) => await symlink(secret, file),
    },
    {
      title: 'a link in the place of metadata',
      name: DEBIAN,
      put: async (file: string, secret: string) => await symlink(secret, file),
    },
    {
      title: 'a pipe in the place of data',
      name: `${DEBIAN}.img`,
      put: async (file: string) => await makePipe(file),
    },
    {
      title: 'a pipe in the place of metadata',
      name: DEBIAN,
      put: async (file: string) => await makePipe(file),
    },
    {
      title: 'a folder in the place of metadata',
      name: DEBIAN,
      put: async (file: string) => await mkdir(file),
    },
  ]) {
    await t.test(title, async t => {
      const root = t.testdir({ dump: {} })
      const [dump, secret] = [join(root, 'dump'), join(root, 'secret')]
      t.match(await run(['dump', server.url, dump]), { status: 0 })
      await rename(join(dump, name), secret)
      const before = await readFile(secret)
      await put(join(dump, name), secret)

      const verified = await run(['verify', dump])
      t.match(verified, { status: 1, stdout: /^4 images ok .*, 1 corrupt/m })
      t.match(verified.stdout, new RegExp(`${name}: this is (a link|no regular file)`))
      const two = await startTestServer(t)
      t.match(await run(['load', two.url, dump]), {
        status: 1,
        stdout: /^4 images created .* 1 failed/,
        stderr: /this is (a link|no regular file)/,
      })
      t.match(await run(['size', two.url]), { stdout: /across 4 images/ }, 'nothing of it is sent')
      if (title.startsWith('a folder')) return
      t.match(await run(['dump', server.url, dump]), { status: 0, stdout: /^1 image created/ })
      t.ok(before.equals(await readFile(secret)), 'nor is anything written to where it leads')
      t.match(await run(['verify', dump]), { status: 0, stdout: /^5 images ok/m })
    })
  }

  for (const { title, put } of [
    {
      title: 'a link in the place of the manifest',
      put: async (file: string, victim: string) => await symlink(victim, file),
    },
    {
      title: 'a link to nowhere in the place of the manifest',
      put: async (file: string) => await symlink(`${file}/../../new`, file),
    },
    {
      title: 'a pipe in the place of the manifest',
      put: async (file: string) => await makePipe(file),
    },
  ]) {
    await t.test(title, async t => {
      const root = t.testdir({ dump: {}, victim: 'a\nb' })
      const [dump, victim] = [join(root, 'dump'), join(root, 'victim')]
      await put(join(dump, 'MANIFEST'), victim)
      const said = { status: 3, stderr: /MANIFEST: this is (a link|no regular file)/ }
      t.match(await run(['dump', server.url, dump]), said)
      t.match(await run(['verify', dump]), said)
      t.equal(await readFile(victim, 'utf8'), 'a\nb')
      await t.rejects(readFile(join(root, 'new')), { code: 'ENOENT' })
    })
  }

  t.test('a link in the place of data that broke off', async t => {
    const root = t.testdir({ dump: {}, victim: 'x' })
    const [dump, victim] = [join(root, 'dump'), join(root, 'victim')]
    const size = 3_000_000
    const [image, data] = [idOf(1), Buffer.alloc(size, 'data')]
    await server.create({ id: image, disk_format: 'raw', container_format: 'bare' })
    await server.upload(image, data)
    await run(['dump', server.url, dump])
    await rm(join(dump, image))
    await rm(join(dump, `${image}.img`))
    // Any stamp will do to be found; the one that is asked for is known to who may read the metadata.
    await symlink(victim, join(dump, `${image}.img.0123456789abcdef.part`))
    t.match(await run(['dump', server.url, dump]), { status: 0, stdout: /^1 image created/ })
    t.equal(await readFile(victim, 'utf8'), 'x')
    await t.rejects(readFile(join(dump, `${image}.img.0123456789abcdef.part`)), { code: 'ENOENT' })
  })

  t.test('metadata of more than 16 MiB', async t => {
    const dump = t.testdir()
    await run(['dump', server.url, dump])
    await truncate(join(dump, DEBIAN), 3 * 1024 ** 3)
    t.match(await run(['verify', dump]), { status: 1, stdout: /more than 16777216 bytes/ })
    t.match(await run(['load', '--dry-run', server.url, dump]), {
      status: 1,
      stderr: /more than 16777216 bytes/,
    })
  })
})

t.test('a manifest', async t => {
  const server = await withImages(t)
  const linesOf = async (dump: string) =>
    (await readFile(join(dump, 'MANIFEST'), 'utf8')).trimEnd().split('\n')

  t.test('that lost the line of an image gets it back by the next dump', async t => {
    const dump = t.testdir()
    await run(['dump', server.url, dump])
    const lines = await linesOf(dump)
    const others = lines.filter(line => !line.includes(DEBIAN))
    await writeFile(join(dump, 'MANIFEST'), `${others.join('\n')}\n`)
    t.match(await run(['verify', dump]), { status: 1, stdout: /1 extra/ })
    t.match(await run(['dump', '--dry-run', server.url, dump]), { status: 0 })
    t.equal((await linesOf(dump)).length, 4, 'a rehearsal writes nothing')
    t.match(await run(['dump', server.url, dump]), { status: 0, stdout: /5 the same/ })
    // Nobody reads the data again for it.
    const withoutCrc = (line: string) => line.replace(/,"crc32":"[0-9a-f]{8}"/, '')
    t.same((await linesOf(dump)).map(withoutCrc).toSorted(), lines.map(withoutCrc).toSorted())
    t.match(await run(['verify', dump]), { status: 0, stdout: /^5 images ok/m })
  })

  t.test('with lines that make no sense is told on standard output too, and mended', async t => {
    const dump = t.testdir()
    await run(['dump', server.url, dump])
    const lines = await linesOf(dump)
    for (const torn of ['{"id":"0b7', `{"id":"${'x'.repeat(1_000_000)}"}`, '']) {
      const [first = '', ...others] = lines
      await writeFile(join(dump, 'MANIFEST'), [first, torn, ...others, '{"id'].join('\n'))
      t.match(await run(['verify', dump]), {
        status: 1,
        stdout: /^5 images ok .*\n.*MANIFEST: line 2: no line of a manifest/m,
      })
      t.match(await run(['dump', server.url, dump]), { status: 0, stdout: /5 the same/ })
      t.same(await linesOf(dump), lines)
      t.match(await run(['verify', dump]), { status: 0 })
    }
  })

  t.test('is written by several at once', async t => {
    const file = join(t.testdir(), 'MANIFEST')
    const entry = (n: number) => ({
      id: idOf(n),
      metadata: { size: 1, sha512: 'a'.repeat(128) },
      data: null,
    })
    const writing = new AbortController()
    async function tidyUp() {
      for (let n = 1000; !writing.signal.aborted; n += 1) {
        const manifest = new Manifest(file)
        // Two lines, of which one counts: there is something to tidy up.
        await manifest.append({ ...entry(n), metadata: { size: 2, sha512: 'b' } })
        await manifest.append(entry(n))
        manifest.complete(entry(n))
        await manifest.tidy()
      }
    }
    const tidying = [tidyUp(), tidyUp()]
    const manifest = new Manifest(file)
    for (let n = 0; n < 300; n += 1) await manifest.append(entry(n))
    writing.abort()
    await Promise.all(tidying)
    const ids = new Set<string>()
    for await (const { id } of manifest.read(line => t.fail(`line ${line}`))) ids.add(id)
    const lost = Array.from({ length: 300 }, (_, n) => idOf(n)).filter(id => !ids.has(id))
    t.same(lost, [], 'no line is lost')
  })
})

async function withImages(t: Test): Promise<TestServer> {
  const server = await startTestServer(t)
  t.match(await run(['load', server.url, IMAGES]), { status: 0 })
  return server
}

async function makePipe(file: string): Promise<void> {
  await runCommand('mkfifo', [file])
}
