import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Abortable } from '../../abort.ts'
import { type Engine, Undone } from './engine.ts'
import type { Sql } from './tables.ts'

/** Rows of an engine: those of a transaction while `sql` is one. */
export interface Access {
  readonly sql: Sql
  readonly engine: Engine
}

/**
 * Runs statements that belong together, all or none: as a part of the transaction that there is, or else in one of
 * their own, which is run again while it is {@link Undone}. `work` is to do nothing that may not be done twice.
 */
export function atomically<T>(
  { sql, engine }: Access,
  work: (tx: Sql) => Promise<T>,
  options: Abortable = {},
): Promise<T> {
  if (sql.isTransaction) return partly(sql, work)
  const attempt = () => sql.transaction().setIsolationLevel('serializable').execute(work)
  return repeatedly(engine, attempt, options)
}

/** Runs queries that must see the same moment, such as an image's row and then its tags. */
export function consistently<T>(
  { sql, engine }: Access,
  work: (tx: Sql) => Promise<T>,
): Promise<T> {
  if (sql.isTransaction) return work(sql)
  const snapshot = sql.transaction().setAccessMode('read only').setIsolationLevel('repeatable read')
  return repeatedly(engine, () => snapshot.execute(work))
}

/** Runs one query. */
export function reading<T>({ sql, engine }: Access, work: (sql: Sql) => Promise<T>): Promise<T> {
  return sql.isTransaction ? work(sql) : repeatedly(engine, () => work(sql))
}

/** A part of a transaction that is undone alone when it fails, so that the transaction may go on. */
async function partly<T>(tx: Sql, work: (tx: Sql) => Promise<T>): Promise<T> {
  await sql`savepoint part`.execute(tx)
  try {
    const result = await work(tx)
    await sql`release savepoint part`.execute(tx)
    return result
  } catch (error) {
    // Of a transaction that the engine has ended there is no part left to undo; what it was ended by is what counts.
    await sql`rollback to savepoint part`.execute(tx).catch(() => {})
    throw error
  }
}

/** Milliseconds: at most so many before the first retry, twice as many before the next, and so on. */
const FIRST_PAUSE_MS = 10
const LONGEST_PAUSE_MS = 500

async function repeatedly<T>(
  { retries }: Engine,
  attempt: () => Promise<T>,
  { signal }: Abortable = {},
): Promise<T> {
  for (let retry = 1; ; retry += 1) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (retry > retries || !isUndone(error)) throw error
    }
    // By chance, so that two that got in each other's way do not meet again.
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** (retry - 1), LONGEST_PAUSE_MS)
    await setTimeout(Math.random() * longest, undefined, { signal })
  }
}

/** Also when somebody on the way has said more about it. */
function isUndone(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof Undone) return true
  return false
}
