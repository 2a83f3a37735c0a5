import type { Test } from '../test.ts'
import type { Database } from '../../database/database.ts'
import { at, id, insertAll, listed, member, type Open, query, record } from './records.ts'

export function transactionCases(t: Test, open: Open): void {
  t.test('it resolves to what its work resolves to, and all of it is done', async t => {
    const database = await open(t)
    const result = await database.transaction(async tx => {
      await tx.images.insert(record(1))
      await tx.members.insert(member(1, 'a'))
      await tx.images.update(id(1), { name: 'new', updatedAt: at(9) }, ['queued'])
      return tx.images.find(id(1))
    })
    const wanted = record(1, { name: 'new', updatedAt: at(9) })
    t.strictSame(result, wanted, 'the work sees its own changes')
    t.strictSame(await database.images.find(id(1)), wanted)
    t.strictSame(await database.members.list(id(1)), [member(1, 'a')])
  })

  t.test('when its work rejects, nothing is done', async t => {
    const database = await open(t)
    const before = record(1, { tags: ['a'], properties: new Map([['a', '1']]) })
    await insertAll(database, [before, record(2), record(3)])
    for (const n of [1, 2]) await database.members.insert(member(n, 'a'))
    const reason = new Error('the reason')
    const work = database.transaction(async tx => {
      await tx.images.insert(record(4))
      await tx.images.update(id(1), { tags: [], properties: new Map(), updatedAt: at(9) }, [
        'queued',
      ])
      await tx.images.update(id(2), { status: 'deleted', updatedAt: at(9) }, ['queued'])
      await tx.members.insert(member(3, 'a'))
      await tx.members.update(id(1), 'a', { status: 'accepted', updatedAt: at(9) })
      throw reason
    })
    t.equal(await work.catch((error: unknown) => error), reason, 'it rejects with the very reason')
    t.strictSame(await listed(database), [1, 2, 3])
    t.strictSame(await database.images.find(id(1)), before)
    for (const n of [1, 2]) t.strictSame(await database.members.list(id(n)), [member(n, 'a')])
    t.strictSame(await database.members.list(id(3)), [])
  })

  t.test('its work may go on after an error that it catches', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    await database.transaction(async tx => {
      await t.rejects(tx.images.insert(record(1)), { code: 'duplicate' })
      await t.rejects(tx.images.update(id(1), { updatedAt: at(9) }, ['active']), {
        code: 'conflict',
      })
      await tx.images.insert(record(2))
    })
    t.strictSame(await listed(database), [1, 2])
  })

  t.test('several at once are done one after the other', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    const increment = async (tx: Database) => {
      const image = await tx.images.find(id(1))
      const minRam = (image?.minRam ?? 0) + 1
      await tx.images.update(id(1), { minRam, updatedAt: at(9) }, ['queued'])
    }
    const others = Array.from({ length: 10 }, (_, n) => database.images.insert(record(n + 2)))
    await Promise.all([
      ...Array.from({ length: 10 }, () => database.transaction(increment)),
      ...others,
    ])
    t.equal((await database.images.find(id(1)))?.minRam, 10)
    t.equal((await listed(database)).length, 11)
  })

  t.test('however many there are at once, each is done', async t => {
    const database = await open(t)
    const numbers = Array.from({ length: 30 }, (_, n) => n + 1)
    const write = async (n: number) => {
      await database.images.insert(record(n))
      for (const [status, next] of [
        ['queued', 'saving'],
        ['saving', 'active'],
      ] as const) {
        await database.transaction(async ({ images }) => {
          const image = await images.find(id(n))
          const minRam = (image?.minRam ?? 0) + 1
          await images.update(id(n), { status: next, minRam, updatedAt: at(9) }, [status])
        })
      }
    }
    await Promise.all(numbers.map(write))
    const images = await database.images.list(query())
    t.strictSame(
      images.map(({ id, status, minRam }) => ({ id, status, minRam })),
      numbers.map(n => ({ id: id(n), status: 'active', minRam: 2 })),
    )
  })

  t.test('nobody else sees what is not done yet', async t => {
    const database = await open(t)
    let reading: Promise<unknown> | undefined
    const work = database.transaction(async tx => {
      await tx.images.insert(record(1))
      reading = database.images.find(id(1))
      throw new Error('on second thoughts')
    })
    await t.rejects(work, { message: 'on second thoughts' })
    t.equal(await reading, undefined)
  })

  t.test('it does not nest', async t => {
    const database = await open(t)
    const work = database.transaction(tx => tx.transaction(async () => {}))
    await t.rejects(work, new TypeError('transactions do not nest'))
  })

  t.test('one that was aborted before it began does nothing', async t => {
    const database = await open(t)
    const signal = AbortSignal.abort(new Error('too late'))
    const work = database.transaction(async tx => tx.images.insert(record(1)), { signal })
    await t.rejects(work, { message: 'too late' })
    t.strictSame(await listed(database), [])
  })

  t.test('one that is aborted half way is undone', async t => {
    const database = await open(t)
    const controller = new AbortController()
    const work = database.transaction(
      async tx => {
        await tx.images.insert(record(1))
        controller.abort(new Error('enough'))
      },
      { signal: controller.signal },
    )
    await t.rejects(work, { message: 'enough' })
    t.strictSame(await listed(database), [])
    await database.images.insert(record(1))
  })
}
