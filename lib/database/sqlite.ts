import { Kysely, sql, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import type { Database } from './database.ts'
import type { Engine } from './sql/engine.ts'
import { SqlDatabase } from './sql/sql-database.ts'
import type { Tables } from './sql/tables.ts'
import { SqliteDriver } from './sqlite-driver.ts'

export interface SqliteOptions {
  /** How long to wait for others, in this process or another, before something is `unavailable`. Default 10 000. */
  readonly timeoutMs?: number | undefined
}

/**
 * Opens the database in the file `path`, which is made when it is not there; `:memory:` for one that is gone when it
 * is closed. Several processes may have the file open. @throws {GlanceError} `unavailable`; `corrupt` when the file is
 * no database.
 */
export async function openSqlite(
  path: string,
  { timeoutMs = 10_000 }: SqliteOptions = {},
): Promise<Database> {
  const { default: Libsql } = await import('libsql')
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new TransactionalAdapter(),
      createDriver: () => new SqliteDriver({ open: () => new Libsql(path), timeoutMs }),
      createIntrospector: db => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
  try {
    await sql`select 1`.execute(db) // kysely connects on the first query.
  } catch (error) {
    const code = isGlanceError(error) ? error.code : 'unavailable'
    const message = `cannot open the SQLite database ${path}: ${messageOf(error)}`
    throw new GlanceError(code, message, { cause: error })
  }
  return new SqlDatabase(db, SQLITE)
}

/** What is locked is waited for by the driver, so nothing is tried again. */
const SQLITE: Engine = { name: 'sqlite', nullsLast: false, retries: 0 }

/** SQLite can change its schema in a transaction, which also keeps two processes from doing so at once. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}
