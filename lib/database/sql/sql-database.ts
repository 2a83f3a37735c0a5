import type { Abortable } from '../../abort.ts'
import type { Database, ImageTable, MemberTable, MetadefTables, TaskTable } from '../database.ts'
import { SqlImages } from './images.ts'
import { SqlMembers } from './members.ts'
import { sqlMetadefs } from './metadefs.ts'
import { migrateToLatest } from './migrate.ts'
import type { Sql } from './tables.ts'
import { SqlTasks } from './tasks.ts'

/** Images in any SQL engine that kysely has a dialect for, which maps the engine's errors to `GlanceError`s. */
export class SqlDatabase implements Database {
  readonly images: ImageTable
  readonly members: MemberTable
  readonly tasks: TaskTable
  readonly metadefs: MetadefTables
  readonly #sql: Sql

  /** Takes over `sql`: disposing of the database closes it. */
  constructor(sql: Sql) {
    this.#sql = sql
    this.images = new SqlImages(sql)
    this.members = new SqlMembers(sql)
    this.tasks = new SqlTasks(sql)
    this.metadefs = sqlMetadefs(sql)
  }

  async migrate({ signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted()
    if (this.#sql.isTransaction) throw new TypeError('a transaction does not migrate')
    await migrateToLatest(this.#sql)
  }

  async transaction<T>(work: (tx: Database) => Promise<T>, { signal }: Abortable = {}): Promise<T> {
    if (this.#sql.isTransaction) throw new TypeError('transactions do not nest')
    signal?.throwIfAborted()
    return this.#sql.transaction().execute(async tx => {
      signal?.throwIfAborted()
      const result = await work(new SqlDatabase(tx))
      signal?.throwIfAborted()
      return result
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#sql.isTransaction) await this.#sql.destroy()
  }
}
