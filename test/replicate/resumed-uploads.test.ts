import { createReadStream, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { request as send } from 'node:http'
import t, { type Test } from 'tap'
import { startProgram } from '../support/command.ts'
import { untilStatus } from '../support/connection.ts'
import { startCutting } from '../support/cutting.ts'
import { bytesOf, idOf, imageOf } from '../support/images.ts'
import { startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'
import { type Stored, startUnruly } from '../support/unruly.ts'

const MIB = 1024 * 1024
const DATA = bytesOf(1, 20 * MIB + 17)
const IMAGE: Stored = { image: imageOf(1, DATA), data: DATA }
const OTHER_DATA = bytesOf(2, DATA.length)
const ID = idOf(1)
/** Bytes of all requests but for data, and of what is on its way when a connection breaks. */
const BESIDES = 4 * MIB

interface Target extends TestServer {
  /** Of each file of what has come of uploads, its size. */
  readonly parts: () => readonly number[]
}

let targets = 0

async function startTarget(t: Test): Promise<Target> {
  targets += 1
  const folder = join(t.testdirName, `uploads-${targets}`)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const server = await startTestServer(t, { resumableUploadDir: folder })
  const sizeOf = (name: string) =>
    statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0
  const names = () => readdirSync(folder).filter(name => !name.startsWith('.')) // A lock.
  return { ...server, parts: () => names().map(sizeOf) }
}

async function expectCopied(t: Test, target: TestServer, { image, data }: Stored): Promise<void> {
  const { status, checksum } = await target.show(image.id)
  t.same([status, checksum], ['active', image.checksum])
  const stored = await fetch(`${target.url}/v2/images/${image.id}/file`)
  t.ok(data.equals(Buffer.from(await stored.arrayBuffer())))
}

/** The service behind a proxy, and every request for data that came through. */
async function startWatched(
  t: Test,
  target: TestServer,
  refused: readonly string[] = [],
): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const url = await startListener(t, (request, response) => {
    const { method = '', url: path = '', headers } = request
    if (/resumable|file/.test(path)) asked.push(`${method} ${path}`)
    if (refused.includes(method)) return void response.writeHead(405).end()
    if (headers.expect !== undefined) response.writeContinue()
    const { expect: _, ...others } = headers
    const onward = send(new URL(path, target.url), { method, headers: others })
    onward.once('response', answer => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  })
  return { url, asked }
}

t.test('livecopy: an upload that breaks off goes on where it was', async t => {
  for (const { title, cuts, range } of [
    { title: 'within the same run', cuts: [5 * MIB] },
    { title: 'several times', cuts: [5 * MIB, 9 * MIB] },
    {
      title: 'from a source without ranges, whose bytes before it are dropped',
      cuts: [7 * MIB],
      range: 'ignored' as const,
    },
  ]) {
    t.test(title, async t => {
      const target = await startTarget(t)
      const source = await startUnruly(t, [IMAGE], () => (range === undefined ? {} : { range }))
      const cutting = await startCutting(t, target, cuts)
      const { status, stderr } = await run(['livecopy', source.url, cutting.url])
      t.equal(status, 0, stderr)
      t.match(stderr, /: the upload goes on at \d\.\d MiB after: PATCH /)
      t.ok(cutting.sent() < DATA.length + BESIDES, `${cutting.sent()} bytes were sent`)
      t.equal(source.asked.length, cuts.length + 1)
      for (const ask of source.asked.slice(1)) t.match(ask, /^1 bytes=\d+-$/)
      await expectCopied(t, target, IMAGE)
      t.same(target.parts(), [])
    })
  }
})

t.test('livecopy: a run that was killed is gone on with by the next', async t => {
  const target = await startTarget(t)
  const source = await startUnruly(t, [IMAGE])
  const words = ['livecopy', '--bandwidth', '8M', source.url, target.url]
  const running = await startProgram(words)
  while (!target.parts().some(size => size >= 3 * MIB)) await soon()
  running.kill('SIGKILL')
  await running.outcome
  await untilStatus(target, ID, 'queued')
  const { headers } = await target.call('HEAD', `/resumable-uploads/images/${ID}/file`)
  const offset = Number(headers.get('upload-offset'))
  t.ok(offset >= 3 * MIB && offset < DATA.length)

  const cutting = await startCutting(t, target)
  const { status, stderr } = await run(['livecopy', '--verbose', source.url, cutting.url])
  t.equal(status, 0, stderr)
  t.match(stderr, /: goes on at \d+\.\d MiB, which the target has already\n/)
  t.ok(cutting.sent() < DATA.length - offset + BESIDES, `${cutting.sent()} bytes were sent`)
  t.match(source.asked.at(-1), `1 bytes=${offset}-`)
  await expectCopied(t, target, IMAGE)
})

t.test('livecopy: what there is of other data is not gone on with', async t => {
  const zeros = Buffer.alloc(16).toString('base64')
  for (const { title, headers } of [
    {
      title: 'by its digest',
      headers: { 'repr-digest': `md5=:${zeros}:`, 'upload-length': String(DATA.length) },
    },
    { title: 'by its length', headers: { 'upload-length': String(DATA.length + 1) } },
    { title: 'where nothing says what it is', headers: {} },
  ]) {
    t.test(title, async t => {
      const target = await startTarget(t)
      const body = { id: ID, disk_format: 'raw', container_format: 'bare' }
      await target.call('POST', '/v2/images', { body })
      const begun = await target.call('PATCH', `/resumable-uploads/images/${ID}/file`, {
        headers: {
          'content-type': 'application/partial-upload',
          'upload-offset': '0',
          'upload-complete': '?0',
          ...headers,
        },
        body: OTHER_DATA.subarray(0, MIB),
      })
      t.equal(begun.status, 204)
      const source = await startUnruly(t, [IMAGE])
      const watched = await startWatched(t, target)
      const { status, stderr } = await run(['livecopy', source.url, watched.url])
      t.equal(status, 0, stderr)
      const methods = watched.asked.map(line => line.split(' ')[0])
      t.same(methods, ['GET', 'HEAD', 'DELETE', 'PATCH'])
      await expectCopied(t, target, IMAGE)
    })
  }
})

t.test('livecopy: of several targets the one that broke off goes on by itself', async t => {
  const [one, other] = [await startTarget(t), await startTarget(t)]
  const source = await startUnruly(t, [IMAGE])
  const cutting = await startCutting(t, one, [5 * MIB])
  const { status, stderr } = await run(['livecopy', source.url, cutting.url, other.url])
  t.equal(status, 0, stderr)
  t.match(stderr, /: the upload goes on at \d\.\d MiB after: PATCH /)
  t.ok(cutting.sent() < DATA.length + BESIDES, `${cutting.sent()} bytes were sent`)
  t.equal(source.asked.length, 2)
  for (const target of [one, other]) await expectCopied(t, target, IMAGE)
})

t.test('load: a tar archive that is read once is gone on with by the next run', async t => {
  const source = await startUnruly(t, [IMAGE])
  const archive = join(t.testdir(), 'images.tar')
  t.match(await run(['dump', source.url, archive]), { status: 0 })
  const target = await startTarget(t)
  const cutting = await startCutting(t, target, [6 * MIB])
  const load = async () =>
    await run(['load', cutting.url, '-'], {}, { stdin: createReadStream(archive) })
  const first = await load()
  t.equal(first.status, 1, first.stderr)
  t.match(first.stderr, /: failed: PATCH .*: connection/)
  t.equal((await target.show(ID))['status'], 'queued')
  const second = await load()
  t.equal(second.status, 0, second.stderr)
  t.match(second.stderr, /: goes on at \d\.\d MiB, which the target has already/)
  t.ok(cutting.sent() < DATA.length + BESIDES, `${cutting.sent()} bytes were sent`)
  await expectCopied(t, target, IMAGE)
})

t.test('livecopy: wrong bytes are never the image, and tried again', async t => {
  const target = await startTarget(t)
  const source = await startUnruly(t, [IMAGE], asked => ({ corrupt: asked === 1 }))
  const { status, stderr } = await run(['livecopy', source.url, target.url])
  t.equal(status, 0, stderr)
  t.match(stderr, /: attempt 2 after: PATCH .*: 400 .* of the data is/)
  t.same(source.asked, ['1', '1'])
  await expectCopied(t, target, IMAGE)
})

t.test('livecopy: a target that goes on with nothing is sent images as ever', async t => {
  for (const { title, starts, refused, asked } of [
    {
      title: 'such as a Glance, which is asked once',
      starts: async (t: Test) => await startTestServer(t),
      refused: [],
      asked: [
        'GET /resumable-uploads',
        `PUT /v2/images/${ID}/file`,
        `PUT /v2/images/${idOf(2)}/file`,
      ],
    },
    {
      title: 'such as one behind a proxy that knows no PATCH of that kind',
      starts: startTarget,
      refused: ['HEAD'],
      asked: [
        'GET /resumable-uploads',
        `HEAD /resumable-uploads/images/${ID}/file`,
        `PUT /v2/images/${ID}/file`,
        `PUT /v2/images/${idOf(2)}/file`,
      ],
    },
  ]) {
    t.test(title, async t => {
      const target = await starts(t)
      const second: Stored = { image: imageOf(2, OTHER_DATA), data: OTHER_DATA }
      const source = await startUnruly(t, [IMAGE, second])
      const watched = await startWatched(t, target, refused)
      const { status, stderr } = await run(['livecopy', '-j', '1', source.url, watched.url])
      t.equal(status, 0, stderr)
      t.same(watched.asked, asked)
      await expectCopied(t, target, IMAGE)
      await expectCopied(t, target, second)
    })
  }

  t.test('and so is an image that is small, of which nothing is asked', async t => {
    const target = await startTarget(t)
    const data = bytesOf(3, MIB)
    const source = await startUnruly(t, [{ image: imageOf(3, data), data }])
    const watched = await startWatched(t, target)
    const { status, stderr } = await run(['livecopy', source.url, watched.url])
    t.equal(status, 0, stderr)
    t.same(watched.asked, [`PUT /v2/images/${idOf(3)}/file`])
  })
})
