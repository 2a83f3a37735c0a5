import {
  type DataTypeNode,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type TransactionSettings,
} from 'kysely'
import { nameOf, type ServerConnection } from './connection.ts'
import type { Database } from './database.ts'
import { PostgresSession } from './postgres-session.ts'
import { ServerDriver } from './server/driver.ts'
import { ServerHold, SILENCE_MS } from './server/hold.ts'
import { firstAnswer } from './server/open.ts'
import { Pool } from './server/pool.ts'
import { IDLE_TIMEOUT_MS } from './server/session.ts'
import type { OpenOptions, ServerSettings } from './settings.ts'
import { Outages } from './sql/away.ts'
import { BOOK } from './sql/schema-book.ts'
import { SqlDatabase } from './sql/sql-database.ts'
import type { Tables } from './sql/tables.ts'

/**
 * Opens a database of a PostgreSQL server. @throws {GlanceError} `usage` when it does not let us in; `unavailable` when
 * it does not answer, however often it is tried.
 */
export async function openPostgres(
  connection: ServerConnection,
  settings: ServerSettings,
  options: OpenOptions = {},
): Promise<Database> {
  const name = nameOf(connection)
  const outages = new Outages(options.report ?? (() => {}))
  const open = () => PostgresSession.open(connection, name)
  const pool = new Pool({ ...settings, name, open })
  try {
    await firstAnswer(pool, settings, session => session.query('select 1', []), options)
  } catch (error) {
    await pool[Symbol.asyncDispose]()
    throw error
  }
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new ServerDriver(pool, begin, settings.statementTimeoutMs),
      createIntrospector: db => new PostgresIntrospector(db),
      createQueryCompiler: () => new Compiler(),
    },
  })
  return new SqlDatabase(db, {
    name: 'postgresql',
    nullsLast: true,
    knowsNull: false,
    retries: settings.dbMaxRetries,
    // It has statistics, and takes any order from an index that it can.
    hint: () => sql``,
    // What is long would not fit into an index of another kind.
    textIndex: (_, text) => sql`using hash (${sql.ref(text)})`,
    ourPart: sql<string>`current_schema()`,
    dropIndex: index => sql`drop index ${sql.ref(index)}`,
    gate: GATE,
    outages,
    pool,
    hold: options => ServerHold.take({ name, open, ...HOLDING }, options),
  })
}

/**
 * A lock on a table is taken before the transaction begins to see anything. The one of the versions may be read
 * meanwhile, and is written only when the schema changes.
 */
const GATE = {
  together: `lock table ${BOOK} in row share mode`,
  alone: `lock table ${BOOK} in exclusive mode`,
}

/** Advisory locks have two numbers, and are of one database: the first is ours, the second that of the part we use. */
const OURS = 1_735_745_648
const PART = `('x' || substr(md5(coalesce(current_schema(), '')), 1, 7))::bit(28)::int`

const HOLDING = {
  // Since PostgreSQL 14; before, the system finds out in its own time.
  prepare: [
    `select set_config(name, '${SILENCE_MS}', false) from pg_settings where name = 'idle_session_timeout'`,
  ],
  take: `select pg_try_advisory_lock(${OURS}, ${PART}) as taken`,
  holder: `select pid as holder from pg_locks
    where locktype = 'advisory' and granted and classid = ${OURS} and objid = (${PART})::oid
      and database = (select oid from pg_database where datname = current_database())`,
  release: `select pg_advisory_unlock(${OURS}, ${PART})`,
}

function begin({ isolationLevel, accessMode }: TransactionSettings): readonly string[] {
  const isolation = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
  const begin = `begin${isolation}${accessMode === undefined ? '' : ` ${accessMode}`}`
  // The schema is changed without an isolation level, and may take its time.
  if (isolationLevel === undefined) return [`${begin}; set local lock_timeout = 0`]
  return isolationLevel === 'serializable'
    ? [`${begin}; set local idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS}`]
    : [begin]
}

/** Text is compared by its bytes, whatever the language of the database. */
class Compiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    super.visitDataType(node)
    const isText = /^(?:varchar|text)/.test(node.dataType)
    if (isText && this.parentNode?.kind === 'ColumnDefinitionNode') this.append(' collate "C"')
  }
}
