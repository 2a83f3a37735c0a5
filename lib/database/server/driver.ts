import type {
  CompiledQuery,
  DatabaseConnection,
  Driver,
  QueryResult,
  TransactionSettings,
} from 'kysely'
import { keepable } from '../nul.ts'
import { Away, Undone } from '../sql/away.ts'
import type { Pool } from './pool.ts'
import { type Answer, answerWithin, Lost, type Session } from './session.ts'

/** The statements that begin a transaction. */
export type Beginning = (settings: TransactionSettings) => readonly string[]

/** kysely's driver for the connections of a pool. */
export class ServerDriver implements Driver {
  readonly #pool: Pool<Session>
  readonly #begin: Beginning
  readonly #limitMs: number

  /**
   * `limitMs` is how long a statement may take that reads, or is of a transaction with an isolation level; 0 for ever.
   * What changes the schema may take its time.
   */
  constructor(pool: Pool<Session>, begin: Beginning, limitMs = 0) {
    this.#pool = pool
    this.#begin = begin
    this.#limitMs = limitMs
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<ServerSession> {
    return new ServerSession(await this.#pool.take(), this.#limitMs)
  }

  beginTransaction(connection: ServerSession, settings: TransactionSettings): Promise<void> {
    const limited = settings.isolationLevel !== undefined
    const readOnly = settings.accessMode === 'read only'
    return connection.begin(this.#begin(settings), { limited, readOnly })
  }

  commitTransaction(connection: ServerSession): Promise<void> {
    return connection.commit()
  }

  rollbackTransaction(connection: ServerSession): Promise<void> {
    return connection.rollback()
  }

  async releaseConnection({ session }: ServerSession): Promise<void> {
    this.#pool.give(session)
  }

  async destroy(): Promise<void> {
    await this.#pool[Symbol.asyncDispose]()
  }
}

/** A connection as kysely uses it, which knows what is lost with it. */
class ServerSession implements DatabaseConnection {
  readonly session: Session
  /** By what the transaction was ended before it was committed. */
  #end: unknown
  #inTransaction = false
  readonly #limitMs: number
  /** Whether what is done now is limited in time. */
  #limited = false
  #readOnly = false

  constructor(session: Session, limitMs: number) {
    this.session = session
    this.#limitMs = limitMs
  }

  async begin(
    statements: readonly string[],
    { limited, readOnly }: { readonly limited: boolean; readonly readOnly: boolean },
  ): Promise<void> {
    this.#limited = limited
    this.#readOnly = readOnly
    for (const statement of statements) await this.#run(statement, [], undone)
    this.#inTransaction = true
  }

  /** @throws {GlanceError} `unavailable`: it is not known then whether it was done, unless it is {@link Undone}. */
  async commit(): Promise<void> {
    if (this.#end !== undefined) throw this.#end
    await this.#run('commit', [], this.#readOnly ? undone : unknown)
    this.#inTransaction = false
    this.#limited = false
  }

  /** Of a connection that was lost the server does it by itself. */
  async rollback(): Promise<void> {
    this.#inTransaction = false
    this.#end = undefined
    this.#limited = false
    if (this.session.ended) return
    try {
      await answerWithin(this.#limitMs, this.session, 'rollback', [])
    } catch {
      await this.session.close() // Nobody else is to find himself in the transaction.
    }
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const { sql, query } = compiled
    const parameters = keepable(compiled)
    const reads = query.kind === 'SelectQueryNode'
    const isHarmless = this.#inTransaction || reads
    const limited = this.#limited || (reads && !this.#inTransaction)
    const { rows, found } = await this.#run(sql, parameters, isHarmless ? undone : unknown, limited)
    const typed = rows as R[] // As kysely typed the query.
    return found === null ? { rows: typed } : { rows: typed, numAffectedRows: found }
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('listings are paged, not streamed')
  }

  /** A transaction that the engine has ended takes no more statements, also when its work does not mind. */
  async #run(
    sql: string,
    parameters: readonly unknown[],
    lost: (error: Lost) => Away,
    limited = this.#limited,
  ): Promise<Answer> {
    if (this.#end !== undefined) throw this.#end
    try {
      return await answerWithin(limited ? this.#limitMs : 0, this.session, sql, parameters)
    } catch (error) {
      const meant = error instanceof Lost ? lost(error) : error
      if (this.#inTransaction && meant instanceof Undone) this.#end = meant
      throw meant
    }
  }
}

function undone(error: Lost): Undone {
  return new Undone(error.message, { cause: error })
}

function unknown(error: Lost): Away {
  const message = `${error.message}; it is not known whether the change was made`
  return new Away(message, { cause: error })
}
