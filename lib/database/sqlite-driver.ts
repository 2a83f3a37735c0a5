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
import { SqliteJournal } from './sqlite-journal.ts'
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
  /** The file, where what is answered has to be on the disk and commits are to reach it together. Default: SQLite sees to it. */
  readonly path?: string
}

/** kysely's driver for one connection to one SQLite file, which transactions and single queries have in turn. */
export class SqliteDriver implements Driver {
  readonly #options: SqliteDriverOptions
  readonly #turns: Turns
  #connection: SqliteConnection | undefined
  #journal: SqliteJournal | undefined

  constructor(options: SqliteDriverOptions) {
    this.#options = options
    this.#turns = new Turns(options.timeoutMs)
  }

  async init(): Promise<void> {
    const { open, timeoutMs, pragmas = PRAGMAS, path } = this.#options
    const connection = new SqliteConnection(open(), timeoutMs)
    try {
      for (const pragma of pragmas) await connection.execute(pragma)
      if (path !== undefined) this.#journal = await journalOf(connection, path)
    } catch (error) {
      connection.close()
      throw error
    }
    this.#connection = connection
  }

  async acquireConnection(): Promise<Turn> {
    if (this.#connection === undefined) throw new TypeError('the driver is not initialised')
    const turn = new Turn(this.#connection, this.#turns, this.#journal)
    await turn.take()
    return turn
  }

  async beginTransaction(turn: Turn, { accessMode }: TransactionSettings): Promise<void> {
    await turn.begin(accessMode === 'read only')
  }

  async commitTransaction(turn: Turn): Promise<void> {
    await turn.commit()
  }

  async rollbackTransaction(turn: Turn): Promise<void> {
    await turn.rollback()
  }

  async releaseConnection(turn: Turn): Promise<void> {
    turn.release()
  }

  /** Closes the file when whoever has the connection is done with it. */
  async destroy(): Promise<void> {
    await this.#turns.take()
    try {
      await this.#journal?.close()
    } finally {
      // Somebody else's stays as it is.
      if (this.#options.pragmas === undefined) this.#connection?.checkpoint()
      this.#connection?.close()
    }
  }
}

/** The log of a database, which is left to us from here on; undefined where SQLite goes on to see to it. */
async function journalOf(
  connection: SqliteConnection,
  path: string,
): Promise<SqliteJournal | undefined> {
  await connection.execute('select 1 from sqlite_schema') // From here on the log is there.
  const journal = await SqliteJournal.open(path)
  if (journal !== undefined) await connection.execute('pragma synchronous = normal')
  return journal
}

/**
 * The connection while it is one's turn. The turn is over when nothing more is asked of SQLite, and what was found or
 * written is answered when it is on the disk: also what others have written, so that nobody is told of what a power cut
 * undoes.
 */
class Turn implements DatabaseConnection {
  readonly #connection: SqliteConnection
  readonly #turns: Turns
  readonly #journal: SqliteJournal | undefined
  #isOurs = false
  #transaction: 'none' | 'reading' | 'writing' = 'none'

  constructor(connection: SqliteConnection, turns: Turns, journal: SqliteJournal | undefined) {
    this.#connection = connection
    this.#turns = turns
    this.#journal = journal
  }

  async take(): Promise<void> {
    await this.#turns.take()
    this.#isOurs = true
  }

  release(): void {
    if (!this.#isOurs) return
    this.#isOurs = false
    this.#turns.release()
  }

  async begin(readOnly: boolean): Promise<void> {
    if (!this.#isOurs) await this.take()
    // A transaction that began by reading might find later that another process has written in between.
    await this.#connection.execute(readOnly ? 'begin' : BEGIN)
    this.#transaction = readOnly ? 'reading' : 'writing'
  }

  async commit(): Promise<void> {
    await this.#connection.execute('commit')
    const hasWritten = this.#transaction === 'writing'
    this.#transaction = 'none'
    await this.#settle(hasWritten)
  }

  async rollback(): Promise<void> {
    this.#transaction = 'none'
    if (!this.#isOurs) return
    // A full disk or a failed write may have ended the transaction already.
    if (this.#connection.inTransaction) await this.#connection.execute('rollback')
    await this.#settle(false) // That something is so already, or is not there, was found as well.
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    if (!this.#isOurs) await this.take()
    const result = await this.#connection.executeQuery<R>(compiled)
    if (this.#transaction === 'none') await this.#settle(result.numAffectedRows !== undefined)
    return result
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('listings are paged, not streamed')
  }

  async #settle(hasWritten: boolean): Promise<void> {
    if (this.#journal === undefined) return
    if (hasWritten || this.#connection.othersHaveWritten()) this.#journal.advanced()
    this.release()
    await this.#journal.settled()
  }
}

const PRAGMAS = [
  'pragma journal_mode = wal',
  // An upload that was answered must be there after a power cut: each commit reaches the disk.
  'pragma synchronous = full',
  'pragma foreign_keys = on',
]

/** Takes the lock. */
const BEGIN = 'begin immediate'

/** How many statements are kept prepared, and of how many characters at most: those that are run again and again. */
const KEPT = 64
const LONGEST_KEPT = 8192

const LEAVES_TABLES = /^(?:select|insert|update|delete|with|savepoint|release|rollback to)\b/i

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
    if (!LEAVES_TABLES.test(sql)) return this.#kept.clear()
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

class SqliteConnection {
  readonly #database: Libsql.Database
  readonly #timeoutMs: number
  readonly #prepared = new Prepared()
  #statements = 0
  #version: Libsql.Statement | undefined
  #seen: unknown

  constructor(database: Libsql.Database, timeoutMs: number) {
    this.#database = database
    this.#timeoutMs = timeoutMs
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction
  }

  /** Whether another connection, such as another process's, may have committed something since this was asked last. */
  othersHaveWritten(): boolean {
    try {
      this.#version ??= this.#database.prepare('pragma data_version').raw()
      const [now] = this.#version.get() as readonly unknown[] // One column.
      const isOther = now !== this.#seen
      this.#seen = now
      return isOther
    } catch {
      return true // Nothing that was done has failed for that.
    }
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
