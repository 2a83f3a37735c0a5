import type { Abortable } from '../../abort.ts'
import type { Database, ImageTable, MemberTable, MetadefTables, TaskTable } from '../database.ts'
import { Turns } from '../turns.ts'
import { SimpleImages } from './images.ts'
import { SimpleMembers } from './members.ts'
import { simpleMetadefs } from './metadefs.ts'
import { type Access, copyOf, type Rows } from './rows.ts'
import { SimpleTasks } from './tasks.ts'

export interface SimpleDatabaseOptions {
  /** How long a change may wait for another before it is `unavailable`. Default 10 000. */
  readonly timeoutMs?: number | undefined
}

/**
 * Images in memory, as Glance's `simple` driver keeps them: gone when the process ends, and of one process only.
 * Reading never waits, and shows what was last committed.
 */
export class SimpleDatabase implements Database {
  readonly images: ImageTable
  readonly members: MemberTable
  readonly tasks: TaskTable
  readonly metadefs: MetadefTables
  readonly #turns: Turns
  #rows: Rows = {
    images: new Map(),
    members: new Map(),
    tasks: new Map(),
    namespaces: new Map(),
    resourceTypes: new Map(),
  }

  constructor({ timeoutMs = 10_000 }: SimpleDatabaseOptions = {}) {
    this.#turns = new Turns(timeoutMs)
    const access: Access = {
      rows: () => this.#rows,
      write: work => this.#exclusively(async () => work(this.#rows)),
    }
    this.images = new SimpleImages(access)
    this.members = new SimpleMembers(access)
    this.tasks = new SimpleTasks(access)
    this.metadefs = simpleMetadefs(access)
  }

  /** There is no schema to bring up to date. */
  async migrate({ signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted()
  }

  transaction<T>(work: (tx: Database) => Promise<T>, { signal }: Abortable = {}): Promise<T> {
    return this.#exclusively(async () => {
      signal?.throwIfAborted()
      const draft = copyOf(this.#rows)
      const result = await work(new SimpleTransaction(draft))
      signal?.throwIfAborted()
      this.#rows = draft
      return result
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    await this.#turns.take()
    try {
      return await work()
    } finally {
      this.#turns.release()
    }
  }
}

/** What the work of a transaction sees: rows of its own. */
class SimpleTransaction implements Database {
  readonly images: ImageTable
  readonly members: MemberTable
  readonly tasks: TaskTable
  readonly metadefs: MetadefTables

  constructor(rows: Rows) {
    const access: Access = { rows: () => rows, write: async work => work(rows) }
    this.images = new SimpleImages(access)
    this.members = new SimpleMembers(access)
    this.tasks = new SimpleTasks(access)
    this.metadefs = simpleMetadefs(access)
  }

  async migrate(): Promise<void> {
    throw new TypeError('a transaction does not migrate')
  }

  async transaction<T>(): Promise<T> {
    throw new TypeError('transactions do not nest')
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
