import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type ControlledTransaction,
  type Dialect,
  Kysely,
  type RawBuilder,
  sql,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import { IN_MEMORY, sqlitePath } from '../open.ts'
import { SqliteDriver } from '../sqlite-driver.ts'
import type { Columns } from './schema.ts'
import type { Row } from './values.ts'

/** Milliseconds to wait for whoever is writing to a SQLite file. */
const TIMEOUT_MS = 10_000

type Queries = Kysely<Record<string, Row>>

/** Somebody else's database as it was at one moment, in a transaction that can only read. */
export class Snapshot implements AsyncDisposable {
  /** Such as `SQLite`. */
  readonly engine: string
  readonly columns: Columns
  readonly #sql: Queries
  readonly #tx: ControlledTransaction<Record<string, Row>>
  readonly #tables: ReadonlyMap<string, string>

  private constructor(
    engine: string,
    sql: Queries,
    tx: ControlledTransaction<Record<string, Row>>,
    tables: readonly Table[],
  ) {
    this.engine = engine
    this.columns = new Map(tables.map(({ name, columns }) => [name, columns]))
    this.#sql = sql
    this.#tx = tx
    this.#tables = new Map(tables.map(({ name, qualified }) => [name, qualified]))
  }

  /** Opens what a SQLAlchemy URL names. @throws {GlanceError} `usage`, `unavailable`, `corrupt`; never with the URL. */
  static async open(url: string): Promise<Snapshot> {
    const { engine, dialect } = await dialectOf(url)
    const sql: Queries = new Kysely({ dialect })
    let tx: ControlledTransaction<Record<string, Row>> | undefined
    try {
      tx = await sql
        .startTransaction()
        .setAccessMode('read only')
        .setIsolationLevel('repeatable read')
        .execute()
      return new Snapshot(engine, sql, tx, await tablesIn(tx))
    } catch (error) {
      await end(sql, tx)
      const code = isGlanceError(error) ? error.code : 'unavailable'
      const message = `cannot read the ${engine} database: ${messageOf(error)}`
      throw new GlanceError(code, message, { cause: error })
    }
  }

  /** Runs a query made by {@link from} and its like. */
  async rows(query: RawBuilder<Row>): Promise<readonly Row[]> {
    return (await query.execute(this.#tx)).rows
  }

  /**
   * `SELECT … FROM` a table with those of the columns that it has, times as text: engines and their drivers disagree on
   * what a time without a zone is.
   */
  from(table: string, columns: readonly string[]): RawBuilder<Row> {
    const there = columns.filter(column => this.columns.get(table)?.has(column))
    const selected = there.map(column =>
      column.endsWith('_at')
        ? sql`cast(${sql.ref(column)} as char(30)) as ${sql.ref(column)}`
        : sql.ref(column),
    )
    return sql<Row>`select ${sql.join(selected)} from ${sql.table(this.#tables.get(table) ?? table)}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#sql, this.#tx)
  }
}

async function end(sql: Queries, tx: ControlledTransaction<Record<string, Row>> | undefined) {
  try {
    await tx?.rollback().execute()
  } catch {
    // The connection is gone, and the transaction with it: it has changed nothing.
  } finally {
    await sql.destroy()
  }
}

interface Table {
  readonly name: string
  /** With its schema, where the engine has such. */
  readonly qualified: string
  readonly columns: ReadonlySet<string>
}

/** The tables of the schema in which there are images: the usual one of PostgreSQL, if they are there. */
async function tablesIn(tx: Queries): Promise<readonly Table[]> {
  const all = await tx.introspection.getTables()
  const schemas = all.filter(({ name }) => name === 'images').map(({ schema }) => schema)
  const schema = schemas.find(name => name === 'public') ?? schemas[0]
  return all
    .filter(table => table.schema === schema)
    .map(({ name, columns }) => ({
      name,
      qualified: schema === undefined ? name : `${schema}.${name}`,
      columns: new Set(columns.map(column => column.name)),
    }))
}

async function dialectOf(url: string): Promise<{ engine: string; dialect: Dialect }> {
  return { engine: 'SQLite', dialect: await sqliteDialect(sqlitePath(url)) }
}

/** Reads a file, and leaves it and its journal mode as they are. @throws {GlanceError} `usage` when it is not there. */
async function sqliteDialect(path: string): Promise<Dialect> {
  if (path === IN_MEMORY || !existsSync(path)) {
    throw new GlanceError('usage', `there is no SQLite database ${path}`)
  }
  const { default: Libsql } = await import('libsql')
  const file = `${pathToFileURL(resolve(path)).href}?mode=ro`
  const options = { open: () => new Libsql(file), timeoutMs: TIMEOUT_MS, pragmas: [] }
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteDriver(options),
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}
