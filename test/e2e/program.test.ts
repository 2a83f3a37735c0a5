import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as send } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EXIT_STATUS } from '../../lib/cli/exit-status.ts'
import { DirectoryEndpoint } from '../../lib/endpoint/directory.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { runCommand, runProgram, startCommand, startProgram } from '../support/command.ts'
import { bytesOf, dataOf, idOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const IMAGES = 'fixtures/images'
const DEBIAN = '0b7e0a2c-5f0e-4d6e-9a51-1f6b1c0f3a01'

// A program of its own is what a test is about; what only prepares or looks is run in this process, which is quicker.

t.test('the five commands, one after the other', async t => {
  const one = await startTestServer(t)
  const two = await startTestServer(t)
  const three = await startTestServer(t)
  const dump = t.testdir()

  t.match(await runProgram(['load', one.url, IMAGES]), {
    status: 0,
    stdout: '5 images created (52.0 KiB), 0 updated, 0 the same, 0 failed\n',
    stderr: new RegExp(`${DEBIAN} \\(debian-12-generic-amd64\\): created, 6.5 KiB\n`),
  })
  t.match(await run(['compare', one.url, two.url]), {
    status: 1,
    stdout:
      /\(rescue-disk\): missing on the target\n(.*\n)*5 images missing \(52.0 KiB\), 0 different, 0 the same\n$/,
    stderr: /^$/,
  })
  t.match(await runProgram(['livecopy', one.url, two.url]), {
    status: 0,
    stdout: /^5 images created/,
  })
  t.match(await run(['compare', one.url, two.url]), { status: 0, stdout: /5 the same/ })
  t.match(await run(['livecopy', one.url, two.url]), {
    status: 0,
    stdout: '0 images created (0.0 B), 0 updated, 5 the same, 0 failed\n',
    stderr: '',
  })
  t.match(await runProgram(['size', two.url]), {
    status: 0,
    stdout: 'Total size is 53248 bytes (52.0 KiB) across 5 images\n',
  })
  t.match(await runProgram(['dump', two.url, dump]), { status: 0, stdout: /^5 images created/ })
  t.same((await readdir(dump)).toSorted(), [...(await readdir(IMAGES)), 'MANIFEST'].toSorted())
  for (const name of (await readdir(IMAGES)).filter(name => name.endsWith('.img'))) {
    t.ok((await readFile(join(dump, name))).equals(await readFile(join(IMAGES, name))), name)
  }
  t.match(await run(['load', three.url, dump]), { status: 0 })
  t.match(await runProgram(['compare', one.url, three.url]), { status: 0 })
})

t.test('over TLS, by a certificate that the system trusts, and below a path', async t => {
  const trusting = { NODE_EXTRA_CA_CERTS: 'fixtures/tls/cert.pem' }
  const data = bytesOf(3, 3_000_000)
  const image = imageOf(1, data)
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  const dump = t.testdir()
  await using directory = await DirectoryEndpoint.open(dump, { writable: true })
  await directory.add(image, dataOf(image, [data]))
  const [front, other] = [await tlsFront(t, one.url), await tlsFront(t, two.url)]
  t.match(await run(['load', front, dump]), {
    status: 3,
    stderr: /certificate is not trusted/,
  })
  t.match(await run(['load', front, dump], trusting), {
    status: 0,
    stdout: /^1 image/,
  })
  t.match(await runProgram(['livecopy', front, other], { environment: trusting }), {
    status: 0,
    stdout: /^1 image/,
  })
  t.match(await run(['compare', front, other], trusting), { status: 0 })
})

for (const [signal, status] of [
  ['SIGINT', EXIT_STATUS.interrupted],
  ['SIGTERM', EXIT_STATUS.terminated],
] as const) {
  t.test(`${signal} stops a copy cleanly, and the next run completes it`, async t => {
    const two = await startTestServer(t)
    const { url, moving, release } = await slowCloud(t)
    const running = await startProgram(['livecopy', url, two.url])
    await moving
    running.kill(signal)
    const { stdout, stderr, ...ended } = await running.outcome
    t.equal(ended.status, status)
    t.match(stdout, /^0 images created .* 1 interrupted, 0 failed\n$/, 'the totals are told')
    t.match(stderr, /: interrupted\n/)
    const left = (await two.call('GET', '/v2/images?os_hidden=true')).json
    t.match(left, {
      images: [{ status: 'queued', visibility: 'private', os_hidden: true, size: null }],
    })
    t.match((await two.call('GET', '/v2/images')).json, { images: { length: 0 } }, 'nobody sees it')
    release()
    t.match(await run(['livecopy', url, two.url]), { status: 0, stdout: /^1 image created/ })
    t.match(await run(['compare', url, two.url]), { status: 0 })
  })
}

t.test('a v1 target kills what is interrupted, and later runs say so', async t => {
  const two = await startTestServer(t)
  const { url, moving, release } = await slowCloud(t)
  const running = await startProgram(['livecopy', '--target-api', '1', url, two.url])
  await moving
  const shown = async () => {
    const { json } = await two.call('GET', '/v1/images/detail?is_public=None')
    return (json as { readonly images: readonly { readonly status: string }[] }).images
  }
  // What is interrupted before it is sent leaves a record that waits.
  while (!(await shown()).some(({ status }) => status === 'saving')) await soon()
  running.kill('SIGINT')
  t.match(await running.outcome, { status: 130, stdout: /^0 images created .* 1 interrupted/ })
  // The target need not have seen yet that nobody sends any more.
  while ((await shown()).length > 0) await soon()
  release()
  t.match(await run(['livecopy', '--target-api', '1', url, two.url]), {
    status: 1,
    stderr: /its status is killed: an upload of it failed, .* deleted and purged/,
  })
})

t.test('with --discard-unfinished an interrupted copy leaves no record at all', async t => {
  const two = await startTestServer(t)
  const { url, moving } = await slowCloud(t)
  const running = await startProgram(['livecopy', '--discard-unfinished', url, two.url])
  await moving
  running.kill('SIGINT')
  t.match(await running.outcome, { status: 130 })
  t.match((await two.call('GET', '/v2/images?os_hidden=true')).json, { images: { length: 0 } })
})

t.test(
  'an interrupted dump leaves nothing that looks whole, and the next run completes it',
  async t => {
    const { url, moving, release } = await slowCloud(t)
    const dump = t.testdir()
    const running = await startProgram(['dump', url, dump])
    await moving
    running.kill('SIGINT')
    t.match(await running.outcome, { status: 130 })
    t.ok((await readdir(dump)).every(name => name.endsWith('.part')))
    release()
    t.match(await run(['dump', url, dump]), { status: 0, stdout: /^1 image created/ })
    t.same((await readdir(dump)).toSorted(), [idOf(1), `${idOf(1)}.img`, 'MANIFEST'].toSorted())
  },
)

t.test('two dumps of one image into one directory do not spoil it for each other', async t => {
  const { url, moving, release } = await slowCloud(t)
  const dump = t.testdir()
  await using slow = await startProgram(['dump', url, dump])
  await moving
  release()
  t.match(await runProgram(['dump', url, dump]), { status: 0, stdout: /^1 image created/ })
  t.ok(
    (await readdir(dump)).some(name => name.endsWith('.part')),
    'the slow one still writes its own',
  )
  slow.kill('SIGKILL')
  await slow.outcome
  t.match(await run(['dump', url, dump]), { status: 0, stdout: /1 the same/ })
  t.same((await readdir(dump)).toSorted(), [idOf(1), `${idOf(1)}.img`, 'MANIFEST'])
  t.ok((await readFile(join(dump, `${idOf(1)}.img`))).equals(Buffer.alloc(8 * 1024 * 1024, 7)))
})

t.test('serve', async t => {
  const folder = join(t.testdir(), 'data')
  await using running = await startProgram(['serve', '--port', '0', '--data-dir', folder])
  const url =
    /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(await running.firstLine())?.[1] ?? ''
  t.match(await run(['load', url, IMAGES]), { status: 0 })

  await t.test('says so when its port is taken', async t => {
    const other = join(t.testdir(), 'data')
    t.match(await run(['serve', '--port', new URL(url).port, '--data-dir', other]), {
      status: 3,
      stderr: /cannot listen at 127\.0\.0\.1:\d+: .*EADDRINUSE/,
    })
  })

  await t.test('says who is there when its data folder is in use', async t => {
    t.match(await run(['serve', '--port', '0', '--data-dir', folder]), {
      status: 3,
      stderr: `the data folder ${folder} is in use by another service (process ${running.pid})`,
    })
  })

  await t.test('stops on SIGTERM, and has the images again when it is started again', async t => {
    running.kill('SIGTERM')
    t.match(await running.outcome, { status: 0, stdout: /stopped\n$/ })
    await using again = await startProgram(['serve', '--json', '--port', '0', '--data-dir', folder])
    const { port } = JSON.parse(await again.firstLine()) as { port: number }
    t.match(await run(['size', `127.0.0.1:${port}`]), { stdout: /across 5 images/ })
    again.kill('SIGKILL')
    await again.outcome
  })

  await t.test('starts again where one was killed', async () => {
    await using after = await startProgram(['serve', '--port', '0', '--data-dir', folder])
    await after.firstLine()
  })
})

t.test('a dump that runs out of space fails by the image, and leaves no partial file', async t => {
  const one = await startTestServer(t)
  const source = t.testdir()
  await using directory = await DirectoryEndpoint.open(source, { writable: true })
  for (const [n, size] of [1_000_000, 4_000_000].entries()) {
    const data = bytesOf(n, size)
    const image = imageOf(n, data)
    await directory.add(image, dataOf(image, [data]))
  }
  await run(['load', one.url, source])
  const dump = join(source, 'dump')
  await mkdir(dump)
  // No file may grow beyond 2 MB: blocks are of 512 bytes or of 1 KiB, as the shell has it.
  const limited = `ulimit -f 3900; exec "$0" "$@"`
  const words = [process.execPath, 'dist/bin/glance-replicator.js', 'dump', one.url, dump]
  const outcome = await runCommand('sh', ['-c', limited, ...words])
  t.match(outcome, {
    status: 1,
    stdout: /^1 image created .* 1 failed\n$/,
    stderr: /no space left/,
  })
  t.same((await readdir(dump)).toSorted(), [idOf(0), `${idOf(0)}.img`, 'MANIFEST'])
})

t.test('an archive on standard output', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  const image = imageOf(1, Buffer.alloc(8 * 1024 * 1024, 7))
  await one.create({ id: image.id, disk_format: 'raw', container_format: 'bare' })
  await one.upload(image.id, Buffer.alloc(8 * 1024 * 1024, 7))
  const program = 'dist/bin/glance-replicator.js'
  const piped = async (script: string) =>
    await runCommand('sh', ['-c', script, process.execPath, program, one.url, two.url])

  await t.test('goes through a pipe', async t => {
    t.match(await piped('"$0" "$1" dump "$2" - | "$0" "$1" load "$3" -'), {
      status: 0,
      stdout: /^1 image created \(8\.0 MiB\)/,
      stderr: /^1 image created \(8\.0 MiB\)/m,
    })
    t.match(await runProgram(['compare', one.url, two.url]), { status: 0 })
  })

  await t.test('of which nobody reads the rest is an error', async t => {
    const { stderr } = await piped('("$0" "$1" dump "$2" -; echo "ended by $?" >&2) | head -c 9')
    t.match(stderr, /ended by 74$/m)
  })

  await t.test('which nobody reads does not keep the program from being stopped', async t => {
    await using running = await startCommand(process.execPath, ['-e', STALLED, program, one.url])
    t.equal(await running.firstLine(), 'ended by 143')
  })
})

/** Runs the program, reads a little of what it writes, stops it, and tells how it ended. */
const STALLED = `
  const [program, url] = process.argv.slice(1)
  const { spawn } = require('node:child_process')
  const child = spawn(process.execPath, [program, 'dump', url, '-'], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.once('readable', () => child.kill('SIGTERM'))
  child.once('exit', status => {
    console.log('ended by ' + status)
    process.exit()
  })
`

t.test('results that cannot be printed are not lost in silence', async t => {
  const one = await startTestServer(t)
  await run(['load', one.url, IMAGES])
  const words = [process.execPath, 'dist/bin/glance-replicator.js', 'size', one.url]
  t.match(await runCommand('sh', ['-c', 'exec "$0" "$@" >/dev/full', ...words]), {
    status: EXIT_STATUS.output,
    stderr: /^glance-replicator: standard output: ENOSPC/,
  })
})

t.test('--version is that of the package', async t => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  t.match(await runProgram(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
})

/** TLS in front of a server, which is below /image there. */
async function tlsFront(t: Test, behind: string): Promise<string> {
  const keys = {
    key: readFileSync('fixtures/tls/key.pem'),
    cert: readFileSync('fixtures/tls/cert.pem'),
  }
  const front = createServer(keys, (request, response) => {
    const path = (request.url ?? '').replace(/^\/image/, '')
    const onward = send(
      new URL(path, behind),
      { method: request.method, headers: request.headers },
      answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    request.pipe(onward)
  })
  t.teardown(() => {
    front.closeAllConnections()
    front.close()
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return `https://localhost:${(front.address() as AddressInfo).port}/image` // It listens on a port.
}

/** A cloud whose one image stands still half way until it is released. */
async function slowCloud(t: Test) {
  const data = Buffer.alloc(8 * 1024 * 1024, 7)
  const image = imageOf(1, data)
  let moves = () => {}
  const moving = new Promise<void>(resolve => (moves = resolve))
  let stuck = true
  const url = await startListener(t, (request, response) => {
    if (!request.url?.endsWith('/file')) {
      const images = request.url?.includes('os_hidden') ? [] : [imageToV2(image)]
      return sendJson(response, 200, { images })
    }
    response.writeHead(200, { 'content-length': data.length })
    response.write(data.subarray(0, 4_000_000), () => moves())
    if (!stuck) response.end(data.subarray(4_000_000))
  })
  return { url, moving, release: () => (stuck = false) }
}
