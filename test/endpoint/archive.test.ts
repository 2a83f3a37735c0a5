import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { extract, pack } from 'tar-stream'
import t from 'tap'
import { Stopped } from '../../lib/cli/exit-status.ts'
import { readTar, tarHeader } from '../../lib/stream/tar.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { collect, patternedBytes } from '../../lib/compliance/bytes.ts'
import { dump, IMAGES, withImages } from '../support/archives.ts'
import { runProgram } from '../support/command.ts'
import { idOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'

const DEBIAN = '0b7e0a2c-5f0e-4d6e-9a51-1f6b1c0f3a01'
const SUMMARY = '5 images created (52.0 KiB), 0 updated, 0 the same, 0 failed\n'

t.test('images go from server to server through a pipe', async t => {
  const [one, two] = [await withImages(t), await startTestServer(t)]
  const pipe = new PassThrough()
  const [dumped, loaded] = await Promise.all([
    run(['dump', '-j', '3', one.url, '-'], {}, { stdout: pipe }).finally(() => pipe.end()),
    run(['load', two.url, '-'], {}, { stdin: pipe }),
  ])
  t.match(dumped, { status: 0, stdout: '', stderr: /: created, 6\.5 KiB\n/ })
  t.ok(dumped.stderr.endsWith(SUMMARY), 'what was done is told on standard error')
  t.match(loaded, { status: 0, stdout: SUMMARY })
  t.match(await run(['compare', one.url, two.url]), { status: 0 })
  const again = await run(['load', two.url, '-'], {}, { stdin: Readable.from([await dump(one)]) })
  t.match(again, { status: 0, stdout: /0 images created .* 5 the same/ })
})

t.test(
  '--json, and nothing else, goes to standard error when standard output is the archive',
  async t => {
    const [one, stdout] = [await withImages(t), new PassThrough()]
    const gathered = collect(stdout)
    const { status, stderr } = await run(['dump', '--json', one.url, '-'], {}, { stdout })
    stdout.end()
    t.equal(status, 0)
    t.match(JSON.parse(stderr), { totals: { created: 5 } })
    t.ok((await gathered).length > 53_248)
  },
)

t.test('an archive in a file', async t => {
  const one = await withImages(t)
  for (const name of ['images.tar', 'images.tar.gz', 'images.tgz']) {
    await t.test(`${name} is written, verified, compared, added up and loaded`, async t => {
      const folder = t.testdir()
      const file = join(folder, name)
      t.match(await run(['dump', one.url, file]), { status: 0, stdout: SUMMARY })
      t.same(await readdir(folder), [name])
      const isGzip = (await readFile(file)).subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))
      t.equal(isGzip, name !== 'images.tar')
      t.match(await run(['verify', file]), { status: 0, stdout: /^5 images ok \(52\.0 KiB\)/m })
      t.match(await run(['verify', '-'], {}, { stdin: Readable.from([await readFile(file)]) }), {
        status: 0,
      })
      t.match(await run(['compare', one.url, `tar:${file}`]), { status: 0 })
      t.match(await run(['size', `tar:${file}`]), { stdout: /53248 bytes .* across 5 images/ })
      const two = await startTestServer(t)
      t.match(await run(['load', '--dry-run', two.url, file]), {
        stdout: /^5 images to be created/,
      })
      t.match(await run(['compare', `tar:${file}`, two.url]), {
        status: 1,
        stdout: /^5 images mi/m,
      })
      t.match(await run(['load', two.url, file]), { status: 0, stdout: SUMMARY })
      t.match(await run(['compare', `tar:${file}`, two.url]), { status: 0 })
      t.match(await run(['load', '-m', (await startTestServer(t)).url, file]), {
        stdout: /^5 images created \(0/,
      })
    })
  }

  t.test('is written anew, and what was there stays until then', async t => {
    const file = join(t.testdir({ 'a.tar': 'what was there' }), 'a.tar')
    const content = async () => (await readFile(file)).subarray(0, 8).toString()
    t.match(await run(['dump', '--dry-run', one.url, file]), { stdout: /^5 images to be created/ })
    t.equal(await content(), 'what was')
    const broken = await startListener(t, (_request, response) => void response.destroy())
    t.match(await run(['dump', '--attempts', '1', broken, file]), { status: 3 })
    t.equal(await content(), 'what was')
    t.match(await run(['dump', one.url, file]), { status: 0, stdout: SUMMARY })
    t.equal(await content(), 'MANIFEST')
    t.match(await run(['dump', one.url, file]), { status: 0, stdout: SUMMARY })
  })

  t.test('is not there when the dump was stopped', async t => {
    const folder = t.testdir()
    const stop = new AbortController()
    const url = await startListener(t, (request, response) => {
      if (request.url?.endsWith('/file') === true) {
        response.writeHead(200, { 'content-length': 10 }).write('abc')
        stop.abort(new Stopped('SIGINT'))
      } else
        listing(request.url, response, { ...imageOf(1), size: 10, digest: null, checksum: null })
    })
    const { signal } = stop
    t.match(await run(['dump', url, join(folder, 'a.tar')], {}, { signal }), {
      status: 130,
      stderr: /interrupted/,
    })
    t.same(await readdir(folder), [])
  })

  t.test('of a directory is told from a directory by what it is', async t => {
    const folder = join(t.testdir(), 'folder.tar')
    await mkdir(folder)
    t.match(await run(['dump', one.url, folder]), { status: 0 })
    t.ok((await readdir(folder)).includes(DEBIAN))
    t.match(await run(['load', one.url, `tar:${folder}`]), { status: 2, stderr: /is a directory/ })
    t.match(await run(['load', one.url, join(folder, 'none.tar')]), {
      status: 3,
      stderr: /none\.tar: no such file/,
    })
    t.match(await run(['dump', one.url, join(folder, 'none', 'a.tar')]), { status: 3 })
  })
})

t.test('who stops to read an archive keeps nobody from stopping to write it', async t => {
  const one = await startTestServer(t)
  await one.create({ id: idOf(1), disk_format: 'raw', container_format: 'bare' })
  await one.upload(idOf(1), await collect(patternedBytes(4 * 1024 * 1024)))
  const stdout = new PassThrough()
  const stop = new AbortController()
  const running = run(['dump', one.url, '-'], {}, { stdout, signal: stop.signal })
  while (!stdout.writableNeedDrain) await new Promise(resolve => setImmediate(resolve))
  stop.abort(new Stopped('SIGTERM'))
  t.match(await running, { status: 143, stderr: /1 interrupted/ })
})

t.test('an archive is neither written to a terminal nor read from one', async t => {
  const one = await withImages(t)
  const terminal = () => Object.assign(new PassThrough(), { isTTY: true })
  t.match(await run(['dump', one.url, '-'], {}, { stdout: terminal() }), {
    status: 2,
    stdout: '',
    stderr: /standard output is a terminal/,
  })
  t.match(await run(['load', one.url, '-'], {}, { stdin: terminal() }), {
    status: 2,
    stderr: /standard input is a terminal/,
  })
})

t.test('an archive that is cut short', async t => {
  const one = await withImages(t)
  const whole = await dump(one)
  // Where the line of each image ends, up to which it has to be there.
  const ends = [...whole.toString('latin1').matchAll(/\{"id":"[^\n]+\n/g)].map(
    ({ index, 0: text }) => index + text.length,
  )
  t.equal(ends.length, 10, 'each image has its line, and all have theirs at the end')
  const cuts = [0, 100, 1100, ...ends.slice(0, 5).flatMap(end => [end - 1, end, end + 1100])]
  for (const gzip of [false, true]) {
    for (const at of gzip ? cuts.slice(1, 8) : cuts) {
      await t.test(`${gzip ? 'gzip, ' : ''}after ${at} bytes loads what was whole`, async t => {
        const two = await startTestServer(t)
        const cut = whole.subarray(0, at)
        const stdin = Readable.from([gzip ? gzipSync(cut).subarray(0, -9) : cut])
        const { status, stdout, stderr } = await run(
          ['load', '--json', two.url, '-'],
          {},
          { stdin },
        )
        t.equal(status, 1)
        t.match(stderr, /tar:-: failed: the archive is cut short/)
        const count = ends.slice(0, 5).filter(end => end <= at).length
        t.match(JSON.parse(stdout), { totals: { created: gzip ? Number : count }, error: null })
        if (!gzip) t.match((await run(['size', two.url])).stdout, `across ${count} images`)
        t.match(
          await run(['verify', two.url]),
          { status: 0 },
          'nothing that is half there can be used',
        )
        const again = await run(['load', two.url, '-'], {}, { stdin: Readable.from([whole]) })
        t.match(again, { status: 0 }, 'and all of it is loaded later')
        t.match(await run(['compare', one.url, two.url]), { status: 0 })
      })
    }
  }

  t.test('is told by every command', async t => {
    const file = join(t.testdir({ 'a.tar': whole.subarray(0, 20_000) }), 'a.tar')
    t.match(await run(['verify', file]), { status: 1, stdout: /a\.tar: corrupt: .*cut short/ })
    t.match(await run(['size', `tar:${file}`]), {
      status: 3,
      stderr: /a\.tar: the archive is cut short/,
    })
    t.match(await run(['compare', `tar:${file}`, one.url]), { status: 1, stdout: /cut short/ })
  })
})

t.test('what is no archive, or damaged, is told', async t => {
  const one = await withImages(t)
  const whole = await dump(one)
  const flipped = (at: number) => Buffer.from(whole).fill((whole[at] ?? 0) ^ 1, at, at + 1)
  const data = whole.indexOf('QFI\u00fb', 0, 'latin1')
  for (const { title, bytes, said } of [
    { title: 'text', bytes: Buffer.alloc(2000, 'some text\n'), said: /this is no tar archive/ },
    { title: 'a flipped bit of data', bytes: flipped(data + 100), said: /sha512 is/ },
    { title: 'a flipped bit of a header', bytes: flipped(512 + 130), said: /archive is damaged/ },
    { title: 'damaged gzip', bytes: damaged(gzipSync(whole)), said: /gzip: |damaged|sha512/ },
  ]) {
    await t.test(title, async t => {
      const two = await startTestServer(t)
      const { status, stderr } = await run(
        ['load', two.url, '-'],
        {},
        { stdin: Readable.from([bytes]) },
      )
      t.equal(status, 1)
      t.match(stderr, said)
      t.match(await run(['verify', two.url]), { status: 0 })
    })
  }
})

t.test('an image that the source does not give whole is not in the archive', async t => {
  const folder = t.testdir()
  await cp(IMAGES, folder, { recursive: true })
  const file = join(folder, `${DEBIAN}.img`)
  const data = await readFile(file)
  data[3000] = (data[3000] ?? 0) ^ 1
  await writeFile(file, data)
  const archive = join(folder, 'a.tar')
  t.match(await run(['dump', '-c', '1000', '--attempts', '1', `dir:${folder}`, archive]), {
    status: 1,
    stdout: /^4 images created .* 1 failed/,
    stderr: /sha512 is .*goes on without the image/,
  })
  const two = await startTestServer(t)
  const incomplete = join(folder, 'a.incomplete.tar')
  t.match(await run(['load', two.url, incomplete]), {
    status: 1,
    stdout: /^4 images created .* 2 failed/,
    stderr: new RegExp(`${DEBIAN} .*: failed: .*could not be dumped whole`),
  })
  t.match((await two.call('GET', `/v2/images/${DEBIAN}`)).json, {
    status: 'queued',
    os_hidden: true,
  })
})

t.test('an image that the target refuses is passed over', async t => {
  const one = await withImages(t)
  const two = await startTestServer(t, { imageSizeCap: 10_000 })
  const { status, stdout } = await run(
    ['load', two.url, '-'],
    {},
    { stdin: Readable.from([await dump(one)]) },
  )
  t.equal(status, 1)
  t.match(stdout, /^4 images created .* 1 failed/)
})

t.test('images of unknown size, and without digests, are carried', async t => {
  const size = 9 * 1024 * 1024 + 17
  const image = { ...imageOf(1), size: null, checksum: null, digest: null }
  const url = await startListener(t, (request, response) => {
    if (request.url?.endsWith('/file') !== true) return listing(request.url, response, image)
    Readable.from(copies(patternedBytes(size))).pipe(response.writeHead(200))
  })
  const [folder, stdout] = [t.testdir(), new PassThrough()]
  const gathered = collect(stdout)
  t.match(await run(['dump', url, '-'], {}, { stdout }), { status: 0 })
  stdout.end()
  const archive = await gathered
  await unpack(archive, folder)
  t.match(
    (await readdir(folder)).filter(name => name.includes('.img')),
    [`${idOf(1)}.img.00000001`, `${idOf(1)}.img.00000002`],
  )
  const two = await startTestServer(t)
  const load = async (bytes: Buffer) =>
    await run(['load', two.url, '-'], {}, { stdin: Readable.from([bytes]) })
  const flipped = Buffer.from(archive).fill(0, 5_000_000, 5_000_001)
  t.match(await load(flipped), { status: 1, stderr: /sha512 is/ })
  t.match(await two.show(idOf(1)), { status: 'queued' })
  t.match(await load(archive), { status: 0 })
  t.match(await two.show(idOf(1)), { status: 'active', size })
})

t.test('zstd takes the program of that name', async t => {
  const one = await withImages(t)
  const folder = t.testdir({ 'a.tar': Buffer.from('28b52ffd00', 'hex') })
  const environment = { PATH: folder }
  for (const words of [
    ['dump', one.url, join(folder, 'b.tar.zst')],
    ['verify', join(folder, 'a.tar')],
  ]) {
    t.match(await runProgram(words, { environment }), {
      status: 3,
      stderr: 'glance-replicator: zstd: there is no such program here; install it, or use gzip\n',
    })
  }
  t.same(await readdir(folder), ['a.tar'])
})

t.test('tar itself', async t => {
  const one = await withImages(t)

  t.test('makes a dump of an archive', async t => {
    const folder = t.testdir()
    await unpack(await dump(one), folder)
    t.match(await run(['verify', folder]), { status: 0, stdout: /^5 images ok/m })
    t.match(await run(['compare', one.url, `dir:${folder}`]), { status: 0 })
  })

  t.test('makes an archive of a dump', async t => {
    const folder = t.testdir()
    await run(['dump', one.url, folder])
    for (const [title, prefix] of [
      ['packed by name', ''],
      ['packed as a folder', './'],
    ] as const) {
      const archive = await packed(folder, prefix, (await readdir(folder)).toSorted())
      const two = await startTestServer(t)
      const stdin = Readable.from([archive])
      t.match(
        await run(['load', two.url, '-'], {}, { stdin }),
        { status: 0, stdout: SUMMARY },
        title,
      )
      t.match(await run(['compare', one.url, two.url]), { status: 0 })
    }
    const backwards = await packed(folder, '', (await readdir(folder)).toSorted().toReversed())
    t.match(await run(['verify', '-'], {}, { stdin: Readable.from([backwards]) }), {
      status: 1,
      stdout: /comes before its metadata: pack it with --sort=name/,
    })
  })

  t.test('and we understand each other', async t => {
    const name = 'x'.repeat(99)
    for (const size of [0, 1, 8 ** 11 - 1, 8 ** 11, 2 ** 40 + 1]) {
      const tar = extract()
      const entry = new Promise(resolve => tar.on('entry', header => resolve(header)))
      tar.write(tarHeader(name, size, new Date(1e12)))
      t.match(await entry, { name, size, type: 'file', mtime: new Date(1e12) })
      tar.destroy()
      const packing = pack()
      packing.entry({ name: `${'long/'.repeat(60)}${name}`, size })
      t.match(await firstOf(packing as AsyncIterable<Buffer>), {
        name: /^(long\/){60}x{99}$/,
        size,
      })
    }
    t.throws(() => tarHeader('x'.repeat(101), 0, new Date()), TypeError)
  })
})

/** Writes the files of an archive, as tar does. */
async function unpack(archive: Buffer, folder: string): Promise<void> {
  const tar = extract()
  tar.end(archive)
  for await (const entry of tar)
    await writeFile(join(folder, entry.header.name), await collect(entry as AsyncIterable<Buffer>))
}

/** Packs files of a folder, as tar does. */
async function packed(folder: string, prefix: string, names: readonly string[]): Promise<Buffer> {
  const tar = pack()
  const gathered = collect(tar as AsyncIterable<Buffer>)
  if (prefix !== '') tar.entry({ name: prefix, type: 'directory' })
  for (const name of names) {
    const { mtime } = await stat(join(folder, name))
    tar.entry({ name: `${prefix}${name}`, mtime }, await readFile(join(folder, name)))
  }
  tar.finalize()
  return await gathered
}

async function firstOf(bytes: AsyncIterable<Uint8Array>) {
  for await (const { name, size } of readTar(bytes)) return { name, size }
  return undefined
}

/** Gzip with a byte changed that is of its data. */
function damaged(gzip: Buffer): Buffer {
  const bytes = Buffer.from(gzip)
  bytes[1000] = (bytes[1000] ?? 0) ^ 0xff
  return gunzipFails(bytes) ? bytes : bytes.fill(0, 500, 600)
}

function gunzipFails(bytes: Buffer): boolean {
  try {
    gunzipSync(bytes)
    return false
  } catch {
    return true
  }
}

/** Answers as a service that has this one image. */
function listing(
  url: string | undefined,
  response: Parameters<typeof sendJson>[0],
  image: Parameters<typeof imageToV2>[0],
): void {
  if (url === undefined || !url.startsWith('/v2/images')) return void response.writeHead(404).end()
  sendJson(response, 200, { images: url.includes('os_hidden=true') ? [] : [imageToV2(image)] })
}

async function* copies(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) yield Buffer.from(chunk)
}
