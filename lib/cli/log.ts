import { openLogFile } from './log-file.ts'
import { type LogFields, type OnLost, SEVERITIES, type Severity, type Sink } from './log-sink.ts'
import { openSyslog } from './syslog.ts'

/** Tells people what happens; results go elsewhere. */
export interface Log {
  error(message: string, fields?: LogFields): void
  warning(message: string): void
  /** What became of one image. */
  notice(message: string): void
  info(message: string, fields?: LogFields): void
  debug(message: string): void
  /** Goes on in a file anew, where another program has moved the one of before. @throws {GlanceError} `usage`, and goes on in that. */
  reopen(): Promise<void>
}

export type LogFormat = 'text' | 'json'

export interface LogOptions {
  /** The least severe that is told. Warnings and errors are always shown as well as kept. */
  readonly level: Severity
  readonly file: string | undefined
  /** The socket at which the local syslog listens, when it is to be told. */
  readonly syslog: string | undefined
  /** Shows one line to whoever looks on; without file and syslog, all that is told. */
  readonly show: (line: string, severity: Severity, fields?: LogFields) => void
  /** How a line of the file is put: with `json` as an object with `time`, `level` and `message`. */
  readonly format: LogFormat
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

  /**
   * One that cannot be written any more later on is a warning that is shown, and the end of that log only.
   * @throws {GlanceError} `usage` for a file that cannot be opened, or where there is no syslog.
   */
  static async open(options: LogOptions): Promise<CommandLog> {
    const { file, syslog, format, clock, show } = options
    const sinks: Sink[] = []
    const onLost: OnLost = message => show(message, 'warning')
    if (file !== undefined) sinks.push(await openLogFile(file, lineIn(format, clock), onLost))
    if (syslog !== undefined) sinks.push(await openSyslog(syslog, onLost))
    return new CommandLog(sinks, options)
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields)
  }

  warning(message: string): void {
    this.#write('warning', message)
  }

  notice(message: string): void {
    this.#write('notice', message)
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields)
  }

  debug(message: string): void {
    this.#write('debug', message)
  }

  async reopen(): Promise<void> {
    for (const sink of this.#sinks) await sink.reopen?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sinks.map(async sink => await sink[Symbol.asyncDispose]()))
  }

  #write(severity: Severity, message: string, fields?: LogFields): void {
    const grave = SEVERITIES[severity] <= SEVERITIES.warning
    if (SEVERITIES[severity] > SEVERITIES[this.#options.level] && !grave) return
    for (const sink of this.#sinks) sink.write(severity, message, fields)
    if (grave || this.#sinks.length === 0) this.#options.show(message, severity, fields)
  }
}

/** A line with the time in it. */
export function lineIn(format: LogFormat, clock: () => Date) {
  return (severity: Severity, message: string, fields: LogFields = {}): string => {
    const time = clock().toISOString()
    return format === 'json'
      ? JSON.stringify({ time, level: severity, message, ...fields })
      : `${time} ${severity.toUpperCase()} ${message}`
  }
}
