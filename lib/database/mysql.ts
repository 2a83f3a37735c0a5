import { Kysely, sql, MysqlAdapter, MysqlIntrospector, type TransactionSettings } from 'kysely'
import { GlanceError } from '../errors.ts'
import { nameOf, type ServerConnection } from './connection.ts'
import type { Database } from './database.ts'
import { MysqlCompiler } from './mysql-compiler.ts'
import { MysqlSession } from './mysql-session.ts'
import { ServerDriver } from './server/driver.ts'
import { ServerHold } from './server/hold.ts'
import { firstAnswer } from './server/open.ts'
import { Pool } from './server/pool.ts'
import type { OpenOptions, ServerSettings } from './settings.ts'
import { Outages } from './sql/away.ts'
import { BOOK, FIRST_VERSION } from './sql/schema-book.ts'
import { SqlDatabase } from './sql/sql-database.ts'
import type { Tables } from './sql/tables.ts'

/**
 * Opens a database of a MySQL or MariaDB server. @throws {GlanceError} `usage` when it does not let us in; `unsupported`
 * when it is too old; `unavailable` when it does not answer, however often it is tried.
 */
export async function openMysql(
  connection: ServerConnection,
  settings: ServerSettings,
  options: OpenOptions = {},
): Promise<Database> {
  const name = nameOf(connection)
  const outages = new Outages(options.report ?? (() => {}))
  const open = () => MysqlSession.open(connection, name)
  const pool = new Pool({ ...settings, name, open })
  try {
    const { rows } = await firstAnswer(
      pool,
      settings,
      session => session.query('select version() as version', []),
      options,
    )
    const [{ version }] = rows as [{ version: string }] // As it was asked for.
    const collation = collationOf(version, name)
    const db = new Kysely<Tables>({
      dialect: {
        createAdapter: () => new MysqlAdapter(),
        createDriver: () => new ServerDriver(pool, begin, settings.statementTimeoutMs),
        createIntrospector: db => new MysqlIntrospector(db),
        createQueryCompiler: () => new MysqlCompiler(collation),
      },
    })
    return new SqlDatabase(db, {
      name: 'mysql',
      nullsLast: false,
      knowsNull: true,
      retries: settings.dbMaxRetries,
      hint: index => sql`force index (${sql.ref(index ?? 'primary')})`,
      // So many characters of a long text that the index has room for them.
      textIndex: (column, text) => sql`(${sql.ref(column)}, ${sql.ref(text)}(191))`,
      ourPart: null,
      dropIndex: (index, table) => sql`drop index ${sql.ref(index)} on ${sql.ref(table)}`,
      gate: GATE,
      outages,
      pool,
      hold: options => ServerHold.take({ name, open, ...HOLDING }, options),
    })
  } catch (error) {
    await pool[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * The collation that compares text by its bytes, with the spaces at its end, which for `utf8mb4_bin` are not there.
 * @throws {GlanceError} `unsupported`.
 */
function collationOf(version: string, name: string): string {
  const isMariaDb = /mariadb/i.test(version)
  const parts = version.split('.').map(Number.parseFloat)
  const [wanted, collation] = isMariaDb
    ? ([[10, 6, 0], 'utf8mb4_nopad_bin'] as const)
    : ([[8, 0, 17], 'utf8mb4_0900_bin'] as const)
  const first = wanted.findIndex((least, i) => parts[i] !== least)
  if (first < 0 || (parts[first] ?? 0) > (wanted[first] ?? 0)) return collation
  const least = `${isMariaDb ? 'MariaDB' : 'MySQL'} ${wanted.join('.')}`
  throw new GlanceError('unsupported', `${name}: expected ${least} or later, found ${version}`)
}

/** A row that may be read meanwhile, and is written only when the schema goes down to nothing. */
const FIRST_ROW = `select name from ${BOOK} where name = '${FIRST_VERSION}'`

const GATE = {
  together: `${FIRST_ROW} lock in share mode`,
  alone: `${FIRST_ROW} for update`,
}

/** Locks have names of 64 characters at most, which are the server's: ours is of the database. */
const LOCK = `concat('glance-replicator ',
  left(sha2(if(@@lower_case_table_names = 0, database(), lower(database())), 256), 40))`

const HOLDING = {
  prepare: [], // Every connection ends that is idle for too long.
  take: `select get_lock(${LOCK}, 0) as taken`,
  holder: `select is_used_lock(${LOCK}) as holder`,
  release: `select release_lock(${LOCK})`,
}

function begin({ isolationLevel, accessMode }: TransactionSettings): readonly string[] {
  const isolation =
    isolationLevel === undefined ? [] : [`set transaction isolation level ${isolationLevel}`]
  return accessMode === 'read only'
    ? [...isolation, 'start transaction with consistent snapshot, read only']
    : [...isolation, 'start transaction']
}
