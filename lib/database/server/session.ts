import { Away } from '../sql/away.ts'

/** One connection to a database server, for one user at a time. */
export interface Session {
  /** Whether it is of no use any more. */
  readonly ended: boolean
  /**
   * Runs one statement. @throws {GlanceError} what the engine's error means, `Undone` when the engine has ended the
   * statement, or the transaction that it is in, for one that it got in the way of; {@link Lost}.
   */
  query(sql: string, parameters: readonly unknown[]): Promise<Answer>
  /** Closes it, whatever its state. Never rejects. */
  close(): Promise<void>
}

export interface Answer {
  readonly rows: readonly unknown[]
  /** How many rows a statement that changes rows has found; null for others. */
  readonly found: bigint | null
}

/** The connection was lost before there was an answer: what was asked for may have been done or not. */
export class Lost extends Away {}

/** How long a server may take to say goodbye. Milliseconds. */
export const PATIENCE_MS = 1000

/** How long a connection may be silent before the system asks whether the other side is still there. Milliseconds. */
export const KEEP_ALIVE_MS = 10_000

/**
 * How long a server waits for the next statement of a transaction, so that one whose program has vanished does not keep
 * everybody waiting. Milliseconds.
 */
export const IDLE_TIMEOUT_MS = 60_000

/** How long a statement waits for the locks of others. Milliseconds. */
export const LOCK_TIMEOUT_MS = 10_000

/** How long a pool that is closed waits for who uses its connections. Milliseconds. */
export const GRACE_MS = 5000

/**
 * The answer to one statement. A connection on which there is none within `limitMs` is closed; 0 is for ever.
 * @throws {GlanceError} as {@link Session.query}; {@link Lost} when there is none.
 */
export async function answerWithin(
  limitMs: number,
  session: Session,
  sql: string,
  parameters: readonly unknown[],
): Promise<Answer> {
  const answer = session.query(sql, parameters)
  if (limitMs <= 0) return await answer
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      void session.close()
      reject(new Lost(`the database did not answer within ${limitMs / 1000} s`))
    }, limitMs)
  })
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}
