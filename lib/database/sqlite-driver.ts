import { setImmediate, setTimeout } from 'node:timers/promises'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import type Libsql from 'libsql'
import { keepable } from './nul.ts'
import { codeOf, toGlanceError } from './sqlite-errors.ts'
import { Turns } from './turns.ts'

/** How long to wait before trying again what another process's lock kept from us. */
const RETRY_MS = 10

/** How many statements in a row may keep everybody else in this process waiting, since each blocks it. */
const STATEMENTS_PER_TURN = 32

export interface SqliteDriverOptions {
  /** Makes the connection. */
  readonly open: () => Libsql.Database
  /** How long to wait for others, in this process or another, before something is `unavailable`. */
  readonly timeoutMs: number
  /** What each connection begins with. Default: what a database of ours needs. */
  readonly pragmas?: readonly string[]
}

/** kysely's driver for one connection to one SQLite file, which transactions and single queries have in turn. */
export class SqliteDriver implements Driver {
  readonly #options: SqliteDriverOptions
  readonly #turns: Turns
  #connection: SqliteConnection | undefined

  constructor(options: SqliteDriverOptions) {
    this.#options = options
    this.#turns = new Turns(options.timeoutMs)
  }

  async init(): Promise<void> {
    const { open, timeoutMs, pragmas = PRAGMAS } = this.#options
    const connection = new SqliteConnection(open(), timeoutMs)
    try {
      for (const pragma of pragmas) await connection.execute(pragma)
    } catch (error) {
      connection.close()
      throw error
    }
    this.#connection = connection
  }

  async acquireConnection(): Promise<SqliteConnection> {
    if (this.#connection === undefined) throw new TypeError('the driver is not initialised')
    await this.#turns.take()
    return this.#connection
  }

  async beginTransaction(
    connection: SqliteConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    await connection.execute(settings.accessMode === 'read only' ? 'begin' : BEGIN)
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    await connection.execute('commit')
  }

  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    // A full disk or a failed write may have ended the transaction already.
    if (connection.inTransaction) await connection.execute('rollback')
  }

  async releaseConnection(): Promise<void> {
    this.#turns.release()
  }

  /** Closes the file when whoever has the connection is done with it. */
  async destroy(): Promise<void> {
    await this.#turns.take()
    // Somebody else's stays as it is.
    if (this.#options.pragmas === undefined) this.#connection?.checkpoint()
    this.#connection?.close()
  }
}

const PRAGMAS = [
  'pragma journal_mode = wal',
  // An upload that was answered must be there after a power cut: each commit reaches the disk.
  'pragma synchronous = full',
  'pragma foreign_keys = on',
]

/** A transaction that began by reading might find later that another process has written in between. */
const BEGIN = 'begin immediate'

/** How many statements are kept prepared, and of how many characters at most: those that are run again and again. */
const KEPT = 64
const LONGEST_KEPT = 8192

interface PreparedStatement {
  readonly statement: Libsql.Statement
  /** Whether it answers with rows. */
  readonly reads: boolean
}

/** Statements that were prepared before, those that were used last. */
class Prepared {
  readonly #kept = new Map<string, PreparedStatement>()

  /** Whoever takes it has it alone. */
  take(sql: string): PreparedStatement | undefined {
    const prepared = this.#kept.get(sql)
    this.#kept.delete(sql)
    return prepared
  }

  keep(sql: string, prepared: PreparedStatement): void {
    // What changes tables makes others mean something else.
    if (!/^(?:select|insert|update|delete|with)\b/i.test(sql)) return this.#kept.clear()
    if (sql.length > LONGEST_KEPT) return
    this.#kept.set(sql, prepared)
    if (this.#kept.size <= KEPT) return
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest)
      break
    }
  }
}

function prepare(database: Libsql.Database, sql: string): PreparedStatement {
  const statement = database.prepare(sql)
  return { statement, reads: statement.reader }
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: Libsql.Database
  readonly #timeoutMs: number
  readonly #prepared = new Prepared()
  #statements = 0

  constructor(database: Libsql.Database, timeoutMs: number) {
    this.#database = database
    this.#timeoutMs = timeoutMs
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction
  }

  /** Runs one statement that neither takes nor answers anything. */
  execute(sql: string): Promise<void> {
    return this.#patiently(() => void this.#database.exec(sql))
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const { sql } = compiled
    const parameters = keepable(compiled)
    this.#statements += 1
    if (this.#statements % STATEMENTS_PER_TURN === 0) await setImmediate()
    return this.#patiently(() => {
      const prepared = this.#prepared.take(sql) ?? prepare(this.#database, sql)
      const { statement, reads } = prepared
      const rows = reads ? (statement.all(parameters) as R[]) : [] // As kysely typed the query.
      const changes = reads ? undefined : this.#write(() => statement.run(parameters)).changes
      // What failed may hold on to what it did not get, and is not used again.
      this.#prepared.keep(sql, prepared)
      return changes === undefined ? { rows } : { rows, numAffectedRows: BigInt(changes) }
    })
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('listings are paged, not streamed')
  }

  /** Moves what is still in the journal into the file, so that it can be copied alone, as far as others let us. */
  checkpoint(): void {
    try {
      this.#database.exec('pragma wal_checkpoint(truncate)')
    } catch {
      // It is in the journal, where whoever opens the file finds it.
    }
  }

  close(): void {
    this.#database.close()
  }

  /**
   * Tries again while another connection has the file locked. SQLite's own `busy_timeout` would stop the whole process
   * while it waits, and with it perhaps the very transaction that it waits for.
   */
  async #patiently<T>(work: () => T): Promise<T> {
    for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
      try {
        return work()
      } catch (error) {
        const busy = codeOf(error).startsWith('SQLITE_BUSY')
        if (!busy || waitedMs >= this.#timeoutMs) throw toGlanceError(error)
      }
      await setTimeout(RETRY_MS)
    }
  }

  /** The lock is always taken by `begin`: libsql never lets go of what a statement held that failed to take it. */
  #write<T>(work: () => T): T {
    if (this.inTransaction) return work()
    this.#database.exec(BEGIN)
    try {
      const result = work()
      this.#database.exec('commit')
      return result
    } catch (error) {
      if (this.inTransaction) this.#database.exec('rollback')
      throw error
    }
  }
}
