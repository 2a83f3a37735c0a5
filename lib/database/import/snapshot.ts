import { type ControlledTransaction, Kysely, type RawBuilder, sql } from 'kysely'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import { readingOf } from './dialects.ts'
import type { Columns } from './schema.ts'
import type { Row } from './values.ts'

type Queries = Kysely<Record<string, Row>>

/** Somebody else's database as it was at one moment, in a transaction that can only read. */
export class Snapshot implements AsyncDisposable {
  /** What it is called in messages, such as `the SQLite database glance.sqlite`. */
  readonly name: string
  readonly columns: Columns
  readonly #sql: Queries
  readonly #tx: ControlledTransaction<Record<string, Row>>
  readonly #tables: ReadonlyMap<string, string>

  private constructor(
    name: string,
    sql: Queries,
    tx: ControlledTransaction<Record<string, Row>>,
    tables: readonly Table[],
  ) {
    this.name = name
    this.columns = new Map(tables.map(({ name, columns }) => [name, columns]))
    this.#sql = sql
    this.#tx = tx
    this.#tables = new Map(tables.map(({ name, qualified }) => [name, qualified]))
  }

  /** Opens what a SQLAlchemy URL names. @throws {GlanceError} `usage`, `unavailable`, `corrupt`; never with the URL. */
  static async open(url: string): Promise<Snapshot> {
    const { name, dialect } = await readingOf(url)
    const sql: Queries = new Kysely({ dialect })
    let tx: ControlledTransaction<Record<string, Row>> | undefined
    try {
      tx = await sql
        .startTransaction()
        .setAccessMode('read only')
        .setIsolationLevel('repeatable read')
        .execute()
      return new Snapshot(name, sql, tx, await tablesIn(tx))
    } catch (error) {
      await end(sql, tx)
      const code = isGlanceError(error) ? error.code : 'unavailable'
      // Servers are named by their own errors as well.
      const told = messageOf(error).replace(`to ${name}`, 'to it').replace(`${name}: `, '')
      const message = `cannot read ${name}: ${told}`
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
