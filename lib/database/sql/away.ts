import { GlanceError } from '../../errors.ts'

/** The database is not to be had now. The message says which, and where, which is for whoever runs the service. */
export class Away extends GlanceError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('unavailable', message, options)
  }
}

/** Before what a server says of a table or a column that it has not. */
export const OTHER_SCHEMA = 'the schema is not the one that is used: '

/**
 * Nothing of the transaction, or of the statement outside of one, has been done, and it may be done when it is tried
 * again: it got in the way of another, or the connection was lost before it was committed.
 */
export class Undone extends Away {}

/** What of an error says that the database is away, also when somebody on the way has said more about it. */
export function awayIn(error: unknown): Away | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof Away) return at
  return undefined
}

/** Tells whoever runs the service once of each time that the database is away, and clients no more than that it is. */
export class Outages {
  readonly #report: (error: unknown) => void
  #isAway = false

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  /** What a client is told. */
  met(error: Away): GlanceError {
    if (!this.#isAway) this.#report(error)
    this.#isAway = true
    const message = 'the database is temporarily unavailable'
    return new GlanceError('unavailable', message, { cause: error })
  }

  over(): void {
    this.#isAway = false
  }
}
