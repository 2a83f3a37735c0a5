import { setTimeout } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Abortable } from '../../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import type { Schema, SchemaLoss } from '../database.ts'
import { awayIn } from './away.ts'
import { MIGRATIONS, TABLES } from './migrations.ts'
import {
  BOOK,
  type BookState,
  makeBook,
  making,
  readBook,
  Unwritten,
  unmaking,
  versionOf,
} from './schema-book.ts'
import type { Sql } from './tables.ts'
import { type Access, consistently } from './transactions.ts'

/** The versions of the tables in an SQL database, each made by a migration of its own. */
export class SqlSchema implements Schema {
  readonly versions: readonly string[] = MIGRATIONS.map(([name]) => name)
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async version(): Promise<number> {
    return versionOf(await settledBook(this.#access))
  }

  async losses(to: number): Promise<readonly SchemaLoss[]> {
    requireKnown(to)
    const state = await settledBook(this.#access)
    return consistently(this.#access, async tx => {
      // What is there of a version that was cut off, nobody knows; it is lost on the way to nothing only.
      if (isBroken(state, to)) return [{ what: 'remains of a change that was cut off', rows: 1 }]
      const losses: SchemaLoss[] = []
      for (const [, migration] of MIGRATIONS.slice(to, versionOf(state)).toReversed()) {
        losses.push(...(await migration.losses(untyped(tx))))
      }
      return losses
    })
  }

  async migrate(to: number, { signal }: Abortable = {}): Promise<readonly number[]> {
    requireKnown(to)
    signal?.throwIfAborted()
    // Who is there already waits for nobody, and needs no right to write.
    const state = await readBook(this.#access)
    if (state.cut === undefined && versionOf(state) === to) return []
    try {
      return await locked(this.#access, db => migrate(db, to, signal))
    } catch (error) {
      const canMend = !this.#access.sql.getExecutor().adapter.supportsTransactionalDdl
      if (canMend && error instanceof Unwritten) {
        await mend(this.#access, error, signal)
        await this.migrate(to, { signal })
        return way(versionOf(state), to)
      }
      if (isGlanceError(error) || signal?.aborted === true) throw error
      const message = `the schema of the database cannot be brought to version ${to}: ${messageOf(error)}`
      throw new GlanceError('unsupported', message, { cause: error })
    }
  }
}

/** How long it is waited before the book is written again. Milliseconds. */
const PAUSE_MS = 500

async function mend(
  { sql, engine }: Access,
  unwritten: Unwritten,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let retry = 0; ; retry += 1) {
    try {
      await unwritten.mend(sql)
      return
    } catch (error) {
      if (awayIn(error) === undefined || retry >= engine.retries) throw error
    }
    await setTimeout(PAUSE_MS, undefined, { signal })
  }
}

/** The versions on the way, without the first. */
function way(from: number, to: number): readonly number[] {
  const step = Math.sign(to - from)
  return Array.from({ length: Math.abs(to - from) }, (_, i) => from + step * (i + 1))
}

function requireKnown(to: number): void {
  if (Number.isInteger(to) && to >= 0 && to <= MIGRATIONS.length) return
  const message = `there is no version ${to} of the schema: they go from 0 to ${MIGRATIONS.length}`
  throw new GlanceError('usage', message)
}

/** What stands in the book when nobody is at it. */
async function settledBook(access: Access): Promise<BookState> {
  const state = await readBook(access)
  return state.cut === undefined ? state : await locked(access, readBook)
}

/** Whether all that can be done is to remove everything, and that is what is asked for. */
function isBroken({ cut }: BookState, to: number): boolean {
  return cut !== undefined && to === 0
}

/** Runs `work` while nobody else does, in a transaction where a change of the schema can be undone. */
function locked<T>({ sql, engine }: Access, work: (db: Access) => Promise<T>): Promise<T> {
  const withTables = (sql: Sql) => work({ sql, engine })
  return sql.connection().execute(async db => {
    const { adapter } = db.getExecutor()
    const lock = { lockTable: BOOK, lockRowId: '' } // For engines without locks of their own, of which none is here.
    await adapter.acquireMigrationLock(db, lock)
    try {
      return adapter.supportsTransactionalDdl
        ? await db.transaction().execute(withTables)
        : await withTables(db)
    } finally {
      await adapter.releaseMigrationLock(db, lock)
    }
  })
}

/** Goes from version to version until `to`, and resolves to those on the way. */
async function migrate(
  access: Access,
  to: number,
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const { sql: db, engine } = access
  const state = await readBook(access)
  if (isBroken(state, to)) {
    await removeAll(db)
    return [0]
  }
  const from = versionOf(state)
  await makeBook(db)
  const steps = [...MIGRATIONS.entries()]
  const passed: number[] = []
  for (const [i, [name, migration]] of steps.slice(from, to)) {
    signal?.throwIfAborted()
    await making(db, name, () => migration.up(untyped(db), engine))
    passed.push(i + 1)
  }
  for (const [i, [name, migration]] of steps.slice(to, from).toReversed()) {
    signal?.throwIfAborted()
    await unmaking(db, name, () => migration.down(untyped(db), engine))
    passed.push(i)
  }
  if (to === 0) await removeAll(db)
  signal?.throwIfAborted()
  return passed
}

async function removeAll(db: Sql): Promise<void> {
  for (const table of [...TABLES, BOOK, `${BOOK}_lock`]) {
    await db.schema.dropTable(table).ifExists().execute()
  }
}

/** Migrations know the tables of their own time. */
function untyped(db: Sql): Kysely<unknown> {
  return db as unknown as Kysely<unknown> // Which is the same but for what the compiler knows.
}
