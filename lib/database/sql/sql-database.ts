import type { Abortable } from '../../abort.ts'
import type {
  Database,
  ImageTable,
  MemberTable,
  MetadefTables,
  Schema,
  TaskTable,
} from '../database.ts'
import type { Engine } from './engine.ts'
import { SqlImages } from './images.ts'
import { SqlMembers } from './members.ts'
import { sqlMetadefs } from './metadefs.ts'
import { SqlSchema } from './schema.ts'
import type { Sql } from './tables.ts'
import { SqlTasks } from './tasks.ts'
import { type Access, atomically } from './transactions.ts'

/** Images in any SQL engine that kysely has a dialect for, which maps the engine's errors to `GlanceError`s. */
export class SqlDatabase implements Database {
  readonly images: ImageTable
  readonly members: MemberTable
  readonly tasks: TaskTable
  readonly metadefs: MetadefTables
  readonly schema?: Schema | undefined
  readonly hold?: NonNullable<Database['hold']>
  readonly #access: Access

  /** Takes over `sql`: disposing of the database closes it. */
  constructor(sql: Sql, engine: Engine) {
    this.#access = { sql, engine }
    this.images = new SqlImages(this.#access)
    this.members = new SqlMembers(this.#access)
    this.tasks = new SqlTasks(this.#access)
    this.metadefs = sqlMetadefs(this.#access)
    this.schema = sql.isTransaction ? undefined : new SqlSchema(this.#access)
    if (engine.hold !== undefined && !sql.isTransaction) this.hold = engine.hold
  }

  async migrate({ signal }: Abortable = {}): Promise<void> {
    const { schema } = this
    if (schema === undefined) throw new TypeError('a transaction does not migrate')
    await schema.migrate(schema.versions.length, { signal })
  }

  async transaction<T>(work: (tx: Database) => Promise<T>, { signal }: Abortable = {}): Promise<T> {
    const { sql, engine } = this.#access
    if (sql.isTransaction) throw new TypeError('transactions do not nest')
    const whole = async (tx: Sql) => {
      signal?.throwIfAborted()
      const result = await work(new SqlDatabase(tx, engine))
      signal?.throwIfAborted()
      return result
    }
    return await atomically(this.#access, whole, { signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { sql, engine } = this.#access
    if (sql.isTransaction) return
    await sql.destroy()
    await engine.pool?.[Symbol.asyncDispose]()
  }
}
