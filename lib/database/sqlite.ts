import {
  type Dialect,
  Kysely,
  sql,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { IN_MEMORY } from './connection.ts'
import type { Database } from './database.ts'
import { lock } from './lock.ts'
import type { OpenOptions } from './settings.ts'
import { Away, Outages } from './sql/away.ts'
import type { Engine } from './sql/engine.ts'
import { SqlDatabase } from './sql/sql-database.ts'
import type { Tables } from './sql/tables.ts'
import { SqliteDriver, type SqliteDriverOptions } from './sqlite-driver.ts'
import { SQLITE_IMAGES } from './sqlite-images.ts'

export interface SqliteOptions {
  /** How long to wait for others, in this process or another, before something is `unavailable`. Default 10 000. */
  readonly timeoutMs?: number | undefined
  /** As {@link OpenOptions.report}. */
  readonly report?: OpenOptions['report']
}

/**
 * Opens the database in the file `path`, which is made when it is not there; `:memory:` for one that is gone when it
 * is closed. Several processes may have the file open. @throws {GlanceError} `unavailable`; `corrupt` when the file is
 * no database.
 */
export async function openSqlite(
  path: string,
  { timeoutMs = 10_000, report }: SqliteOptions = {},
): Promise<Database> {
  const { default: Libsql } = await import('libsql')
  const db = new Kysely<Tables>({
    dialect: sqliteDialect({
      open: () => new Libsql(path),
      timeoutMs,
      ...(path !== IN_MEMORY && { path }),
    }),
  })
  try {
    await sql`select 1`.execute(db) // kysely connects on the first query.
  } catch (error) {
    const code = isGlanceError(error) ? error.code : 'unavailable'
    const message = `cannot open the SQLite database ${path}: ${messageOf(error)}`
    throw new GlanceError(code, message, { cause: error })
  }
  if (path === IN_MEMORY) return new SqlDatabase(db, SQLITE)
  const outages = new Outages(error =>
    report?.(new Away(`the SQLite database ${path}: ${messageOf(error)}`, { cause: error })),
  )
  return new SqlDatabase(db, {
    ...SQLITE,
    outages,
    hold: async ({ signal } = {}) => {
      signal?.throwIfAborted()
      return await lock(`the database ${path}`, path)
    },
  })
}

/** How kysely speaks to SQLite. */
export function sqliteDialect(options: SqliteDriverOptions): Dialect {
  return {
    createAdapter: () => new TransactionalAdapter(),
    createDriver: () => new SqliteDriver(options),
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

/** What is locked is waited for by the driver, so nothing is tried again. */
export const SQLITE: Engine = {
  name: 'sqlite',
  nullsLast: false,
  knowsNull: true,
  retries: 0,
  whole: SQLITE_IMAGES,
  hint: index => sql`indexed by ${sql.ref(index ?? 'sqlite_autoindex_images_1')}`,
  textIndex: (column, text) => sql`(${sql.ref(column)}, ${sql.ref(text)})`,
  ourPart: null,
  dropIndex: index => sql`drop index ${sql.ref(index)}`,
}

/** SQLite can change its schema in a transaction, which also keeps two processes from doing so at once. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}
