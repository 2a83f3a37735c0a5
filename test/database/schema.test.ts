import { join } from 'node:path'
import {
  Kysely,
  type KyselyPlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  type RootOperationNode,
  SqliteAdapter,
  type UnknownRow,
} from 'kysely'
import t, { type Test } from 'tap'
import { Away } from '../../lib/database/sql/away.ts'
import { MIGRATIONS } from '../../lib/database/sql/migrations.ts'
import { SqlDatabase } from '../../lib/database/sql/sql-database.ts'
import type { Tables } from '../../lib/database/sql/tables.ts'
import { openSqlite, SQLITE, sqliteDialect } from '../../lib/database/sqlite.ts'
import { FULL, id, listed, member, record } from '../../lib/compliance/database/records.ts'

interface Libsql {
  exec(sql: string): void
  prepare(sql: string): { all(): unknown[] }
  close(): void
}

/** Opens the file of a database past the driver. */
async function fileOf(path: string): Promise<Libsql> {
  const { default: Libsql } = await import('libsql')
  return new Libsql(path)
}

async function inFile<T>(path: string, work: (file: Libsql) => T): Promise<T> {
  const file = await fileOf(path)
  try {
    return work(file)
  } finally {
    file.close()
  }
}

/** What stands in the schema of a file, but for the book of its versions. Renaming a table puts its name in quotes. */
function schemaIn(path: string): Promise<unknown[]> {
  return inFile(path, file =>
    file
      .prepare(
        `select type, name, tbl_name, sql from sqlite_master
          where tbl_name not like 'kysely%' order by type, name`,
      )
      .all(),
  )
}

const ALL = MIGRATIONS.length
const LAST = MIGRATIONS.at(-1)?.[0]

const newPath = (t: Test) => join(t.testdir(), 'glance.sqlite')

t.test('the schema is the same whichever way it came about', async t => {
  const [way, once] = [join(t.testdir(), 'way.sqlite'), join(t.testdir(), 'once.sqlite')]
  await using database = await openSqlite(way)
  const schema = database.schema
  if (schema === undefined) throw new TypeError('there is a schema')
  for (let version = 0; version <= schema.versions.length; version += 1) {
    {
      await using other = await openSqlite(`${once}${version}`)
      await other.schema?.migrate(version)
    }
    const wanted = await schemaIn(`${once}${version}`)
    for (const others of [0, schema.versions.length]) {
      await schema.migrate(others)
      await schema.migrate(version)
      t.strictSame(await schemaIn(way), wanted, `version ${version} by way of ${others}`)
    }
  }
})

t.test('rows of every version are there in every later one, and again on the way down', async t => {
  const path = newPath(t)
  await using database = await openSqlite(path)
  const { schema } = database
  if (schema === undefined) throw new TypeError('there is a schema')
  const all = schema.versions.length
  for (let from = 1; from <= all; from += 1) {
    for (let to = from; to <= all; to += 1) {
      await schema.migrate(0)
      await schema.migrate(from)
      await inFile(path, file => file.exec(rowsOf(from)))
      const before = await inFile(path, file => dumpOf(file))
      await schema.migrate(to)
      await schema.migrate(from)
      t.strictSame(await inFile(path, dumpOf), before, `from ${from} to ${to} and back`)
      await schema.migrate(all)
      t.match(await database.images.find(id(1)), {
        name: 'ü',
        size: 9_007_199_254_740_991,
        tags: ['a'],
        properties: new Map([['k', '']]),
        locations: [{ url: 'file:///a', metadata: {} }],
      })
      t.match(await database.members.list(id(1)), [{ memberId: 'guest', canShare: true }])
    }
  }
})

/** Rows of what there is in a version. */
function rowsOf(version: number): string {
  const time = "'2012-01-01T00:00:00.000Z'"
  const since: readonly (readonly [number, string])[] = [
    [
      1,
      `insert into images values ('${id(1)}', 'ü', 'active', 'shared', 0, 1, 'o', 'bare', 'raw', 1, 2,
        9007199254740991, null, null, null, null, ${time}, ${time}, null)`,
    ],
    [1, `insert into image_properties values ('${id(1)}', 'k', '')`],
    [1, `insert into image_tags values ('${id(1)}', 'a')`],
    [1, `insert into image_locations values ('${id(1)}', 0, 'file:///a', '{}')`],
    [
      1,
      `insert into image_members values ('${id(1)}', 'guest', 0, 'accepted', 1, ${time}, ${time})`,
    ],
    [
      2,
      `insert into metadef_namespaces values ('n', 0, 'N', null, null, 'public', 0, 'o', ${time}, ${time})`,
    ],
    [2, `insert into metadef_parts values ('n', 'tag', 'T', 0, '{}', ${time}, ${time})`],
    [2, `insert into metadef_resource_types values ('R', 0, ${time}, ${time})`],
    [
      3,
      `insert into tasks values ('t', 'import', 'success', 'o', null, null, null, '{}', null, '', ${time}, ${time}, null)`,
    ],
    [5, `insert into image_removed_locations values ('${id(1)}', 0, 'file:///b', '{}', ${time})`],
  ]
  return since.flatMap(([from, statement]) => (from <= version ? [statement] : [])).join(';')
}

/** All rows of all tables. */
function dumpOf(file: Libsql): unknown {
  const tables = file
    .prepare(
      `select name from sqlite_master where type = 'table' and name not like 'kysely%' order by name`,
    )
    .all() as { name: string }[]
  return tables.map(({ name }) => [name, file.prepare(`select * from ${name}`).all()])
}

t.test('what is lost on the way down is told, and only that is lost', async t => {
  await using database = await openSqlite(newPath(t))
  const { schema } = database
  if (schema === undefined) throw new TypeError('there is a schema')
  await database.migrate()
  await database.images.insert(FULL)
  await database.images.insert(record(2))
  await database.images.update(id(2), { status: 'deleted', updatedAt: new Date(0) }, ['queued'])
  const time = new Date(0)
  await database.metadefs.resourceTypes.insert({ name: 'R', createdAt: time, updatedAt: time })
  const losses = [
    { what: 'places whose data is to be deleted later', rows: 1 },
    { what: 'custom properties without a value', rows: 1 },
    { what: 'resource types', rows: 1 },
    { what: 'images', rows: 1 },
    { what: 'ids of deleted images', rows: 1 },
  ]
  for (const [to, count] of [
    [ALL, 0],
    [5, 0],
    [4, 1],
    [3, 2],
    [2, 2],
    [1, 3],
    [0, 5],
  ] as const) {
    t.strictSame(await schema.losses(to), losses.slice(0, count), `down to ${to}`)
  }
  await schema.migrate(3)
  t.strictSame(await schema.losses(3), [])
  await database.migrate()
  const properties = new Map([...FULL.properties].filter(([, value]) => value !== null))
  const kept = { ...FULL, removedLocations: [], properties }
  t.strictSame(await database.images.find(id(1)), kept)
  await t.rejects(database.images.insert(record(2)), { code: 'duplicate' })
})

t.test('a database of a later version of this program is refused, and says both', async t => {
  const path = newPath(t)
  await using database = await openSqlite(path)
  await database.migrate()
  await inFile(path, file =>
    file.exec("insert into kysely_migration values ('0042-answers', '2099-01-01T00:00:00.000Z')"),
  )
  const refusal = {
    code: 'unsupported',
    message: new RegExp(
      `has version 42 \\(0042-answers\\) .* up to ${ALL} \\(${LAST}\\): .*'db downgrade ${ALL}'`,
    ),
  }
  const { schema } = database
  if (schema === undefined) throw new TypeError('there is a schema')
  await t.rejects(database.migrate(), refusal)
  await t.rejects(schema.version(), refusal)
  await t.rejects(schema.losses(0), refusal)
  await t.rejects(schema.migrate(0), refusal)
  t.strictSame(await listed(database), [], 'and nothing is changed')
})

t.test('a database of another program is left alone', async t => {
  for (const [table, isTaken] of [
    ['alembic_version', true],
    ['migrate_version', true],
    ['images', true],
    ['something', false],
  ] as const) {
    const path = join(t.testdir(), `${table}.sqlite`)
    await inFile(path, file => file.exec(`create table ${table} (id integer)`))
    await using database = await openSqlite(path)
    if (isTaken) {
      const refusal = { code: 'conflict', message: `did not make (${table}): give it a database` }
      await t.rejects(database.migrate(), refusal)
      await t.rejects(Promise.resolve(database.schema?.version()), refusal)
      await t.rejects(Promise.resolve(database.schema?.migrate(0)), refusal)
      t.equal((await schemaIn(path)).length, 1)
    } else {
      await database.migrate()
      await database.schema?.migrate(0)
      t.match(await schemaIn(path), [{ name: table }])
    }
  }
})

t.test('nothing is left of a change of the schema that fails', async t => {
  const path = newPath(t)
  await using database = await openSqlite(path)
  await database.schema?.migrate(3)
  await inFile(path, file => file.exec('create table image_properties_anew (id integer)'))
  const before = await schemaIn(path)
  const refusal = { code: 'unsupported', message: /brought to version \d+: .*already exists/ }
  await t.rejects(database.migrate(), refusal)
  t.strictSame(await schemaIn(path), before)
  t.equal(await database.schema?.version(), 3)
  await inFile(path, file => file.exec('drop table image_properties_anew'))
  await database.migrate()
  t.equal(await database.schema?.version(), ALL)
})

t.test('nothing is left of one that is stopped', async t => {
  await using database = await openSqlite(newPath(t))
  const stop = new AbortController()
  const work = database.migrate({ signal: stop.signal })
  stop.abort(new Error('enough'))
  await t.rejects(work, { message: 'enough' })
  t.equal(await database.schema?.version(), 0)
})

t.test(
  'what stands in the book is so, when the connection is lost while it is written',
  async t => {
    const { default: Libsql } = await import('libsql')
    for (const isDone of [true, false]) {
      const losses = new Losses(isDone)
      const db = new Kysely<Tables>({
        dialect: {
          ...sqliteDialect({ open: () => new Libsql(':memory:'), timeoutMs: 10_000 }),
          createAdapter: () => new SqliteAdapter(), // Which cannot undo a change of the schema.
        },
        plugins: [losses],
      })
      await using database = new SqlDatabase(db, { ...SQLITE, retries: 1 })
      const { schema } = database
      if (schema === undefined) throw new TypeError('there is a schema')
      for (const nth of [1, 2, 2 * ALL - 1, 2 * ALL]) {
        const which = `statement ${nth}, ${isDone ? 'done' : 'not done'}`
        losses.next = nth
        t.strictSame(await schema.migrate(ALL), numbers(1, ALL), `up, lost at ${which}`)
        t.equal(await schema.version(), ALL)
        losses.next = nth
        t.strictSame(await schema.migrate(0), numbers(0, ALL - 1).toReversed(), `down at ${which}`)
        t.equal(await schema.version(), 0)
      }
      losses.next = 3
      losses.times = 3
      await t.rejects(
        schema.migrate(ALL),
        { code: 'unavailable' },
        'and is told when it stays away',
      )
    }
  },
)

t.test('a change that an engine cannot undo is told of when it was cut off', async t => {
  const path = newPath(t)
  await using database = await openSqlite(path)
  const { schema } = database
  if (schema === undefined) throw new TypeError('there is a schema')
  await schema.migrate(5)
  await database.images.insert(FULL)
  await database.members.insert(member(1, 'guest'))
  await inFile(path, file => {
    file.exec("update kysely_migration set timestamp = '' where name = '0005-removed-locations'")
    file.exec('drop table image_removed_locations')
  })
  const refusal = {
    code: 'corrupt',
    message: /0005-removed-locations .*cut off half-way.*'glance-replicator db downgrade 0'/,
  }
  await t.rejects(schema.version(), refusal)
  await t.rejects(database.migrate(), refusal)
  await t.rejects(schema.migrate(4), refusal)
  await t.rejects(schema.losses(4), refusal)
  t.strictSame(await schema.losses(0), [{ what: 'remains of a change that was cut off', rows: 1 }])
  t.strictSame(await schema.migrate(0), [0])
  t.strictSame(await schemaIn(path), [])
  await database.migrate()
  t.strictSame(await listed(database), [])
})

/** The whole numbers from one to another. */
function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

/** Loses connections at statements that write the book of versions, before they are done or after. */
class Losses implements KyselyPlugin {
  readonly #isDone: boolean
  readonly #found = new WeakSet<object>()
  /** At the how manieth from here on. */
  next = 0
  /** How many in a row. */
  times = 1

  constructor(isDone: boolean) {
    this.#isDone = isDone
  }

  transformQuery({ node, queryId }: PluginTransformQueryArgs): RootOperationNode {
    const writes = ['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode'].includes(node.kind)
    if (!writes || !JSON.stringify(node).includes('kysely_migration')) return node
    this.next -= 1
    if (this.next > 0 || this.next <= -this.times) return node
    if (!this.#isDone) throw new Away('lost')
    this.#found.add(queryId)
    return node
  }

  async transformResult({
    result,
    queryId,
  }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    if (this.#found.has(queryId)) throw new Away('lost')
    return result
  }
}
