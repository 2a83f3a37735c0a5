import type { Test } from '../test.ts'
import type { ImageChange } from '../../database/database.ts'
import { IMAGE_STATUSES, type ImageStatus } from '../../image/status.ts'
import { at, FULL, id, insertAll, listed, member, type Open, query, record } from './records.ts'

export function imageCases(t: Test, open: Open): void {
  for (const { title, image } of [
    { title: 'an image of which everything is known is found as it was inserted', image: FULL },
    { title: 'an image of which nothing is known is found as it was inserted', image: record(1) },
    { title: 'an image without data may have a size of nothing', image: record(1, { size: 0 }) },
  ]) {
    t.test(title, async t => {
      const database = await open(t)
      await database.images.insert(image)
      t.strictSame(await database.images.find(image.id), image)
    })
  }

  t.test('numbers are exact up to their largest, and one more is refused', async t => {
    const database = await open(t)
    const most = 2 ** 31 - 1
    const bytes = Number.MAX_SAFE_INTEGER
    const large = record(1, { minDisk: most, minRam: most, size: bytes, virtualSize: bytes - 1 })
    await database.images.insert(large)
    t.strictSame(await database.images.find(id(1)), large)
    for (const fields of [{ minDisk: most + 1 }, { minRam: most + 1 }]) {
      const refusal = { code: 'invalid' }
      const name = String(Object.keys(fields))
      await t.rejects(database.images.insert(record(2, fields)), refusal, name)
      const change = { ...fields, updatedAt: at(9) }
      await t.rejects(database.images.update(id(1), change, ['queued']), refusal, name)
    }
    t.strictSame(await listed(database), [1])
    t.strictSame(await database.images.find(id(1)), large)
  })

  t.test('an image that is absent is not found', async t => {
    const database = await open(t)
    t.equal(await database.images.find(id(1)), undefined)
    t.equal(await database.images.find(''), undefined)
    t.equal(await database.images.find('\0'), undefined)
  })

  t.test('an image that is deleted is found, and listed, when it is asked for', async t => {
    const database = await open(t)
    await insertAll(database, [FULL, record(2), record(3, { status: 'killed' })])
    await database.images.update(id(1), { status: 'deleted', updatedAt: at(9) }, ['active'])
    t.equal(await database.images.find(id(1)), undefined)
    t.strictSame(await database.images.find(id(1), { deleted: true }), {
      ...FULL,
      status: 'deleted',
      updatedAt: at(9),
      deletedAt: at(9),
      tags: [],
      properties: new Map(),
      locations: [],
      removedLocations: [],
    })
    t.strictSame(await database.images.find(id(2), { deleted: true }), record(2))
    t.equal(await database.images.find(id(4), { deleted: true }), undefined)
    t.strictSame(await listed(database), [2])
    t.strictSame(await listed(database, { deleted: 'marker' }), [2])
    t.strictSame(await listed(database, { deleted: 'listed' }), [1, 2, 3])
  })

  t.test('what a caller does to its own objects later changes nothing', async t => {
    const database = await open(t)
    const properties = new Map([['a', '1']])
    const tags = ['a']
    await database.images.insert(record(1, { properties, tags }))
    properties.set('a', '2')
    tags.push('b')
    t.strictSame(
      await database.images.find(id(1)),
      record(1, { properties: new Map([['a', '1']]), tags: ['a'] }),
    )
  })

  t.test('tags come back ascending, each once', async t => {
    const database = await open(t)
    await database.images.insert(record(1, { tags: ['b', 'a', 'b', 'B'] }))
    t.strictSame((await database.images.find(id(1)))?.tags, ['B', 'a', 'b'])
    const changed = await database.images.update(
      id(1),
      { tags: ['z', 'y', 'z'], updatedAt: at(9) },
      ['queued'],
    )
    t.strictSame(changed.tags, ['y', 'z'])
  })

  t.test('an id is taken once', async t => {
    const database = await open(t)
    await database.images.insert(FULL)
    await t.rejects(database.images.insert(record(1)), { code: 'duplicate', message: id(1) })
    t.strictSame(await database.images.find(id(1)), FULL, 'and the first is as it was')
  })

  const changes: readonly Omit<ImageChange, 'updatedAt'>[] = [
    { name: 'other' },
    { name: null },
    { status: 'deactivated' },
    { visibility: 'public' },
    { hidden: false },
    { protected: false },
    { owner: null },
    { containerFormat: 'ovf' },
    { diskFormat: null },
    { minDisk: 0 },
    { minRam: 1 },
    { size: null },
    { virtualSize: 0 },
    { checksum: null },
    { digest: null },
    { digest: { algorithm: 'sha256', value: 'd'.repeat(64) } },
    { tags: [] },
    { tags: ['new'] },
    { properties: new Map() },
    {
      properties: new Map([
        ['new', 'value'],
        ['empty', 'no longer'],
      ]),
    },
    { locations: [] },
    { removedLocations: [] },
    { locations: [...FULL.locations].toReversed() },
    {},
  ]
  for (const change of changes) {
    const what = Object.entries(change).map(
      ([name, value]) => `${name} to ${JSON.stringify(value)}`,
    )
    t.test(
      `a change of ${what.join() || 'nothing but the time'} leaves the rest alone`,
      async t => {
        const database = await open(t)
        await insertAll(database, [FULL, record(2)])
        const wanted = { ...FULL, ...change, updatedAt: at(60) }
        t.strictSame(
          await database.images.update(id(1), { ...change, updatedAt: at(60) }, ['active']),
          wanted,
        )
        t.strictSame(await database.images.find(id(1)), wanted)
        t.strictSame(
          await database.images.find(id(2)),
          record(2),
          'and so it does the other images',
        )
      },
    )
  }

  t.test('a change is made only from the statuses that are given', async t => {
    const database = await open(t)
    const living = IMAGE_STATUSES.filter(
      status => status !== 'deleted' && status !== 'pending_delete',
    )
    await insertAll(
      database,
      living.map((status, n) => record(n, { status })),
    )
    const from: readonly ImageStatus[] = ['queued', 'active', 'killed']
    for (const [n, status] of living.entries()) {
      const update = database.images.update(id(n), { name: 'new', updatedAt: at(60) }, from)
      if (from.includes(status)) t.equal((await update).name, 'new', status)
      else {
        await t.rejects(update, { code: 'conflict', message: status })
        t.strictSame(
          await database.images.find(id(n)),
          record(n, { status }),
          'nothing has changed',
        )
      }
    }
  })

  t.test('of two writers who take the same step one wins', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    const step = (name: string) =>
      database.images.update(id(1), { status: 'saving', name, tags: [name], updatedAt: at(9) }, [
        'queued',
      ])
    const results = await Promise.allSettled([step('a'), step('b'), step('c')])
    t.strictSame(results.map(({ status }) => status).toSorted(), [
      'fulfilled',
      'rejected',
      'rejected',
    ])
    for (const result of results) {
      if (result.status === 'rejected') t.match(result.reason, { code: 'conflict' })
      else
        t.strictSame(
          await database.images.find(id(1)),
          result.value,
          'and all of its change is made',
        )
    }
  })

  t.test('there is nothing to change where there is no image', async t => {
    const database = await open(t)
    const update = database.images.update(id(1), { name: 'new', updatedAt: at(9) }, IMAGE_STATUSES)
    await t.rejects(update, { code: 'not_found', message: id(1) })
  })

  t.test('a deleted image is hidden, and its id stays taken', async t => {
    const database = await open(t)
    await database.images.insert(FULL)
    await database.members.insert(member(1, 'guest'))
    const deleted = await database.images.update(id(1), { status: 'deleted', updatedAt: at(60) }, [
      'active',
    ])
    t.match(deleted, { id: id(1), status: 'deleted', deletedAt: at(60) })
    t.strictSame(deleted.tags, [])
    t.strictSame(deleted.locations, [])
    t.strictSame(deleted.removedLocations, [])
    t.equal(deleted.properties.size, 0)
    t.equal(await database.images.find(id(1)), undefined)
    t.strictSame(await listed(database), [])
    t.strictSame(await database.members.list(id(1)), [])
    await t.rejects(database.members.insert(member(1, 'guest')), { code: 'not_found' })
    await t.rejects(database.images.insert(record(1)), { code: 'duplicate' })
    await t.rejects(
      database.images.update(id(1), { status: 'queued', updatedAt: at(61) }, IMAGE_STATUSES),
      { code: 'not_found' },
    )
  })

  t.test('the time of deletion may be given', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    const change = { status: 'deleted', deletedAt: at(50), updatedAt: at(60) } as const
    t.match(await database.images.update(id(1), change, ['queued']), {
      deletedAt: at(50),
      updatedAt: at(60),
    })
  })

  t.test('killed images are found and not listed', async t => {
    const database = await open(t)
    await insertAll(database, [record(1, { status: 'killed' }), record(2)])
    t.strictSame(await database.images.find(id(1)), record(1, { status: 'killed' }))
    t.strictSame(await listed(database), [2])
    t.strictSame(
      await listed(database, { conditions: [{ type: 'text', field: 'status', in: ['killed'] }] }),
      [],
    )
  })

  t.test('an image is read whole while it is being changed', async t => {
    const database = await open(t)
    await database.images.insert(
      record(1, { name: '0', tags: ['0'], properties: new Map([['n', '0']]) }),
    )
    const writes = Array.from({ length: 20 }, async (_, i) => {
      const n = String(i)
      const change = { name: n, tags: [n], properties: new Map([['n', n]]), updatedAt: at(i) }
      await database.images.update(id(1), change, ['queued'])
    })
    const reads = Array.from({ length: 20 }, () => database.images.find(id(1)))
    const pages = Array.from({ length: 20 }, () => database.images.list(query()))
    await Promise.all(writes)
    for (const image of [...(await Promise.all(reads)), ...(await Promise.all(pages)).flat()]) {
      t.strictSame(image?.tags, [image?.name])
      t.equal(image?.properties.get('n'), image?.name)
    }
  })
}
