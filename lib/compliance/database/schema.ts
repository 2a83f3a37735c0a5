import type { Test } from '../test.ts'
import type { Database, Schema } from '../../database/database.ts'
import { at, FULL, id, listed, member, record } from './records.ts'

/** Opens a database in which there is nothing yet, and which is closed after the test. */
export type OpenEmpty = (t: Test) => Promise<Database>

export function schemaCases(t: Test, open: OpenEmpty): void {
  t.test('a database that is ready stays as it is', async t => {
    const database = await open(t)
    await database.migrate()
    await database.images.insert(record(1))
    await Promise.all([database.migrate(), database.migrate()])
    t.strictSame(await listed(database), [1])
    const signal = AbortSignal.abort(new Error('too late'))
    await t.rejects(database.migrate({ signal }), { message: 'too late' })
    await database.transaction(async tx => {
      t.equal(tx.schema, undefined, 'a transaction has nothing to do with its schema')
      await t.rejects(tx.migrate(), new TypeError('a transaction does not migrate'))
    })
  })

  /** A case for drivers whose schema has versions; `all` is how many. */
  const versioned = (
    title: string,
    work: (t: Test, database: Database, schema: Schema, all: number) => Promise<void>,
  ): void => {
    t.test(title, async t => {
      const database = await open(t)
      const { schema } = database
      if (schema === undefined) {
        t.pass('it has no versions')
        return
      }
      await work(t, database, schema, schema.versions.length)
    })
  }

  versioned('the schema of an empty database has version 0', async (t, database, schema, all) => {
    t.equal(await schema.version(), 0)
    t.strictSame(await schema.losses(0), [])
    t.strictSame(await schema.migrate(0), [])
    t.equal(await schema.version(), 0, 'and asking makes nothing')
    await database.migrate()
    t.equal(await schema.version(), all)
    t.equal(new Set(schema.versions).size, all, 'each version has a name of its own')
  })

  versioned('it goes from each version to each later one, and back', async (t, _, schema, all) => {
    for (let from = 0; from < all; from += 1) {
      await schema.migrate(from)
      for (let to = from + 1; to <= all; to += 1) {
        const way = numbers(from, to)
        t.strictSame(await schema.migrate(to), way.slice(1), `from ${from} to ${to}`)
        t.equal(await schema.version(), to)
        t.strictSame(await schema.migrate(from), way.toReversed().slice(1), 'and back')
        t.equal(await schema.version(), from)
      }
    }
  })

  versioned('what is not told to be lost on the way down is kept', async (t, db, schema, all) => {
    for (let to = all - 1; to >= 0; to -= 1) {
      await schema.migrate(0)
      await db.migrate()
      t.strictSame(await schema.losses(to), [], `nothing is lost of nothing, down to ${to}`)
      const plain = { ...FULL, properties: new Map([['a', '']]), removedLocations: [] }
      await db.images.insert(plain)
      await db.members.insert(member(1, 'guest', { canShare: true }))
      await db.images.insert(record(2, { status: 'deleted', deletedAt: at(9) }))
      const losses = await schema.losses(to)
      await schema.migrate(to)
      await db.migrate()
      if (losses.length > 0) {
        t.ok(
          losses.every(({ what, rows }) => what !== '' && rows > 0),
          `what is lost down to ${to} has a name`,
        )
        continue
      }
      t.strictSame(await db.images.find(id(1)), plain, `down to ${to}`)
      t.strictSame(await db.members.list(id(1)), [member(1, 'guest', { canShare: true })])
      await t.rejects(db.images.insert(record(2)), { code: 'duplicate' })
    }
    t.strictSame(await listed(db), [], 'and nothing is left on the way to 0')
    await db.images.insert(FULL)
    t.strictSame(await db.images.find(id(1)), FULL)
  })

  versioned('several at once go the same way once', async (t, _, schema, all) => {
    const ways = await Promise.all([1, 2, 3].map(() => schema.migrate(all)))
    t.strictSame(ways.flat(), numbers(1, all))
    t.equal(await schema.version(), all)
  })

  versioned('a version that there is not is refused', async (t, _, schema, all) => {
    for (const to of [-1, 0.5, all + 1, Number.NaN]) {
      await t.rejects(schema.migrate(to), { code: 'usage', message: `version ${to}` })
    }
    t.equal(await schema.version(), 0)
  })
}

/** The whole numbers from one to another. */
function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
