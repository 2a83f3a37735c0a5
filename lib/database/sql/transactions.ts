import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Abortable } from '../../abort.ts'
import { awayIn, Undone } from './away.ts'
import type { Engine } from './engine.ts'
import type { Sql } from './tables.ts'

/** Rows of an engine: those of a transaction while `sql` is one. */
export interface Access {
  readonly sql: Sql
  readonly engine: Engine
}

/**
 * Runs statements that belong together, all or none: as a part of the transaction that there is, or else in one of
 * their own, which is run again while it is `Undone`. `work` is to do nothing that may not be done twice.
 */
export function atomically<T>(
  { sql, engine }: Access,
  work: (tx: Sql) => Promise<T>,
  options: Abortable = {},
): Promise<T> {
  if (sql.isTransaction) return partly(sql, work)
  const transaction = sql.transaction().setIsolationLevel('serializable')
  const attempt = (times: number) =>
    transaction.execute(async tx => {
      await enter(tx, engine, times)
      return await work(tx)
    })
  return repeatedly(engine, attempt, options)
}

/**
 * Engines see conflicts where there are none, the more the busier they are: of fifty clients that write images of their
 * own, some were still refused by PostgreSQL after fifty attempts. So the first attempt goes together with others, and
 * any further one alone.
 */
async function enter(tx: Sql, { gate }: Engine, times: number): Promise<void> {
  if (gate !== undefined) await sql.raw(times === 1 ? gate.together : gate.alone).execute(tx)
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

/** Nothing is tried again after so long, such as work that waits for itself. */
const PATIENCE_MS = 30_000

async function repeatedly<T>(
  { retries, outages }: Engine,
  attempt: (times: number) => Promise<T>,
  { signal }: Abortable = {},
): Promise<T> {
  const end = performance.now() + PATIENCE_MS
  for (let retry = 1; ; retry += 1) {
    signal?.throwIfAborted()
    try {
      const result = await attempt(retry)
      outages?.over()
      return result
    } catch (error) {
      const away = awayIn(error)
      if (away === undefined) throw error
      const isOver = retry > retries || performance.now() > end
      if (isOver || !(away instanceof Undone)) throw outages?.met(away) ?? error
    }
    // By chance, so that two that got in each other's way do not meet again.
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** (retry - 1), LONGEST_PAUSE_MS)
    await setTimeout(Math.random() * longest, undefined, { signal })
  }
}
