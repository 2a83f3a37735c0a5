import type { Test } from '../test.ts'
import { at, id, member, type Open, record, insertAll } from './records.ts'

export function memberCases(t: Test, open: Open): void {
  t.test(
    'members are listed in the order in which they were added, whatever their times',
    async t => {
      const database = await open(t)
      await insertAll(database, [record(1), record(2)])
      const members = [
        member(1, 'b', { createdAt: at(5) }),
        member(1, 'c', { createdAt: at(5), status: 'accepted', canShare: true, updatedAt: at(6) }),
        member(1, 'a 🏢', { createdAt: at(4), status: 'rejected' }),
      ]
      for (const each of members) await database.members.insert(each)
      await database.members.insert(member(2, 'b'))
      t.strictSame(await database.members.list(id(1)), members)
      t.strictSame(await database.members.list(id(2)), [member(2, 'b')])
      t.strictSame(await database.members.list(id(3)), [])
    },
  )

  t.test('a member is found by image and project', async t => {
    const database = await open(t)
    await insertAll(database, [record(1), record(2)])
    await database.members.insert(member(1, 'a'))
    t.strictSame(await database.members.find(id(1), 'a'), member(1, 'a'))
    t.equal(await database.members.find(id(1), 'A'), undefined)
    t.equal(await database.members.find(id(2), 'a'), undefined)
  })

  t.test('a project is a member once', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    await database.members.insert(member(1, 'a', { status: 'accepted' }))
    await t.rejects(database.members.insert(member(1, 'a')), {
      code: 'duplicate',
      message: 'a is already',
    })
    t.strictSame(await database.members.list(id(1)), [member(1, 'a', { status: 'accepted' })])
  })

  t.test('an image that is absent has no members', async t => {
    const database = await open(t)
    await t.rejects(database.members.insert(member(1, 'a')), { code: 'not_found', message: id(1) })
  })

  t.test('a member changes its status', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    for (const name of ['a', 'b']) await database.members.insert(member(1, name))
    for (const status of ['accepted', 'rejected', 'pending'] as const) {
      const changed = await database.members.update(id(1), 'a', { status, updatedAt: at(9) })
      t.strictSame(changed, member(1, 'a', { status, updatedAt: at(9) }))
      t.strictSame(await database.members.list(id(1)), [changed, member(1, 'b')])
    }
  })

  t.test('a member may share the image or not, whatever its status', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    for (const name of ['a', 'b']) await database.members.insert(member(1, name))
    const may = await database.members.update(id(1), 'a', { canShare: true, updatedAt: at(9) })
    t.strictSame(may, member(1, 'a', { canShare: true, updatedAt: at(9) }))
    const accepts = { status: 'accepted', updatedAt: at(10) } as const
    t.strictSame(await database.members.update(id(1), 'a', accepts), { ...may, ...accepts })
    await database.members.update(id(1), 'a', { canShare: false, updatedAt: at(11) })
    t.strictSame(await database.members.list(id(1)), [
      member(1, 'a', { status: 'accepted', updatedAt: at(11) }),
      member(1, 'b'),
    ])
  })

  t.test('the memberships of a project are listed, of all images or of one project’s', async t => {
    const database = await open(t)
    const images = [record(1, { owner: 'x' }), record(2), record(3, { owner: 'y' })]
    await insertAll(database, [...images, record(4, { owner: 'x' })])
    for (const n of [3, 1, 2, 4]) await database.members.insert(member(n, 'a'))
    await database.members.insert(member(1, 'b'))
    await database.images.update(id(4), { status: 'deleted', updatedAt: at(9) }, ['queued'])
    const [one, two, three] = [member(1, 'a'), member(2, 'a'), member(3, 'a')]
    t.strictSame(await database.members.memberships('a'), [one, two, three])
    t.strictSame(await database.members.memberships('a', { imagesOf: 'x' }), [one])
    t.strictSame(await database.members.memberships('b', { imagesOf: 'y' }), [])
    t.strictSame(await database.members.memberships('nobody'), [])
  })

  t.test('a membership that was removed may be added again', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    for (const name of ['a', 'b'])
      await database.members.insert(member(1, name, { status: 'accepted' }))
    await database.members.delete(id(1), 'a')
    t.equal(await database.members.find(id(1), 'a'), undefined)
    await database.members.insert(member(1, 'a'))
    t.strictSame(await database.members.list(id(1)), [
      member(1, 'b', { status: 'accepted' }),
      member(1, 'a'),
    ])
  })

  t.test('a project that is no member is neither changed nor removed', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    const change = { status: 'accepted', updatedAt: at(9) } as const
    await t.rejects(database.members.update(id(1), 'a', change), {
      code: 'not_found',
      message: 'a is not',
    })
    await t.rejects(database.members.delete(id(1), 'a'), { code: 'not_found', message: 'a is not' })
  })

  t.test('members outlive a change of visibility', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    await database.members.insert(member(1, 'a'))
    await database.images.update(id(1), { visibility: 'private', updatedAt: at(9) }, ['queued'])
    t.strictSame(await database.members.list(id(1)), [member(1, 'a')])
  })
}
