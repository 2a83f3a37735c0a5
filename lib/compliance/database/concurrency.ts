import type { Test } from '../test.ts'
import type { Database } from '../../database/database.ts'
import { task } from './tasks.ts'
import { at, id, insertAll, listed, member, record } from './records.ts'

/** Two open databases with the same, empty data, migrated, as two processes have them; closed after the test. */
export type OpenTwo = (t: Test) => Promise<readonly [Database, Database]>

/** How many do the same thing at the same time. */
const WRITERS = 8

export function concurrencyCases(t: Test, openTwo: OpenTwo): void {
  t.test('what one has written the other reads', async t => {
    const [one, other] = await openTwo(t)
    for (let n = 1; n <= 10; n += 1) {
      const [writer, reader] = n % 2 === 0 ? [one, other] : [other, one]
      await writer.images.insert(record(n))
      await writer.images.update(id(n), { name: 'new', updatedAt: at(n) }, ['queued'])
      t.equal((await reader.images.find(id(n)))?.name, 'new')
    }
    t.strictSame(await listed(one), await listed(other))
  })

  t.test('what one holds the other is not given, until it is let go of', async t => {
    const [one, other] = await openTwo(t)
    if (one.hold === undefined || other.hold === undefined) {
      t.pass('its users are not told apart')
      return
    }
    const held = await one.hold()
    const inUse = { code: 'unavailable', message: 'is in use by another service' }
    await t.rejects(other.hold(), inUse)
    await t.rejects(one.hold(), inUse, 'nor is anybody else')
    await other.images.insert(record(1))
    await other.transaction(async tx => {
      t.equal(tx.hold, undefined, 'a transaction holds nothing')
      await tx.images.update(id(1), { name: 'new', updatedAt: at(1) }, ['queued'])
    })
    t.strictSame(await listed(one), [1], 'all may read and write as before')
    await held[Symbol.asyncDispose]()
    const heldNow = await other.hold()
    await t.rejects(one.hold(), inUse)
    await heldNow[Symbol.asyncDispose]()
    const signal = AbortSignal.abort(new Error('too late'))
    await t.rejects(one.hold({ signal }), { message: 'too late' })
  })

  t.test('of many writers who take the same step one wins', async t => {
    const databases = await openTwo(t)
    await databases[0].images.insert(record(1))
    const results = await race(databases, ({ images }, n) =>
      images.update(
        id(1),
        { status: 'saving', name: String(n), tags: [String(n)], updatedAt: at(n) },
        ['queued'],
      ),
    )
    const winners = results.filter(({ status }) => status === 'fulfilled')
    t.equal(winners.length, 1)
    for (const { reason } of refusals(results)) t.match(reason, { code: 'conflict' })
    const [winner] = winners
    if (winner?.status !== 'fulfilled') return
    for (const { images } of databases) t.strictSame(await images.find(id(1)), winner.value)
  })

  t.test('of many who insert the same id one does', async t => {
    const databases = await openTwo(t)
    const results = await race(databases, async ({ images }, n) => {
      const image = record(1, { name: String(n), properties: new Map([['n', String(n)]]) })
      await images.insert(image)
      return image
    })
    const [winner, ...more] = results.filter(({ status }) => status === 'fulfilled')
    t.equal(more.length, 0)
    for (const { reason } of refusals(results)) {
      t.match(reason, { code: 'duplicate', message: id(1) })
    }
    if (winner?.status !== 'fulfilled') return
    t.strictSame(await databases[0].images.find(id(1)), winner.value)
  })

  t.test('one who has read decides upon what is still so', async t => {
    const databases = await openTwo(t)
    const limit = 3
    const results = await race(databases, (database, n) =>
      database.transaction(async tx => {
        const { images } = await tx.images.usage('a')
        if (images >= limit) throw new Error('too many')
        await tx.images.insert(record(n, { owner: 'a' }))
      }),
    )
    t.equal(results.filter(({ status }) => status === 'fulfilled').length, limit)
    for (const { reason } of refusals(results)) t.match(reason, { message: 'too many' })
    t.equal((await databases[0].images.usage('a')).images, limit)
  })

  t.test('two who would each undo what the other relies upon do not both', async t => {
    const databases = await openTwo(t)
    await insertAll(databases[0], [record(0, { tags: ['on'] }), record(1, { tags: ['on'] })])
    const results = await race(
      databases,
      (database, n) =>
        database.transaction(async tx => {
          const other = await tx.images.find(id(1 - n))
          if (other?.tags.includes('on') !== true) throw new Error('the last one')
          await tx.images.update(id(n), { tags: [], updatedAt: at(9) }, ['queued'])
        }),
      2,
    )
    t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    const tags = await Promise.all([0, 1].map(n => databases[0].images.find(id(n))))
    t.strictSame(
      tags.flatMap(image => image?.tags ?? []),
      ['on'],
    )
  })

  t.test('counting is not lost', async t => {
    const databases = await openTwo(t)
    await databases[0].images.insert(record(1))
    await settled(
      race(databases, database =>
        database.transaction(async tx => {
          const minRam = ((await tx.images.find(id(1)))?.minRam ?? 0) + 1
          await tx.images.update(id(1), { minRam, updatedAt: at(9) }, ['queued'])
        }),
      ),
    )
    t.equal((await databases[1].images.find(id(1)))?.minRam, WRITERS)
  })

  t.test('whose tags and properties are last written has them all', async t => {
    const databases = await openTwo(t)
    await databases[0].images.insert(record(1))
    await settled(
      race(databases, ({ images }, n) => {
        const tags = [0, 1, 2].map(i => `${n} ${i}`)
        const properties = new Map([
          ['n', String(n)],
          [`only ${n}`, ''],
        ])
        const change = { name: String(n), tags, properties, updatedAt: at(9) }
        return images.update(id(1), change, ['queued'])
      }),
    )
    const image = await databases[1].images.find(id(1))
    const n = image?.name
    t.strictSame(image?.tags, [`${n} 0`, `${n} 1`, `${n} 2`])
    t.strictSame(
      image?.properties,
      new Map([
        ['n', n],
        [`only ${n}`, ''],
      ]),
    )
  })

  t.test('members that are added at the same time are all there, and each once', async t => {
    const databases = await openTwo(t)
    await databases[0].images.insert(record(1))
    await settled(race(databases, ({ members }, n) => members.insert(member(1, `project ${n}`))))
    const results = await race(databases, ({ members }) => members.insert(member(1, 'same')))
    t.equal(refusals(results).length, WRITERS - 1)
    for (const { reason } of refusals(results)) t.match(reason, { code: 'duplicate' })
    const names = (await databases[0].members.list(id(1))).map(({ memberId }) => memberId)
    t.equal(names.at(-1), 'same')
    t.strictSame(
      names.slice(0, -1).toSorted(),
      Array.from({ length: WRITERS }, (_, n) => `project ${n}`),
    )
    t.strictSame(await databases[1].members.list(id(1)), await databases[0].members.list(id(1)))
  })

  t.test('an image that is being deleted takes no member that outlives it', async t => {
    const databases = await openTwo(t)
    await databases[0].images.insert(record(1))
    const results = await race(databases, async ({ images, members }, n) => {
      if (n > 0) await members.insert(member(1, `project ${n}`))
      else await images.update(id(1), { status: 'deleted', updatedAt: at(9) }, ['queued'])
    })
    t.equal(results[0]?.status, 'fulfilled')
    for (const { reason } of refusals(results)) t.match(reason, { code: 'not_found' })
    t.strictSame(await databases[1].members.list(id(1)), [])
  })

  t.test('a task is taken by one', async t => {
    const databases = await openTwo(t)
    await databases[0].tasks.insert(task(1))
    const results = await race(databases, ({ tasks }, n) =>
      tasks.update(id(1), { status: 'processing', message: String(n), updatedAt: at(n) }, [
        'pending',
      ]),
    )
    t.equal(refusals(results).length, WRITERS - 1)
    for (const { reason } of refusals(results)) t.match(reason, { code: 'conflict' })
  })

  t.test('definitions that are added at the same time are all there, and each once', async t => {
    const databases = await openTwo(t)
    const times = { createdAt: at(0), updatedAt: at(0) }
    const added = await race(databases, ({ metadefs }) => metadefs.namespaces.insert(NAMESPACE))
    t.equal(refusals(added).length, WRITERS - 1)
    for (const { reason } of refusals(added)) t.match(reason, { code: 'duplicate' })
    await settled(
      race(databases, ({ metadefs }, n) =>
        metadefs.tags.insertAll(
          NAMESPACE.namespace,
          [0, 1, 2].map(i => ({ name: `${n} ${i}`, ...times })),
        ),
      ),
    )
    const tags = await databases[1].metadefs.tags.list(NAMESPACE.namespace)
    t.equal(tags.length, 3 * WRITERS)
    for (let n = 0; n < WRITERS; n += 1) {
      const own = tags.map(({ name }) => name).filter(name => name.startsWith(`${n} `))
      t.strictSame(own, [`${n} 0`, `${n} 1`, `${n} 2`], 'in their order')
    }
  })

  t.test('many images may be inserted by two at the same time', async t => {
    const databases = await openTwo(t)
    await settled(
      race(
        databases,
        ({ images }, n) =>
          images.insertAll(
            Array.from({ length: 1200 }, (_, i) => record(2 * i + n, { tags: ['a'] })),
          ),
        2,
      ),
    )
    t.equal((await databases[0].images.usage(null)).images, 2400)
  })

  t.test('they may be brought to the same schema at the same time, again and again', async t => {
    const databases = await openTwo(t)
    await settled(race(databases, database => database.migrate()))
  })

  t.test('when one is closed the other goes on', async t => {
    const [one, other] = await openTwo(t)
    await one.images.insert(record(1))
    await one[Symbol.asyncDispose]()
    await other.images.insert(record(2))
    t.strictSame(await listed(other), [1, 2])
  })
}

const NAMESPACE = {
  namespace: 'a',
  displayName: null,
  description: null,
  visibility: 'private',
  protected: false,
  owner: null,
  createdAt: at(0),
  updatedAt: at(0),
} as const

/** Lets many do something at the same time, by one database and the other in turn. */
function race<T>(
  databases: readonly [Database, Database],
  work: (database: Database, n: number) => Promise<T>,
  writers = WRITERS,
): Promise<PromiseSettledResult<T>[]> {
  return Promise.allSettled(
    Array.from({ length: writers }, (_, n) => work(n % 2 === 0 ? databases[0] : databases[1], n)),
  )
}

function refusals(results: readonly PromiseSettledResult<unknown>[]): PromiseRejectedResult[] {
  return results.filter(result => result.status === 'rejected')
}

/** None of them may have failed. */
async function settled(results: Promise<readonly PromiseSettledResult<unknown>[]>): Promise<void> {
  for (const { reason } of refusals(await results)) throw reason
}
