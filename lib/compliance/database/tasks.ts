import type { Test } from '../test.ts'
import { type Task, tasksOfImage, unfinishedTasks } from '../../image/task.ts'
import { at, id, type Open } from './records.ts'

export function task(n: number, given: Partial<Task> = {}): Task {
  return {
    id: id(n),
    type: 'api_image_import',
    status: 'pending',
    owner: null,
    imageId: null,
    requestId: null,
    userId: null,
    input: {},
    result: null,
    message: '',
    createdAt: at(n),
    updatedAt: at(n),
    expiresAt: null,
    ...given,
  }
}

const FULL = task(1, {
  type: 'import',
  status: 'failure',
  owner: 'Köln 🏢',
  imageId: id(9),
  requestId: 'req-1',
  userId: 'user',
  input: { method: { name: 'web-download' }, list: [1, null, 'ü'] },
  result: { image_id: id(9) },
  message: 'it\nfailed',
  updatedAt: at(5),
  expiresAt: at(99),
})

export function taskCases(t: Test, open: Open): void {
  t.test('a task is read back as it was', async t => {
    const database = await open(t)
    for (const each of [FULL, task(2)]) await database.tasks.insert(each)
    t.strictSame(await database.tasks.find(id(1)), FULL)
    t.strictSame(await database.tasks.find(id(2)), task(2))
    t.equal(await database.tasks.find(id(3)), undefined)
    await t.rejects(database.tasks.insert(task(1)), { code: 'duplicate', message: id(1) })
  })

  t.test('a task changes while its status is one of those that are named', async t => {
    const database = await open(t)
    await database.tasks.insert(FULL)
    await database.tasks.insert(task(2))
    const change = { status: 'processing', message: 'begun', updatedAt: at(7) } as const
    const changed = await database.tasks.update(id(2), change, ['pending', 'processing'])
    t.strictSame(changed, task(2, change))
    t.strictSame(await database.tasks.find(id(2)), changed)
    await t.rejects(database.tasks.update(id(2), change, ['pending']), { code: 'conflict' })
    await t.rejects(database.tasks.update(id(3), change, ['pending']), { code: 'not_found' })
    const end = { result: { x: 1 }, expiresAt: at(8), updatedAt: at(8) } as const
    t.strictSame(await database.tasks.update(id(2), end, ['processing']), { ...changed, ...end })
    const undone = { result: null, expiresAt: null, updatedAt: at(9) } as const
    t.match(await database.tasks.update(id(2), undone, ['processing']), undone)
    t.strictSame(await database.tasks.find(id(1)), FULL, 'another one does not')
  })

  t.test('tasks are listed by what they are', async t => {
    const database = await open(t)
    for (const each of [
      FULL,
      task(2, { owner: 'a', imageId: id(9), status: 'processing' }),
      task(3, { owner: 'a', type: 'location_import' }),
      task(4, { owner: 'b', status: 'success' }),
    ]) {
      await database.tasks.insert(each)
    }
    const every = { ...unfinishedTasks(10), statuses: null }
    for (const [query, wanted] of [
      [every, [1, 2, 3, 4]],
      [{ ...every, owner: 'a' }, [2, 3]],
      [{ ...every, type: 'location_import' }, [3]],
      [{ ...every, statuses: ['failure', 'success'] }, [1, 4]],
      [{ ...every, statuses: [] }, []],
      [tasksOfImage(id(9)), [1, 2]],
      [unfinishedTasks(10), [2, 3]],
      [unfinishedTasks(1), [2]],
    ] as const) {
      const found = await database.tasks.list(query)
      t.strictSame(
        found.map(({ id }) => Number(id.slice(-12))),
        wanted,
      )
    }
  })

  t.test('tasks are sorted and paged', async t => {
    const database = await open(t)
    const owners = ['b', null, 'a', 'b', null]
    for (const [i, owner] of owners.entries()) {
      await database.tasks.insert(task(i, { owner, createdAt: at(i < 2 ? 0 : 1) }))
    }
    const every = { ...unfinishedTasks(10), statuses: null }
    for (const [sortKey, sortDirection, wanted] of [
      ['created_at', 'asc', [0, 1, 2, 3, 4]],
      ['created_at', 'desc', [4, 3, 2, 1, 0]],
      ['id', 'desc', [4, 3, 2, 1, 0]],
      ['owner', 'asc', [1, 4, 2, 0, 3]],
      ['owner', 'desc', [3, 0, 2, 4, 1]],
      ['expires_at', 'asc', [0, 1, 2, 3, 4]],
      ['updated_at', 'desc', [4, 3, 2, 1, 0]],
    ] as const) {
      const seen: number[] = []
      let marker: string | null = null
      for (;;) {
        const query = { ...every, sortKey, sortDirection, limit: 2, marker }
        const page: readonly Task[] = await database.tasks.list(query)
        seen.push(...page.map(({ id }) => Number(id.slice(-12))))
        marker = page.at(-1)?.id ?? null
        if (marker === null) break
      }
      t.strictSame(seen, wanted, `${sortKey} ${sortDirection}`)
    }
    await t.rejects(database.tasks.list({ ...every, marker: id(99) }), { code: 'not_found' })
  })

  t.test('tasks that have expired are forgotten', async t => {
    const database = await open(t)
    for (const [n, expiresAt] of [null, at(5), at(6)].entries()) {
      await database.tasks.insert(task(n, { expiresAt }))
    }
    t.equal(await database.tasks.deleteExpired(at(6)), 1)
    t.equal(await database.tasks.deleteExpired(at(6)), 0)
    t.equal(await database.tasks.find(id(1)), undefined)
    t.ok(await database.tasks.find(id(0)))
    t.ok(await database.tasks.find(id(2)))
    for (let n = 10; n < 15; n += 1) await database.tasks.insert(task(n, { expiresAt: at(5) }))
    t.equal(await database.tasks.deleteExpired(at(6), { limit: 2 }), 2)
    t.equal(await database.tasks.deleteExpired(at(6), { limit: 9 }), 3)
  })

  t.test('a transaction has tasks as well', async t => {
    const database = await open(t)
    const reason = new Error('the reason')
    const work = database.transaction(async tx => {
      await tx.tasks.insert(task(1))
      t.ok(await tx.tasks.find(id(1)))
      throw reason
    })
    await t.rejects(work, reason)
    t.equal(await database.tasks.find(id(1)), undefined)
  })
}
