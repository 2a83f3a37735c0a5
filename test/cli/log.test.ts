import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CommandLog } from '../../lib/cli/log.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'

t.test('--syslog', async t => {
  t.test('where there is none is refused at once', async t => {
    const socket = join(socketFolder(t), 'none')
    await t.rejects(openLog(socket), {
      code: 'usage',
      message: `--syslog: logger: socket ${socket}: No such file or directory`,
    })
  })

  t.test('has all that was told when the program ends', async t => {
    const { socket, connected } = await startSyslog(t)
    const [{ log }, syslog] = await Promise.all([openLog(socket), connected])
    for (let n = 1; n <= 1000; n += 1) log.notice(`line ${n}`)
    await log[Symbol.asyncDispose]()
    const lines = (await syslog.all()).trimEnd().split('\n')
    t.equal(lines.length, 1000)
    t.match(lines.at(-1), /^<13>1 .* glance-replicator .* line 1000$/)
  })

  t.test('that goes away is one warning, and the work goes on', async t => {
    const { socket, connected, stop } = await startSyslog(t)
    const [{ log, shown, warned }, syslog] = await Promise.all([openLog(socket), connected])
    log.notice('one')
    await syslog.until('one')
    await stop()
    log.notice('two')
    await warned
    log.notice('three')
    await log[Symbol.asyncDispose]()
    t.equal(shown.length, 1)
    t.match(shown[0], /^warning: --syslog: nothing more is logged: logger: /)
  })

  t.test('has the last lines after Ctrl-C, which all programs of the terminal get', async t => {
    const { socket, connected } = await startSyslog(t)
    const script = `
      const { CommandLog } = await import(${JSON.stringify(import.meta.resolve('../../lib/cli/log.js'))})
      const log = await CommandLog.open({
        level: 'notice', format: 'text', file: undefined, syslog: process.argv[1], show: () => {}, clock: () => new Date(),
      })
      const awake = setInterval(() => {}, 1000)
      process.on('SIGINT', async () => {
        log.notice('the last line')
        clearInterval(awake)
        await log[Symbol.asyncDispose]()
      })
      log.notice('the first line')`
    const words = ['--input-type=module', '--eval', script, socket]
    const child = spawn(process.execPath, words, { stdio: 'inherit', detached: true })
    const ended = once(child, 'exit')
    const syslog = await connected
    await syslog.until('the first line')
    process.kill(-(child.pid ?? 0), 'SIGINT') // Its group: it has been spawned.
    t.match(await syslog.all(), /the last line\n$/)
    t.same(await ended, [0, null])
  })
})

t.test('a log file that takes nothing more is one warning, and the work goes on', async t => {
  const server = await startTestServer(t)
  t.match(await run(['load', '-l', '/dev/full', server.url, 'fixtures/images']), {
    status: 0,
    stdout: /^5 images created/,
    stderr: /^log file \/dev\/full: nothing more is logged: ENOSPC.*\n$/,
  })
})

/** A log that goes to a syslog, what it showed, and when it first did. */
async function openLog(syslog: string) {
  const shown: string[] = []
  let warn = () => {}
  const warned = new Promise<void>(resolve => (warn = resolve))
  const log = await CommandLog.open({
    level: 'notice',
    file: undefined,
    syslog,
    format: 'text',
    show: (line, severity) => {
      shown.push(`${severity}: ${line}`)
      warn()
    },
    clock: () => new Date(),
  })
  return { log, shown, warned }
}

/**
 * Stands in for a syslog: at a stream, as some do, since Node has no datagrams on local sockets. `connected` is the
 * connection that stays, after the one that only tries whether somebody listens.
 */
async function startSyslog(t: Test) {
  const socket = join(socketFolder(t), 'log')
  const server = createServer()
  const stop = async () => {
    const closed = once(server, 'close')
    server.close()
    for (const connection of connections) connection.destroy()
    await closed
  }
  const connections: Socket[] = []
  const connected = new Promise<ReturnType<typeof listenTo>>(resolve => {
    server.on('connection', connection => {
      connections.push(connection)
      if (connections.length === 2) resolve(listenTo(connection))
      else connection.resume()
    })
  })
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { socket, connected, stop }
}

function listenTo(connection: Socket) {
  let text = ''
  connection.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return {
    until: async (wanted: string) => {
      while (!text.includes(wanted)) await once(connection, 'data')
    },
    all: async () => {
      if (!connection.readableEnded) await once(connection, 'end')
      return text
    },
  }
}

/** A folder with a short name: that of a socket has 107 characters at the most. */
function socketFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'glance-log-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}
