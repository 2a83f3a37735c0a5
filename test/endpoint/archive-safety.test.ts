import { readdirSync, readlinkSync } from 'node:fs'
import { cp, lstat, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { pack } from 'tar-stream'
import t from 'tap'
import { OutputFailed } from '../../lib/cli/exit-status.ts'
import { collect } from '../../lib/compliance/bytes.ts'
import { dump, IMAGES, withImages } from '../support/archives.ts'
import { FakeClock } from '../support/clock.ts'
import { runCommand, startProgram } from '../support/command.ts'
import { idOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'

const DEBIAN = '0b7e0a2c-5f0e-4d6e-9a51-1f6b1c0f3a01'
const PROTECTED = '2c4d9e7b-8a13-4b0f-8c55-7d2e4f9b6c02'

t.test('an archive is written to what its name stands for', async t => {
  const one = await withImages(t)

  t.test('behind a link, which stays one', async t => {
    const folder = t.testdir({ there: { 'a.tar': 'old' }, empty: {} })
    for (const [to, link] of [
      ['there/a.tar', 'one.tar'],
      ['empty/b.tar', 'two.tar'],
    ] as const) {
      await symlink(to, join(folder, link))
      t.match(await run(['dump', one.url, join(folder, link)]), { status: 0 })
      t.ok((await lstat(join(folder, link))).isSymbolicLink())
      t.notOk((await lstat(join(folder, to))).isSymbolicLink())
      t.match(await run(['verify', join(folder, to)]), { status: 0, stdout: /^5 images ok/m })
    }
    t.same((await readdir(join(folder, 'empty'))).toSorted(), ['b.tar'])
  })

  t.test('a named pipe, and is read from one', async t => {
    const [folder, two] = [t.testdir(), await startTestServer(t)]
    const pipe = join(folder, 'a.tar')
    await runCommand('mkfifo', [pipe])
    const [dumped, loaded] = await Promise.all([
      run(['dump', one.url, pipe]),
      run(['load', two.url, pipe]),
    ])
    t.match(dumped, { status: 0, stdout: /^5 images created/ })
    t.match(loaded, { status: 0, stdout: /^5 images created/ })
    t.match(await run(['compare', one.url, two.url]), { status: 0 })
    t.ok((await lstat(pipe)).isFIFO())
    t.same(await readdir(folder), ['a.tar'])
  })

  t.test('a named pipe of which nobody has the other end, until it is stopped', async t => {
    const pipe = join(t.testdir(), 'a.tar')
    await runCommand('mkfifo', [pipe])
    for (const words of [
      ['dump', one.url, pipe],
      ['verify', pipe],
    ]) {
      await using running = await startProgram(['--debug', ...words, '--log-file', `${pipe}.log`])
      while (!(await lstat(`${pipe}.log`).catch(() => undefined)))
        await new Promise(resolve => setImmediate(resolve))
      running.kill('SIGTERM')
      t.match(await running.outcome, { status: 143 })
      await rm(`${pipe}.log`)
    }
    t.ok((await lstat(pipe)).isFIFO())
  })

  t.test('the standard output by its path', async t => {
    const stdout = new PassThrough()
    const gathered = collect(stdout)
    t.match(await run(['dump', one.url, 'tar:/dev/stdout'], {}, { stdout }), { status: 0 })
    stdout.end()
    const stdin = Readable.from([await gathered])
    t.match(await run(['verify', '-'], {}, { stdin }), { status: 0, stdout: /^5 images ok/m })
  })

  t.test('not a directory', async t => {
    const folder = t.testdir({ 'd.tar': {} })
    t.match(await run(['dump', one.url, `tar:${join(folder, 'd.tar')}`]), {
      status: 2,
      stderr: /d\.tar: this is a directory/,
    })
    t.same(await readdir(folder), ['d.tar'])
  })
})

t.test('an archive in which images are missing', async t => {
  const one = await withImages(t)
  const damaged = t.testdir()
  await cp(IMAGES, damaged, { recursive: true })
  await rm(join(damaged, `${DEBIAN}.img`))

  for (const ending of ['.tar', '.tar.gz', '.TGZ', '']) {
    await t.test(`is kept beside the one that is whole: a${ending}`, async t => {
      const folder = t.testdir()
      const [whole, incomplete] = [
        join(folder, `a${ending}`),
        join(folder, `a.incomplete${ending}`),
      ]
      const to = `tar:${whole}`
      t.match(await run(['dump', one.url, to]), { status: 0 })
      const before = await readFile(whole)
      t.match(await run(['dump', `dir:${damaged}`, to]), {
        status: 1,
        stdout: /^4 images created .* 1 failed/,
        stderr: `${to}: images are missing, so this is ${incomplete}; a${ending} stays as it was`,
      })
      t.ok(before.equals(await readFile(whole)))
      t.match(await run(['verify', `tar:${incomplete}`]), {
        status: 1,
        stdout: /images are missing: its dump was cut short, or they failed\n4 images ok/,
      })
      const two = await startTestServer(t)
      t.match(await run(['load', two.url, `tar:${incomplete}`]), {
        status: 1,
        stdout: /^4 images created .* 1 failed/,
      })
      t.same(
        openFiles().filter(file => file.startsWith(folder)),
        [],
        'it is closed again',
      )
      t.match(await run(['dump', one.url, to]), { status: 0 })
      t.same(await readdir(folder), [`a${ending}`], 'the next one that is whole takes its place')
    })
  }

  t.test('says so when it is unpacked, or comes through a pipe', async t => {
    const [folder, stdout] = [t.testdir({ dump: {} }), new PassThrough()]
    const gathered = collect(stdout)
    t.match(await run(['dump', `dir:${damaged}`, '-'], {}, { stdout }), { status: 1 })
    stdout.end()
    const bytes = await gathered
    t.match(await run(['verify', '-'], {}, { stdin: Readable.from([bytes]) }), { status: 1 })
    await writeFile(join(folder, 'a.tar'), bytes)
    const dump = join(folder, 'dump')
    await runCommand('tar', ['-xf', join(folder, 'a.tar'), '-C', dump])
    t.match(await run(['verify', dump]), { status: 1, stdout: /images are missing/ })
    t.match(await run(['dump', one.url, dump]), { status: 0, stdout: /^1 image created/ })
    t.match(await run(['verify', dump]), { status: 0, stdout: /^5 images ok/m })
  })

  t.test('since the time was over', async t => {
    const clock = new FakeClock('2026-03-01T02:00:00.000Z')
    let asked = () => {}
    const reached = new Promise<void>(resolve => (asked = resolve))
    let release = () => {}
    const released = new Promise<void>(resolve => (release = resolve))
    const images = [1, 2, 3].map(n => imageOf(n, Buffer.from('abc')))
    const url = await startListener(t, (request, response) => {
      if (request.url?.endsWith('/file') === true) {
        asked()
        void released.then(() => response.writeHead(200, { 'content-length': 3 }).end('abc'))
      } else listing(request.url, response, images)
    })
    const folder = t.testdir({ 'a.tar': 'what was there' })
    const file = join(folder, 'a.tar')
    const running = run(['dump', '-j', '1', '--max-duration', '1h', url, file], {}, { clock })
    await reached
    clock.advance(3_600_000)
    release()
    t.match(await running, {
      status: 10,
      stdout: /^1 image created .*\n--max-duration is over/,
      stderr: /images are missing, so this is .*a\.incomplete\.tar; a\.tar stays as it was/,
    })
    t.equal(await readFile(file, 'utf8'), 'what was there')
    t.match(await run(['verify', join(folder, 'a.incomplete.tar')]), {
      status: 1,
      stdout: /images are missing.*\n1 image ok/,
    })
  })
})

t.test('what an archive holds', async t => {
  const one = await withImages(t)
  const folder = t.testdir({ d1: {}, d2: {}, other: { 'a.txt': 'text' }, none: {} })
  await run(['dump', one.url, join(folder, 'd1')])
  await cp(join(folder, 'd1'), join(folder, 'd2'), { recursive: true })
  const tar = async (name: string, ...words: readonly string[]) => {
    const file = join(folder, name)
    t.match(await runCommand('tar', ['--sort=name', '-cf', file, '-C', folder, ...words]), {
      status: 0,
    })
    return file
  }

  t.test('may be packed with its folder', async t => {
    for (const words of [['d1'], ['./d1'], ['--transform=s,^,a/b/,', 'd1']]) {
      const file = await tar('a.tar', ...words)
      t.match(await run(['verify', file]), { status: 0, stdout: /^5 images ok/m }, words.join(' '))
      const two = await startTestServer(t)
      t.match(await run(['load', two.url, file]), { status: 0, stdout: /^5 images created/ })
    }
  })

  t.test('is one dump: what is in another folder is told', async t => {
    const file = await tar('a.tar', 'd1', 'd2')
    t.match(await run(['verify', file]), {
      status: 1,
      stdout: /d2\/.*is not in the folder that the others are in/,
    })
  })

  t.test('may be no dump at all, which is told', async t => {
    for (const words of [['other'], ['none']]) {
      const file = await tar('a.tar', ...words)
      const said = /a\.tar: corrupt: .*the archive holds no dump/
      t.match(await run(['verify', file]), { status: 1, stdout: said })
      t.match(await run(['load', one.url, file]), { status: 1, stderr: /holds no dump/ })
    }
    t.match(await run(['verify', join(folder, 'none')]), {
      status: 3,
      stderr: /none: it holds no dump/,
    })
  })

  t.test('is held against the line of each image, its metadata too', async t => {
    const bytes = await dump(one)
    const at = bytes.indexOf('debian-12', 0, 'latin1')
    bytes.write('Debian-12', at, 'latin1')
    t.match(await run(['verify', '-'], {}, { stdin: Readable.from([bytes]) }), {
      status: 1,
      stdout: new RegExp(`${DEBIAN} .*: corrupt: .*the metadata of image .*sha512 is`),
    })
  })

  t.test('is proved by that line where the image has no digest', async t => {
    const images = [imageOf(1, Buffer.from('abc'), { checksum: null, digest: null })]
    const url = await startListener(t, (request, response) => {
      if (request.url?.endsWith('/file') === true) response.writeHead(200).end('abc')
      else listing(request.url, response, images)
    })
    const file = join(t.testdir(), 'a.tar')
    t.match(await run(['dump', url, file]), { status: 0 })
    t.match(await run(['verify', file]), { status: 0, stdout: /^1 image ok/m })
  })

  t.test('is told to its end, also behind what is wrong with one image', async t => {
    const names = (await readdir(join(folder, 'd1'))).toSorted()
    const packed = await packedIn(folder, names)
    for (const { title, bytes, said } of [
      {
        title: 'a damaged header',
        bytes: Buffer.from(packed).fill(
          'x',
          packed.indexOf(`${PROTECTED}.img`) + 148,
          packed.indexOf(`${PROTECTED}.img`) + 154,
        ),
        said: /-: corrupt: .*the tar archive is damaged/,
      },
      {
        title: 'data that is there twice',
        bytes: await packedIn(
          folder,
          names.flatMap(name => (name === `${PROTECTED}.img` ? [name, name] : name)),
        ),
        said: new RegExp(`${PROTECTED}: corrupt: .*is there twice`),
      },
    ]) {
      t.match(
        await run(['verify', '-'], {}, { stdin: Readable.from([bytes]) }),
        { status: 1, stdout: said },
        title,
      )
    }
    const big = join(folder, 'd2')
    await writeFile(join(big, DEBIAN), Buffer.alloc(17 * 1024 * 1024, ' '))
    t.match(await run(['verify', await tar('a.tar', 'd2')]), {
      status: 1,
      stdout: new RegExp(`${DEBIAN}: corrupt: .*more than 16777216 bytes\n[^]*^4 images ok`, 'm'),
    })
  })

  t.test('is all but its sparse files, which are told', async t => {
    const two = await startTestServer(t)
    for (const n of [1, 2, 3]) {
      await two.create({ id: idOf(n), disk_format: 'raw', container_format: 'bare' })
      const data = Buffer.alloc(8 * 1024 * 1024)
      if (n === 2) for (let at = 0; at < data.length; at += 65_536) data.write('data', at)
      else data.fill('data')
      await two.upload(idOf(n), data)
    }
    for (const format of ['oldgnu', 'pax', 'gnu']) {
      const sparse = t.testdir()
      await run(['dump', two.url, sparse])
      const file = join(folder, 'sparse.tar')
      await runCommand('tar', [
        '--sort=name',
        '--sparse',
        `--format=${format}`,
        '-cf',
        file,
        '-C',
        sparse,
        '.',
      ])
      t.match(
        await run(['verify', file]),
        {
          status: 1,
          stdout: /^2 images ok .*, 1 failed$/m,
        },
        format,
      )
    }
  })

  t.test('is not a line of any length', async t => {
    const bytes = await dump(one)
    // The manifest of all images is the last file.
    const [line] = bytes.toString('latin1').match(/(\{"id":[^\n]+\n){5}/) ?? ['']
    const at = bytes.indexOf(line, 0, 'latin1') - 512
    const packing = pack()
    const tail = collect(packing as AsyncIterable<Buffer>)
    packing.entry({ name: 'MANIFEST' }, 'x'.repeat(2_000_000))
    packing.finalize()
    const long = Buffer.concat([bytes.subarray(0, at), await tail])
    t.match(await run(['verify', '-'], {}, { stdin: Readable.from([long]) }), {
      status: 1,
      stdout: /no line of a manifest: more than 65536 bytes/,
    })
  })

  t.test('is read by one image at least when it is sampled', async t => {
    const file = await tar('a.tar', 'd1')
    for (let n = 0; n < 5; n += 1) {
      const { stdout } = await run(['verify', '--json', '--sample', '0.1', file])
      t.match(JSON.parse(stdout), { totals: { ok: 1 } })
    }
  })
})

t.test('a disk that is full is told as what it is', async t => {
  const one = await withImages(t)
  const stdout = new Writable({
    write: (_chunk, _encoding, done) => done(new Error('no space left on device')),
  })
  const { status, stderr } = await run(['dump', one.url, '-'], {}, { stdout })
  t.not(status, 0)
  t.match(stderr, /no space left on device/)
  t.notMatch(stderr, /goes on without the image/)

  const stop = new AbortController()
  const full = new Writable({
    write: (_chunk, _encoding, done) => done(new Error('no space left on device')),
  })
  full.on('error', error => stop.abort(new OutputFailed(error)))
  t.match(await run(['dump', one.url, '-'], {}, { stdout: full, signal: stop.signal }), {
    status: 74,
    stderr: /standard output: no space left on device/,
  })
})

t.test(
  'beside an archive on standard output each line is a document where that is wanted',
  async t => {
    const [one, stdout] = [await withImages(t), new PassThrough()]
    stdout.resume()
    const { status, stderr } = await run(
      ['dump', '--log-format', 'json', one.url, '-'],
      {},
      { stdout },
    )
    t.equal(status, 0)
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as object)
    t.match(lines.at(-1), { level: 'notice', message: /^5 images created/ })
  },
)

/** Packs files of the folder `d1`, in this order. */
async function packedIn(folder: string, names: readonly string[]): Promise<Buffer> {
  const tar = pack()
  const gathered = collect(tar as AsyncIterable<Buffer>)
  for (const name of names) tar.entry({ name }, await readFile(join(folder, 'd1', name)))
  tar.finalize()
  return await gathered
}

/** Answers as a service that has these images. */
function listing(
  url: string | undefined,
  response: Parameters<typeof sendJson>[0],
  images: readonly Parameters<typeof imageToV2>[0][],
): void {
  if (url === undefined || !url.startsWith('/v2/images')) return void response.writeHead(404).end()
  const shown = url.includes('os_hidden=true') ? [] : images
  sendJson(response, 200, { images: shown.map(imageToV2) })
}

/** The paths of the files that this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // That of the listing itself.
    }
  })
}
