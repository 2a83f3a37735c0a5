import t from 'tap'
import type { Schema } from '../../lib/database/database.ts'
import { openDatabase } from '../../lib/database/open.ts'
import { runProgram } from '../support/command.ts'
import { DatabaseServer } from './support/database-server.ts'
import { MARIADB } from './support/mariadb.ts'
import { POSTGRESQL } from './support/postgres.ts'
import { connect, descriptionOf } from './support/queries.ts'

for (const kind of [POSTGRESQL, MARIADB]) {
  t.test(`the schema of a database of ${kind.name}`, async t => {
    const server = await DatabaseServer.start(kind)
    t.teardown(() => server[Symbol.asyncDispose]())
    const open = async (connection: string) => openDatabase({ dataApi: null, connection })

    t.test('is the same whichever way it came about', async t => {
      const way = await server.database()
      await using database = await open(way)
      const schema = schemaOf(database)
      const all = schema.versions.length
      for (let version = 0; version <= all; version += 1) {
        const once = await server.database()
        {
          await using other = await open(once)
          await schemaOf(other).migrate(version)
        }
        const wanted = await descriptionOf(once)
        for (const others of [0, all]) {
          await schema.migrate(others)
          await schema.migrate(version)
          t.strictSame(await descriptionOf(way), wanted, `version ${version} by way of ${others}`)
        }
      }
    })

    if (kind === POSTGRESQL) {
      t.test('has nothing to do with what is in other parts of the database', async t => {
        const connection = await server.database()
        await using client = await connect(connection)
        await client.query('create schema other')
        for (const table of ['kysely_migration', 'images', 'alembic_version']) {
          await client.query(`create table other.${table} (id integer)`)
        }
        await using database = await open(connection)
        const schema = schemaOf(database)
        t.equal(await schema.version(), 0)
        await database.migrate()
        await schema.migrate(0)
        t.equal((await client.query('select * from other.images')).length, 0, 'it is still there')
      })
    }

    t.test('is made once, however many programs are started', async t => {
      const connection = await server.database()
      const config = `${t.testdir({
        'glance.conf': `[database]\nconnection = ${connection}\n`,
      })}/glance.conf`
      const words = ['db', 'sync', '--config', config, '--json']
      const outcomes = await Promise.all([1, 2, 3].map(() => runProgram(words)))
      for (const { status, stderr } of outcomes) t.strictSame([status, stderr], [0, ''])
      const made = outcomes.map(({ stdout }) => (JSON.parse(stdout) as { versions: [] }).versions)
      await using database = await open(connection)
      t.strictSame(
        made.map(({ length }) => length).toSorted((a, b) => a - b),
        [0, 0, schemaOf(database).versions.length],
      )
    })

    t.test('is told of when a change of it was cut off, or undone', async t => {
      const connection = await server.database()
      await using database = await open(connection)
      const schema = schemaOf(database)
      await schema.migrate(3)
      // What the fourth makes last is there already, so that it fails half-way.
      await using client = await connect(connection)
      await client.query('create table image_properties_anew (id integer)')
      await t.rejects(database.migrate(), { code: 'unsupported', message: /already exists/ })
      if (kind === POSTGRESQL) {
        t.equal(await schema.version(), 3)
        await client.query('drop table image_properties_anew')
        await database.migrate()
      } else {
        const refusal = { code: 'corrupt', message: /0004-null-properties.*cut off half-way/ }
        await t.rejects(schema.version(), refusal)
        await t.rejects(database.migrate(), refusal)
        t.equal((await schema.losses(0)).length, 1)
        t.strictSame(await schema.migrate(0), [0])
        t.strictSame(await descriptionOf(connection), [])
        await database.migrate()
      }
      t.equal(await schema.version(), schema.versions.length)
    })
  })
}

function schemaOf({ schema }: { readonly schema?: Schema | undefined }): Schema {
  if (schema === undefined) throw new TypeError('it has versions')
  return schema
}
