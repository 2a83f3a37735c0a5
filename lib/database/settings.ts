import type { Abortable } from '../abort.ts'

/** How many connections to a server there are, and how patient everybody is. The names are oslo.db's. */
export interface ServerSettings {
  /** Connections that stay open when nobody needs them; 0 for any number. */
  readonly maxPoolSize: number
  /** Connections besides, each closed as soon as nobody needs it; negative for any number. */
  readonly maxOverflow: number
  /** How long something waits for a connection while all are in use, before it is `unavailable`. Milliseconds. */
  readonly poolTimeoutMs: number
  /** The age at which a connection is not used again; negative for any. Milliseconds. */
  readonly connectionRecycleMs: number
  /** How many more times a server that does not answer yet is tried when the database is opened; negative for ever. */
  readonly maxRetries: number
  /** How long to wait before each of them. Milliseconds. */
  readonly retryIntervalMs: number
  /**
   * How many more times something is tried later on that got in the way of another or lost its connection, of which
   * nothing has been done.
   */
  readonly dbMaxRetries: number
  /**
   * How long a server may take to answer one statement before the connection is given up; 0 for ever. What changes the
   * schema may take its time. Milliseconds.
   */
  readonly statementTimeoutMs: number
}

/** The settings, of which `given` is what somebody has set. */
export function completeSettings(given: Partial<ServerSettings>): ServerSettings {
  return {
    maxPoolSize: given.maxPoolSize ?? 5,
    maxOverflow: given.maxOverflow ?? 50,
    poolTimeoutMs: given.poolTimeoutMs ?? 30_000,
    connectionRecycleMs: given.connectionRecycleMs ?? 3_600_000,
    maxRetries: given.maxRetries ?? 10,
    retryIntervalMs: given.retryIntervalMs ?? 10_000,
    dbMaxRetries: given.dbMaxRetries ?? 20,
    statementTimeoutMs: given.statementTimeoutMs ?? 60_000,
  }
}

export interface OpenOptions extends Abortable {
  /** Told what is waited for, and which options of the connection are ignored. */
  readonly notice?: ((message: string) => void) | undefined
  /** Told once of each time that the database is away, when nobody else is told where it is. Default: nobody is. */
  readonly report?: ((error: unknown) => void) | undefined
}
