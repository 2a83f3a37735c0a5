import type { Test } from '../test.ts'
import { at, FULL, id, insertAll, listed, member, type Open, record } from './records.ts'

export function purgeCases(t: Test, open: Open): void {
  t.test('images that were deleted before then are forgotten', async t => {
    const database = await open(t)
    await insertAll(database, [
      FULL,
      record(2, { status: 'deleted', deletedAt: at(10) }),
      record(3, { status: 'deleted', deletedAt: at(20) }),
      record(4, { status: 'pending_delete', deletedAt: at(1), tags: ['kept'] }),
      record(5, { status: 'killed' }),
    ])
    t.equal(await database.images.purge(at(10)), 0, 'before, not at')
    t.equal(await database.images.purge(at(11)), 1)
    t.equal(await database.images.find(id(2), { deleted: true }), undefined)
    t.strictSame(await database.images.find(id(1)), FULL)
    t.strictSame(await listed(database, { deleted: 'listed' }), [1, 3, 4, 5])
    t.match(await database.images.findPending(id(4)), { tags: ['kept'] })
    await database.images.insert(record(2))
    t.strictSame(await database.images.find(id(2)), record(2), 'and their ids may be used again')
    await t.rejects(database.images.insert(record(3)), { code: 'duplicate' })
  })

  t.test('one with data to be deleted stays until there is none', async t => {
    const database = await open(t)
    await insertAll(database, [record(1), record(2, { status: 'deleted', deletedAt: at(9) })])
    const place = { url: 'file:///one', metadata: {}, removedAt: at(0) }
    const deleted = { status: 'deleted', updatedAt: at(9), removedLocations: [place] } as const
    await database.images.update(id(1), deleted, ['queued'])
    t.equal(await database.images.purge(at(60), { limit: 1 }), 1)
    t.equal(await database.images.purge(at(60)), 0)
    const found = await database.images.find(id(1), { deleted: true })
    t.match(found, { removedLocations: [place] })
    await database.images.update(id(1), { removedLocations: [], updatedAt: at(9) }, ['deleted'])
    t.equal(await database.images.purge(at(60)), 1)
  })

  t.test('nothing that an image had is left of it', async t => {
    const database = await open(t)
    await database.images.insert(FULL)
    await database.members.insert(member(1, 'guest'))
    await database.images.update(id(1), { status: 'deleted', updatedAt: at(9) }, ['active'])
    t.equal(await database.images.purge(at(60)), 1)
    await database.images.insert(record(1))
    t.strictSame(await database.images.find(id(1)), record(1))
    t.strictSame(await database.members.list(id(1)), [])
  })

  t.test('an image that is inserted as deleted was deleted at its last change', async t => {
    const database = await open(t)
    await database.images.insert(record(1, { status: 'deleted', updatedAt: at(5) }))
    t.match(await database.images.find(id(1), { deleted: true }), { deletedAt: at(5) })
    t.equal(await database.images.purge(at(5)), 0)
    t.equal(await database.images.purge(at(6)), 1)
  })

  t.test('no more of them than are asked for', async t => {
    const database = await open(t)
    const deleted = (n: number) => record(n, { status: 'deleted', deletedAt: at(1) })
    await insertAll(
      database,
      Array.from({ length: 1203 }, (_, n) => deleted(n)),
    )
    await database.images.insert(record(2000))
    for (const [limit, purged] of [
      [0, 0],
      [1, 1],
      [1000, 1000],
      [1000, 202],
      [undefined, 0],
    ] as const) {
      const options = limit === undefined ? {} : { limit }
      t.equal(await database.images.purge(at(2), options), purged, `${limit} at most`)
    }
    t.strictSame(await listed(database, { deleted: 'listed' }), [2000])
  })

  t.test('a transaction that is undone forgets nothing', async t => {
    const database = await open(t)
    await database.images.insert(record(1, { status: 'deleted', deletedAt: at(1) }))
    const work = database.transaction(async tx => {
      t.equal(await tx.images.purge(at(2)), 1)
      throw new Error('on second thoughts')
    })
    await t.rejects(work, { message: 'on second thoughts' })
    await t.rejects(database.images.insert(record(1)), { code: 'duplicate' })
    const signal = AbortSignal.abort(new Error('too late'))
    await t.rejects(database.images.purge(at(2), { signal }), { message: 'too late' })
    t.equal(await database.images.purge(at(2)), 1)
  })
}
