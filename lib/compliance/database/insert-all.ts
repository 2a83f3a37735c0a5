import type { Test } from '../test.ts'
import type { Database, ImageRecord } from '../../database/database.ts'
import { at, FULL, id, listed, member, type Open, query, record } from './records.ts'

export function insertAllCases(t: Test, open: Open): void {
  t.test('images are inserted with all that they have', async t => {
    const database = await open(t)
    const images = [
      FULL,
      record(2),
      record(3, { status: 'pending_delete', updatedAt: at(5), tags: ['kept'] }),
      record(4, { status: 'deleted', deletedAt: at(6), tags: ['gone'] }),
      ...many(5, 1300),
    ]
    await database.images.insertAll(slowly(images))
    t.strictSame(await database.images.list(query({ limit: 2000 })), [
      FULL,
      record(2),
      ...many(5, 1300),
    ])
    t.match(await database.images.findPending(id(3)), { deletedAt: at(5), tags: ['kept'] })
    t.match(await database.images.find(id(4), { deleted: true }), { deletedAt: at(6), tags: [] })
    await database.members.insert(member(1304, 'a'))
  })

  t.test('none may be inserted', async t => {
    const database = await open(t)
    await database.images.insertAll([])
    t.strictSame(await listed(database), [])
  })

  t.test('an image may have more than a batch holds', async t => {
    const database = await open(t)
    const properties = new Map(
      Array.from({ length: 2500 }, (_, n) => [`name ${n}`, 'x'.repeat(1000)]),
    )
    const tags = Array.from({ length: 2500 }, (_, n) => `tag ${n}`).toSorted()
    const images = [record(1, { properties, tags }), record(2, { properties })]
    await database.images.insertAll(images)
    t.strictSame(await database.images.list(query()), images)
  })

  for (const { title, taken } of [
    { title: 'an id that is taken ends it, and is named', taken: 1234 },
    { title: 'an id of a deleted image is taken', taken: 1999 },
    { title: 'the very first id may be taken', taken: 1 },
  ]) {
    t.test(title, async t => {
      const database = await open(t)
      const before = record(taken, { name: 'before' })
      await database.images.insert(before)
      if (taken === 1999) {
        const change = { status: 'deleted', updatedAt: at(9) } as const
        await database.images.update(id(taken), change, ['queued'])
      }
      const source = many(1, 2500)
      await t.rejects(database.images.insertAll(source), { code: 'duplicate', message: id(taken) })
      await areTheFirst(t, database, source, taken)
    })
  }

  t.test('an id that comes twice is a duplicate', async t => {
    const database = await open(t)
    for (const source of [
      [record(1), record(2), record(1)],
      [...many(10, 1500), record(10)],
    ]) {
      const [first] = source
      const wanted = { code: 'duplicate', message: first?.id ?? '' }
      await t.rejects(database.images.insertAll(source), wanted)
    }
    t.equal(await database.images.find(id(2)), undefined, 'a batch is inserted whole or not at all')
  })

  t.test('when the source fails, so does this, and what is there came first', async t => {
    const database = await open(t)
    const reason = new Error('the source dried up')
    const source = many(1, 2500)
    async function* failing() {
      for (const image of source) {
        yield image
        if (image.id === id(2000)) throw reason
      }
    }
    const work = database.images.insertAll(failing())
    t.equal(await work.catch((error: unknown) => error), reason)
    await areTheFirst(t, database, source, 2001)
  })

  t.test('the source is closed when it cannot go on', async t => {
    const database = await open(t)
    let closed = false
    async function* endless() {
      try {
        for (;;) yield record(1)
      } finally {
        closed = true
      }
    }
    await t.rejects(database.images.insertAll(endless()), { code: 'duplicate' })
    t.ok(closed)
  })

  t.test('others may write while the source is waited for', async t => {
    const database = await open(t)
    async function* source() {
      yield* many(1, 600)
      await database.images.insert(record(10_000))
      yield* many(700, 10)
    }
    await database.images.insertAll(source())
    t.strictSame((await listed(database)).length, 611)
  })

  t.test('in a transaction that fails nothing is inserted', async t => {
    const database = await open(t)
    const work = database.transaction(async tx => {
      await tx.images.insertAll(many(1, 1200))
      t.strictSame((await listed(tx)).length, 1000)
      await tx.images.insertAll([record(2000), record(5)])
    })
    await t.rejects(work, { code: 'duplicate', message: id(5) })
    t.strictSame(await listed(database), [])
  })

  t.test('no more of the source is held than a few batches', async t => {
    const database = await open(t)
    let asked = 0
    let furthest = 0
    async function* source() {
      for (const image of many(1, 3000)) {
        asked += 1
        yield image
        if (asked % 1000 === 0) {
          const [last] = await database.images.list(
            query({ limit: 1, sort: [{ key: 'id', direction: 'desc' }] }),
          )
          furthest = Math.max(furthest, asked - Number(last?.id.slice(-12) ?? 0))
        }
      }
    }
    await database.images.insertAll(source())
    t.ok(furthest <= 1000, `${furthest} images were on their way`)
  })
}

/** So many images from the nth on, each with what is its own. */
function many(first: number, count: number): ImageRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const n = first + i
    const properties = new Map([['n', String(n)]])
    const locations = [{ url: `file:///${n}`, metadata: { n } }]
    return record(n, { name: `image ${n}`, tags: [`tag ${n}`], properties, locations })
  })
}

async function* slowly<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await Promise.resolve()
    yield item
  }
}

/** What is there are so many of the first images, all from before the nth, and they are whole. */
async function areTheFirst(
  t: Test,
  database: Database,
  source: readonly ImageRecord[],
  n: number,
): Promise<void> {
  const before = [{ type: 'text', field: 'name', in: ['before'] }] as const
  const other = await listed(database, { conditions: before })
  const images = await database.images.list(query({ limit: 5000 }))
  const own = images.filter(({ name }) => name !== 'before')
  t.ok(own.length < n, `${own.length} of them`)
  t.strictSame(own, source.slice(0, own.length))
  t.strictSame(images.length, own.length + other.length)
}
