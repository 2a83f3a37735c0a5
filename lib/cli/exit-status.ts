import { isGlanceError } from '../errors.ts'

/** Every exit status of the program; the man page has the same table. */
export const EXIT_STATUS = {
  /** Done; for `compare`: no difference. */
  done: 0,
  /** `compare` found differences, or some images failed, or a hook did, or projects are not mapped. */
  differences: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** An endpoint could not be reached, refused us or is not what it was taken for. */
  endpoint: 3,
  /** The target has no room for it all, and nothing was copied. */
  noRoom: 4,
  /** `--max-duration` was over before all was done, and nothing failed. */
  timeOver: 10,
  /** A fault of the program itself. */
  fault: 70,
  /** What was to be printed or written at the end could not be, as when nobody reads it. */
  output: 74,
  /** Another run has the lock. */
  busy: 75,
  /** Stopped by SIGINT. */
  interrupted: 130,
  /** Stopped by SIGTERM. */
  terminated: 143,
} as const
export type ExitStatus = (typeof EXIT_STATUS)[keyof typeof EXIT_STATUS]

/** Why a command was stopped from outside: the `reason` of its abort signal. */
export class Stopped extends Error {
  readonly by: 'SIGINT' | 'SIGTERM'

  constructor(by: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${by}`)
    this.name = 'Stopped'
    this.by = by
  }
}

/** `--max-duration` is over. */
export class TimeOver extends Error {
  constructor() {
    super('--max-duration is over')
    this.name = 'TimeOver'
  }
}

/** Another run has the lock, and nothing was begun. */
export class Busy extends Error {
  override readonly name = 'Busy'
}

/** Standard output takes no more. */
export class OutputFailed extends Error {
  constructor(cause: Error) {
    super(`standard output: ${cause.message}`, { cause })
    this.name = 'OutputFailed'
  }
}

export function exitStatusOf(error: unknown): ExitStatus {
  if (error instanceof Stopped) {
    return error.by === 'SIGINT' ? EXIT_STATUS.interrupted : EXIT_STATUS.terminated
  }
  if (error instanceof TimeOver) return EXIT_STATUS.timeOver
  if (error instanceof Busy) return EXIT_STATUS.busy
  if (error instanceof OutputFailed) return EXIT_STATUS.output
  if (isGlanceError(error, 'usage')) return EXIT_STATUS.usage
  return isGlanceError(error) ? EXIT_STATUS.endpoint : EXIT_STATUS.fault
}
