/** Severities, worst first, with their numbers in RFC 5424. */
export const SEVERITIES = { error: 3, warning: 4, notice: 5, info: 6, debug: 7 } as const
export type Severity = keyof typeof SEVERITIES

/** What programs are told besides the message. */
export type LogFields = Readonly<Record<string, string | number | null>>

/** Where a log goes, besides those who look on. Disposal waits until all of it is there. */
export interface Sink extends AsyncDisposable {
  /** Never throws: what cannot be logged does not end the work. */
  write(severity: Severity, message: string, fields?: LogFields): void
  /** Goes on at the same place anew, where that may be another one by now. @throws {GlanceError} `usage`, and goes on as before. */
  reopen?(): Promise<void>
}

/** Told once of a sink that takes nothing more, with what to say of it. */
export type OnLost = (message: string) => void
