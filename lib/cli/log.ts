import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { GlanceError, messageOf } from '../errors.ts'

/** Severities, worst first, with their numbers in RFC 5424. */
const SEVERITIES = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 } as const
export type Severity = keyof typeof SEVERITIES

/** Tells people what happens; results go elsewhere. */
export interface Log {
  error(message: string): void
  warning(message: string): void
  /** What became of one image. */
  notice(message: string): void
  info(message: string): void
  debug(message: string): void
}

/** Where a log goes, besides those who look on. */
interface Sink extends AsyncDisposable {
  write(severity: Severity, message: string): void
}

export interface LogOptions {
  /** The least severe that is told. Warnings and errors are always shown as well as kept. */
  readonly level: Severity
  readonly file: string | undefined
  readonly syslog: boolean
  /** Shows one line to whoever looks on; without file and syslog, all that is told. */
  readonly show: (line: string, severity: Severity) => void
  /** The time now. */
  readonly clock: () => Date
}

/** A log that is to be disposed of, so that nothing is lost. */
export class CommandLog implements Log, AsyncDisposable {
  readonly #sinks: readonly Sink[]
  readonly #options: LogOptions

  private constructor(sinks: readonly Sink[], options: LogOptions) {
    this.#sinks = sinks
    this.#options = options
  }

  /** @throws {GlanceError} `usage` for a file that cannot be written, or where there is no syslog. */
  static async open(options: LogOptions): Promise<CommandLog> {
    const sinks: Sink[] = []
    if (options.file !== undefined) sinks.push(await openFile(options.file, options.clock))
    if (options.syslog) sinks.push(await openSyslog())
    return new CommandLog(sinks, options)
  }

  error(message: string): void {
    this.#write('error', message)
  }

  warning(message: string): void {
    this.#write('warning', message)
  }

  notice(message: string): void {
    this.#write('notice', message)
  }

  info(message: string): void {
    this.#write('info', message)
  }

  debug(message: string): void {
    this.#write('debug', message)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sinks.map(async sink => await sink[Symbol.asyncDispose]()))
  }

  #write(severity: Severity, message: string): void {
    const grave = SEVERITIES[severity] <= SEVERITIES.warning
    if (SEVERITIES[severity] > SEVERITIES[this.#options.level] && !grave) return
    for (const sink of this.#sinks) sink.write(severity, message)
    if (grave || this.#sinks.length === 0) this.#options.show(message, severity)
  }
}

async function openFile(file: string, clock: () => Date): Promise<Sink> {
  const stream: WriteStream = createWriteStream(file, { flags: 'a' })
  await once(stream, 'open').catch((cause: unknown) => {
    throw new GlanceError('usage', `log file ${file}: ${messageOf(cause)}`, { cause })
  })
  stream.on('error', () => {}) // A full disk ends the log, not the work.
  return {
    write: (severity, message) => {
      stream.write(`${clock().toISOString()} ${severity.toUpperCase()} ${message}\n`)
    },
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>(resolve => {
        stream.once('close', () => resolve())
        stream.end()
        if (stream.closed) resolve()
      })
    },
  }
}

/** Node has no datagrams on local sockets; util-linux's logger has, and speaks RFC 5424. */
async function openSyslog(): Promise<Sink> {
  const child: ChildProcess = spawn(
    'logger',
    ['--rfc5424', '--prio-prefix', '--tag', 'glance-replicator', '--socket-errors=on'],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  )
  await once(child, 'spawn').catch((cause: unknown) => {
    throw new GlanceError('usage', `--syslog: cannot run logger: ${messageOf(cause)}`, { cause })
  })
  child.stdin?.on('error', () => {}) // Nobody listens: the work goes on.
  return {
    write: (severity, message) => {
      const user = 1 // The facility; a priority is facility * 8 + severity.
      child.stdin?.write(`<${user * 8 + SEVERITIES[severity]}>${message.replaceAll('\n', ' ')}\n`)
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin?.end()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    },
  }
}
