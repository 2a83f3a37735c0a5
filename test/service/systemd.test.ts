import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { takeListener } from '../../lib/cli/serving/systemd.ts'
import { programWords, runCommand, runProgram } from '../support/command.ts'
import { startService } from '../support/service.ts'
import { soon } from '../support/soon.ts'

/** Starts the service with a listener as systemd hands it over. */
function startAt(t: Test, listener: Server, workers: number) {
  const folder = t.testdir()
  const config = join(folder, 'conf')
  writeFileSync(config, `[DEFAULT]\nworkers = ${workers}\ndata_dir = ${folder}/data\n`)
  // Only its number is a way to hand a listener over to a program that is not Node's own child.
  // oxlint-disable-next-line no-underscore-dangle
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle
  const words = programWords(['serve', '--config', config])
  const script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec env -u NODE_OPTIONS "$@"'
  const child = spawn('sh', ['-c', script, 'sh', ...words], {
    stdio: ['ignore', 'pipe', 'pipe', fd],
  })
  t.teardown(() => child.kill('SIGKILL'))
  listener.close()
  return child
}

t.test('a socket of systemd', async t => {
  for (const workers of [0, 2]) {
    t.test(`is what ${workers} workers answer at`, async t => {
      const listener = createServer()
      listener.listen(0, '127.0.0.1')
      await once(listener, 'listening')
      const { port } = listener.address() as AddressInfo // It listens on a port.
      const child = startAt(t, listener, workers)
      const ended = once(child, 'exit')
      if (child.stdout === null) throw new TypeError('no standard output')
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
      t.match(line, `:${port}`)
      t.equal((await fetch(`http://127.0.0.1:${port}/healthcheck`)).status, 200)
      child.kill('SIGTERM')
      t.same(await ended, [0, null])
    })

    t.test(`without a port is refused with ${workers} workers`, async t => {
      const listener = createServer()
      listener.listen(`\0glance-test-${process.pid}-${workers}`)
      await once(listener, 'listening')
      const child = startAt(t, listener, workers)
      if (child.stderr === null) throw new TypeError('no standard error')
      const [said, ended] = await Promise.all([text(child.stderr), once(child, 'exit')])
      t.match(said, /is no address with a port: a socket unit has to have one/)
      t.same(ended, [2, null])
    })
  }

  t.test('is nobody else’s, and one', t => {
    const pid = String(process.pid)
    t.equal(takeListener({ LISTEN_PID: pid, LISTEN_FDS: '1' }), 3)
    t.equal(takeListener({ LISTEN_PID: '1', LISTEN_FDS: '1' }), undefined)
    t.equal(takeListener({}), undefined)
    t.throws(() => takeListener({ LISTEN_PID: pid, LISTEN_FDS: '2' }), { code: 'usage' })
    const environment = { LISTEN_PID: pid, LISTEN_FDS: '1', HOME: '/' }
    takeListener(environment)
    t.same(environment, { HOME: '/' })
    t.end()
  })
})

t.test('systemd is told when the service is ready, reads its configuration, and stops', async t => {
  const folder = t.testdir()
  const told = join(folder, 'told')
  // In the place of systemd's own, so that the test needs no systemd.
  const program = join(folder, 'systemd-notify')
  writeFileSync(program, `#!/bin/sh\nfor one; do echo "$one" >>${told}; done\n`)
  chmodSync(program, 0o755)
  const environment = { PATH: `${folder}:${process.env['PATH']}`, NOTIFY_SOCKET: '/run/none' }
  const service = await startService(t, ['workers = 1'], { environment, folder })
  const until = async (pattern: RegExp) => {
    while (!existsSync(told) || !pattern.test(readFileSync(told, 'utf8'))) await soon()
  }
  await until(new RegExp(`^READY=1\nMAINPID=${service.pid}\n$`))
  service.kill('SIGHUP')
  await until(/\nRELOADING=1\nMONOTONIC_USEC=\d+\nREADY=1\n/)
  service.kill('SIGTERM')
  await service.outcome
  t.match(readFileSync(told, 'utf8'), /\nSTOPPING=1\n$/)
})

t.test('--pid-file', async t => {
  await t.test('has the number of the process while it runs', async t => {
    const folder = t.testdir()
    const file = join(folder, 'pid')
    const words = ['--pid-file', file]
    const service = await startService(t, ['workers = 1'], { words, folder })
    t.equal(readFileSync(file, 'utf8'), `${service.pid}\n`)
    const second = ['serve', '--config', join(folder, 'glance.conf'), ...words]
    t.match(await runProgram(second), { status: 3, stderr: /in use by another service/ })
    t.equal(readFileSync(file, 'utf8'), `${service.pid}\n`, 'also when a second one is refused')
    service.kill('SIGTERM')
    await service.outcome
    t.notOk(existsSync(file))
  })

  await t.test('that cannot be written is an error', async t => {
    t.match(
      await runProgram(['serve', '--port', '0', '--pid-file', join(t.testdir(), 'no', 'pid')]),
      {
        status: 2,
        stderr: /--pid-file .*: ENOENT/,
      },
    )
  })
})

t.test('where the URL cannot be told the service ends', async t => {
  const words = ['serve', '--port', '0', '--data-dir', join(t.testdir(), 'data')]
  const script = 'exec "$@" >/dev/full'
  t.match(await runCommand('sh', ['-c', script, 'sh', ...programWords(words)]), {
    status: 74,
    stderr: /standard output: ENOSPC/,
  })
})
