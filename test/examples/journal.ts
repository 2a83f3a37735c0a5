import { appendFile, readFile, truncate } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { deserialize, serialize } from 'node:v8'
import {
  type Abortable,
  type Database,
  GlanceError,
  type ImageRecord,
  SimpleDatabase,
} from 'glance-replicator'

/**
 * A driver of somebody else's, as an example: rows in memory, and each change of them as a line in a file, from which
 * they are made again when it is opened. `connection` is `journal:///absolute/path`. One process at a time may have it
 * open.
 */
export async function openDatabase({
  connection,
}: {
  readonly connection: string
}): Promise<Database> {
  const path = /^journal:(\/\/\/.+)$/.exec(connection)?.[1]
  if (path === undefined) throw new GlanceError('usage', 'connection: expected journal:///path')
  const file = fileURLToPath(`file:${path}`)
  const rows = new SimpleDatabase()
  for (const changes of await readJournal(file)) {
    await rows.transaction(async tx => {
      for (const [table, method, args] of changes) await call(tablesOf(tx)[table], method, args)
    })
  }
  return new JournalDatabase(rows, file)
}

/** A method that was called, and of which table. */
type Change = readonly [table: keyof Tables, method: string, args: readonly unknown[]]

/** Carries a change out, in the database and in the journal. */
type Write = (...change: Change) => Promise<unknown>

class JournalDatabase implements Database {
  readonly images
  readonly members
  readonly tasks
  readonly metadefs
  readonly #rows: Database
  readonly #file: string

  constructor(rows: Database, file: string) {
    this.#rows = rows
    this.#file = file
    const tables = journaled(rows, (...change) => this.#alone(write => write(...change)))
    this.images = tables.images
    this.members = tables.members
    this.tasks = tables.tasks
    this.metadefs = tables.metadefs
  }

  async migrate({ signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted()
  }

  transaction<T>(work: (tx: Database) => Promise<T>, { signal }: Abortable = {}): Promise<T> {
    return this.#alone(async (write, rows) => {
      signal?.throwIfAborted()
      const result = await work({
        ...journaled(rows, write),
        migrate: options => rows.migrate(options),
        transaction: work => rows.transaction(work),
        [Symbol.asyncDispose]: async () => {},
      })
      signal?.throwIfAborted()
      return result
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows[Symbol.asyncDispose]()
  }

  /** Changes are seen by others when they are in the journal, and not before. */
  #alone<T>(work: (write: Write, rows: Database) => Promise<T>): Promise<T> {
    return this.#rows.transaction(async rows => {
      const changes: Change[] = []
      const result = await work(async (...change) => {
        const [table, method, args] = change
        const result = await call(tablesOf(rows)[table], method, args)
        if (result !== 0) changes.push(change) // Nothing was there to be forgotten.
        return result
      }, rows)
      if (changes.length > 0) {
        await appendFile(this.#file, `${serialize(changes).toString('base64')}\n`)
      }
      return result
    })
  }
}

const tablesOf = ({ images, members, tasks, metadefs }: Pick<Database, TableName>) => ({
  images,
  members,
  tasks,
  ...metadefs,
})
type TableName = 'images' | 'members' | 'tasks' | 'metadefs'
type Tables = ReturnType<typeof tablesOf>

/** The tables of a database with their changes going by `write`. */
function journaled(rows: Database, write: Write): Pick<Database, TableName> {
  const { namespaces, properties, objects, tags, associations, resourceTypes } = rows.metadefs
  return {
    images: table('images', rows.images, write, { insertAll: inBatches(write) }),
    members: table('members', rows.members, write),
    tasks: table('tasks', rows.tasks, write),
    metadefs: {
      namespaces: table('namespaces', namespaces, write),
      properties: table('properties', properties, write),
      objects: table('objects', objects, write),
      tags: table('tags', tags, write),
      associations: table('associations', associations, write),
      resourceTypes: table('resourceTypes', resourceTypes, write),
    },
  }
}

/** A table whose methods write what they change; those that read are as they were. */
function table<K extends keyof Tables>(
  name: K,
  rows: Tables[K],
  write: Write,
  own: Partial<Tables[K]> = {},
): Tables[K] {
  return new Proxy<Tables[K]>(rows, {
    get: (rows, method) => {
      if (Reflect.has(own, method)) return Reflect.get(own, method)
      if (typeof method === 'symbol' || /^(?:find|list|usage|memberships)/.test(method)) {
        return (...args: readonly unknown[]) => call(rows, String(method), args)
      }
      return async (...args: readonly unknown[]) => await write(name, method, args.map(asData))
    },
  })
}

const BATCH = 500

/** Images as they come are many changes, so that they are held neither in memory nor in one line. */
function inBatches(write: Write): Database['images']['insertAll'] {
  return async images => {
    let batch: ImageRecord[] = []
    const flush = async () => {
      if (batch.length > 0) await write('images', 'insertAll', [batch])
      batch = []
    }
    for await (const image of images) {
      batch.push(image)
      if (batch.length === BATCH) await flush()
    }
    await flush()
  }
}

/** An argument as it can stand in the journal: without a signal to stop, which is looked at now. */
function asData(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null || !('signal' in argument)) return argument
  const { signal, ...rest } = argument as Abortable
  signal?.throwIfAborted()
  return rest
}

function call(rows: object, method: string, args: readonly unknown[]): unknown {
  const found: unknown = Reflect.get(rows, method)
  if (typeof found !== 'function') throw new TypeError(`there is no ${method}`)
  return Reflect.apply(found, rows, args)
}

/** The transactions in a journal; one that was being written when the power went is taken out of it. */
async function readJournal(file: string): Promise<readonly (readonly Change[])[]> {
  let text: string
  try {
    text = await readFile(file, 'latin1')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new GlanceError('unavailable', `cannot read ${file}`, { cause: error })
  }
  const end = text.lastIndexOf('\n') + 1
  if (end < text.length) await truncate(file, end)
  const lines = text.slice(0, end).split('\n').slice(0, -1)
  return lines.map(line => deserialize(Buffer.from(line, 'base64')) as readonly Change[]) // We wrote them.
}
