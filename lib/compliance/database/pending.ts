import type { Test } from '../test.ts'
import type { ImageRecord } from '../../database/database.ts'
import { IMAGE_STATUSES } from '../../image/status.ts'
import { at, FULL, id, insertAll, listed, member, type Open, record } from './records.ts'

export function pendingCases(t: Test, open: Open): void {
  const place = { url: 'file:///one', metadata: {} }
  const pending = { status: 'pending_delete', updatedAt: at(60) } as const

  t.test('an image that is pending deletion is hidden, and has all that it had', async t => {
    const database = await open(t)
    await database.images.insert(FULL)
    await database.members.insert(member(1, 'guest'))
    t.equal(await database.images.findPending(id(1)), undefined)
    const waits = { ...FULL, ...pending, deletedAt: at(60) }
    t.strictSame(await database.images.update(id(1), pending, ['active']), waits)
    t.strictSame(await database.images.findPending(id(1)), waits)
    t.strictSame(await database.members.list(id(1)), [member(1, 'guest')])
    t.strictSame(await database.members.memberships('guest'), [])
    t.equal(await database.images.find(id(1)), undefined)
    t.strictSame(await listed(database), [])
    t.strictSame(await database.images.find(id(1), { deleted: true }), waits, 'unless asked for')
    t.strictSame(await listed(database, { deleted: 'listed' }), [1])
    t.strictSame(await listed(database, { deleted: 'marker', marker: id(1) }), [])
    const conditions = [{ type: 'text', field: 'status', in: ['pending_delete'] }] as const
    t.strictSame(await listed(database, { conditions }), [])
    await t.rejects(listed(database, { marker: id(1) }), { code: 'not_found' })
    await t.rejects(database.images.insert(record(1)), { code: 'duplicate' })
    await t.rejects(database.members.insert(member(1, 'other')), { code: 'not_found' })
    await t.rejects(
      database.images.update(id(1), { name: 'new', updatedAt: at(61) }, ['active', 'queued']),
      { code: 'not_found' },
    )
  })

  t.test('the time from which on it waits may be given', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    const change = { ...pending, deletedAt: at(50) }
    t.match(await database.images.update(id(1), change, ['queued']), { deletedAt: at(50) })
  })

  t.test('it can be made active again', async t => {
    const database = await open(t)
    await database.images.insert(FULL)
    await database.images.update(id(1), pending, ['active'])
    const change = { status: 'active', deletedAt: null, updatedAt: FULL.updatedAt } as const
    await database.images.update(id(1), change, ['pending_delete'])
    t.strictSame(await database.images.find(id(1)), FULL)
    t.equal(await database.images.findPending(id(1)), undefined)
    await t.rejects(database.images.update(id(1), change, ['pending_delete']), { code: 'conflict' })
  })

  t.test('it can be deleted for good', async t => {
    const database = await open(t)
    await database.images.insert(FULL)
    await database.members.insert(member(1, 'guest'))
    await database.images.update(id(1), pending, ['active'])
    const change = { status: 'deleted', updatedAt: at(70) } as const
    const deleted = await database.images.update(id(1), change, ['pending_delete'])
    t.match(deleted, { status: 'deleted', locations: [], removedLocations: [] })
    t.equal(await database.images.findPending(id(1)), undefined)
    t.strictSame(await database.members.list(id(1)), [])
    await t.rejects(database.images.update(id(1), change, IMAGE_STATUSES), { code: 'not_found' })
  })

  t.test('one that is deleted can have data that waits', async t => {
    const database = await open(t)
    await database.images.insert(FULL)
    const removedLocations = [
      { ...place, removedAt: at(0) },
      { url: 'file:///two', metadata: { store: 'two' }, removedAt: at(0) },
    ]
    const change = { status: 'deleted', updatedAt: at(70), removedLocations } as const
    const expected = { status: 'deleted', tags: [], locations: [], removedLocations } as const
    t.match(await database.images.update(id(1), change, ['active']), expected)
    t.equal(await database.images.find(id(1)), undefined)
    t.match(await database.images.find(id(1), { deleted: true }), expected)
    const listed = async () => {
      const images = await database.images.listPending({ until: at(0), limit: 9, marker: null })
      return images.map(image => image.removedLocations)
    }
    t.strictSame(await listed(), [removedLocations])
    const left = removedLocations.slice(1)
    const rest = { removedLocations: left, updatedAt: at(70) }
    await t.rejects(database.images.update(id(1), rest, ['active', 'pending_delete']), {
      code: 'not_found',
    })
    t.match(await database.images.update(id(1), rest, ['deleted']), {
      removedLocations: left,
      deletedAt: at(70),
    })
    t.strictSame(await listed(), [left])
    await database.images.update(id(1), { ...rest, removedLocations: [] }, ['deleted'])
    t.strictSame(await listed(), [])
  })

  t.test('what waits is listed by id, from the time on that is asked for', async t => {
    const database = await open(t)
    const removed = (seconds: number) => [{ ...place, removedAt: at(seconds) }]
    await insertAll(database, [
      record(4, { status: 'pending_delete', deletedAt: at(10) }),
      record(1, { status: 'pending_delete', deletedAt: at(20), tags: ['kept'] }),
      record(3, { status: 'active', removedLocations: removed(10) }),
      record(2, { status: 'active', removedLocations: [...removed(40), ...removed(30)] }),
      record(5, { status: 'active', locations: [place] }),
      record(6, { status: 'deleted', deletedAt: at(1) }),
    ])
    const numbers = async (until: number, limit = 10, marker: string | null = null) => {
      const images = await database.images.listPending({ until: at(until), limit, marker })
      return images.map(image => Number(image.id.slice(-12)))
    }
    t.strictSame(await numbers(9), [])
    t.strictSame(await numbers(10), [3, 4])
    t.strictSame(await numbers(20), [1, 3, 4])
    t.strictSame(await numbers(30), [1, 2, 3, 4])
    t.strictSame(await numbers(30, 2), [1, 2])
    t.strictSame(await numbers(30, 2, id(2)), [3, 4])
    t.strictSame(await numbers(30, 2, id(4)), [])
    const [first] = await database.images.listPending({ until: at(20), limit: 1, marker: null })
    t.match(first, { id: id(1), tags: ['kept'], deletedAt: at(20) } satisfies Partial<ImageRecord>)
  })

  t.test('an image that is inserted as pending deletion waits since its last change', async t => {
    const database = await open(t)
    await database.images.insert(record(1, { status: 'pending_delete', updatedAt: at(5) }))
    t.match(await database.images.findPending(id(1)), { deletedAt: at(5) })
  })

  t.test('is in the usage only where the image is there', async t => {
    const database = await open(t)
    const removedLocations = [{ ...place, removedAt: at(1) }]
    const data = { owner: 'a', size: 5, locations: [place], removedLocations }
    await insertAll(database, [
      record(1, { ...data, status: 'active' }),
      record(2, { ...data, status: 'pending_delete' }),
    ])
    t.match(await database.images.usage('a'), { storedBytes: 10, images: 1 })
  })
}
