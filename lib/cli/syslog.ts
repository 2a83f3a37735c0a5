import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { GlanceError, messageOf } from '../errors.ts'
import { type OnLost, SEVERITIES, type Sink } from './log-sink.ts'

/** user; a priority is facility * 8 + severity. */
const FACILITY = 1

/**
 * Logs to the syslog that listens at a local socket. Node has no datagrams on those; util-linux's logger has, and
 * speaks RFC 5424. @throws {GlanceError} `usage` when there is no logger, or nobody listens.
 */
export async function openSyslog(socket: string, onLost: OnLost): Promise<Sink> {
  await checkSyslog(socket)
  // In a group of its own, Ctrl-C does not end it before it has been told of the end.
  const child = spawn('logger', wordsFor(socket), {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  })
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
  await once(child, 'spawn')
  let lost = false
  const lose = (reason: string) => {
    if (!lost) onLost(`--syslog: nothing more is logged: ${reason}`)
    lost = true
  }
  child.stdin.on('error', () => {}) // It has ended, which is told below.
  createInterface(child.stderr).on('line', lose)
  child.once('close', (status, signal) => {
    if (status !== 0 || !child.stdin.writableEnded) lose(`logger ended (${signal ?? status})`)
  })
  return {
    write: (severity, message) => {
      const priority = FACILITY * 8 + SEVERITIES[severity]
      child.stdin.write(`<${priority}>${message.replaceAll('\n', ' ')}\n`)
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await closed
    },
  }
}

/** Has logger connect and send nothing: of the one that runs we should learn too late that nobody listens. */
async function checkSyslog(socket: string): Promise<void> {
  const child = spawn('logger', wordsFor(socket), {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const closed = once(child, 'close').catch((cause: unknown) => {
    throw new GlanceError('usage', `--syslog: cannot run logger: ${messageOf(cause)}`, { cause })
  })
  const [said] = await Promise.all([text(child.stderr), closed])
  if (child.exitCode !== 0) throw new GlanceError('usage', `--syslog: ${said.trim()}`)
}

function wordsFor(socket: string): string[] {
  const form = ['--rfc5424', '--prio-prefix', '--tag', 'glance-replicator']
  return [...form, '--socket', socket, '--socket-errors=on']
}
