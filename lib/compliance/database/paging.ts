import type { Test } from '../test.ts'
import type { Database } from '../../database/database.ts'
import { type ImageQuery, SORT_KEYS } from '../../image/query.ts'
import { at, id, insertAll, listed, type Open, query, record } from './records.ts'

/** Some tie on everything but their ids; some have no name, format or size; 5 and 6 tie on their times too. */
const IMAGES = [
  record(1, { name: 'b', size: 2, diskFormat: 'raw', createdAt: at(50), updatedAt: at(3) }),
  record(2, { name: null, size: null, status: 'active', createdAt: at(40) }),
  record(3, { name: '', size: 0, containerFormat: 'bare', createdAt: at(40), updatedAt: at(3) }),
  record(4, { name: 'b', size: 10, diskFormat: 'qcow2', createdAt: at(10) }),
  record(5, { name: null, size: null, status: 'active', createdAt: at(20), updatedAt: at(9) }),
  record(6, { name: null, size: null, status: 'active', createdAt: at(20), updatedAt: at(9) }),
  record(7, { name: 'é🐧', size: 9, containerFormat: 'bare', diskFormat: 'raw' }),
  record(8, { name: 'B', size: 2 ** 40, containerFormat: 'ami', createdAt: at(60) }),
  record(9, { name: 'é\uffee', size: 2 ** 40, containerFormat: '', diskFormat: '' }),
]

const ASCENDING: Record<(typeof SORT_KEYS)[number], number[]> = {
  // Null before the empty text, upper before lower case, by code point; then by created_at and id.
  name: [5, 6, 2, 3, 8, 4, 1, 9, 7],
  status: [5, 6, 2, 7, 9, 4, 3, 1, 8],
  container_format: [4, 5, 6, 2, 1, 9, 8, 7, 3],
  disk_format: [5, 6, 2, 3, 8, 9, 4, 7, 1],
  size: [5, 6, 2, 3, 1, 7, 4, 9, 8],
  id: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  created_at: [7, 9, 4, 5, 6, 2, 3, 1, 8],
  updated_at: [2, 3, 1, 4, 7, 8, 9, 5, 6],
}

export async function pagingCases(t: Test, open: Open): Promise<void> {
  const database = await open(t)
  await insertAll(database, IMAGES)

  for (const key of SORT_KEYS) {
    t.test(`by ${key} ascending, with ties by created_at and id`, async t => {
      const sort = [{ key, direction: 'asc' }] as const
      t.strictSame(await listed(database, { sort }), ASCENDING[key])
      await sameInPages(t, database, { sort })
    })
    t.test(`by ${key} descending, the very reverse`, async t => {
      const sort = [{ key, direction: 'desc' }] as const
      t.strictSame(await listed(database, { sort }), ASCENDING[key].toReversed())
      await sameInPages(t, database, { sort })
    })
  }

  t.test('by any two keys in opposite directions', async t => {
    for (const key of SORT_KEYS) {
      for (const other of SORT_KEYS) {
        const sort = [
          { key, direction: 'asc' },
          { key: other, direction: 'desc' },
        ] as const
        await sameInPages(t, database, { sort }, [2])
        await sameInPages(t, database, { sort: sort.toReversed() }, [2])
      }
    }
  })

  t.test('by two keys, the second of which decides where the first ties', async t => {
    const sort = [
      { key: 'status', direction: 'desc' },
      { key: 'name', direction: 'asc' },
    ] as const
    t.strictSame(await listed(database, { sort }), [3, 8, 1, 4, 9, 7, 2, 6, 5])
  })

  t.test('by nothing in particular: the newest first', async t => {
    t.strictSame(await listed(database, { sort: [] }), ASCENDING.created_at.toReversed())
    await sameInPages(t, database, { sort: [] })
  })

  t.test('pages keep to the conditions and to what the viewer may see', async t => {
    const conditions = [{ type: 'text', field: 'status', in: ['active'] }] as const
    await sameInPages(t, database, { conditions, sort: [{ key: 'size', direction: 'asc' }] })
    const viewer = { isAdmin: false, project: 'other' }
    t.strictSame(await listed(database, { viewer, marker: id(1) }), [])
  })

  t.test('a page begins after its marker, although the marker itself is not listed', async t => {
    const conditions = [{ type: 'text', field: 'status', in: ['active'] }] as const
    const sort = [{ key: 'created_at', direction: 'asc' }] as const
    t.strictSame(await listed(database, { conditions, sort, marker: id(4) }), [5, 6, 2])
  })

  t.test('a page after the last image is empty', async t => {
    t.strictSame(await listed(database, { marker: id(9) }), [])
  })

  t.test('a page of none is empty', async t => {
    t.strictSame(await listed(database, { limit: 0 }), [])
    t.strictSame(await listed(database, { limit: 0, marker: id(1) }), [])
  })

  t.test('a marker that is absent or deleted is not found', async t => {
    const database = await open(t)
    await insertAll(database, [record(1), record(2)])
    await database.images.update(id(1), { status: 'deleted', updatedAt: at(9) }, ['queued'])
    for (const marker of [id(1), id(3)]) {
      await t.rejects(database.images.list(query({ marker })), {
        code: 'not_found',
        message: marker,
      })
    }
  })

  t.test('a page may begin after a deleted image when the query says so', async t => {
    const database = await open(t)
    await insertAll(database, [record(1), record(2), record(3, { status: 'killed' })])
    await database.images.update(id(1), { status: 'deleted', updatedAt: at(9) }, ['queued'])
    t.strictSame(await listed(database, { deleted: 'marker', marker: id(1) }), [2])
    t.strictSame(await listed(database, { deleted: 'listed', marker: id(1) }), [2, 3])
    await t.rejects(database.images.list(query({ deleted: 'listed', marker: id(4) })), {
      code: 'not_found',
    })
  })

  t.test('a page may be large, and each image has what belongs to it', async t => {
    const database = await open(t)
    const images = Array.from({ length: 1200 }, (_, n) =>
      record(n, { tags: [`tag ${n}`], properties: new Map([['n', String(n)]]) }),
    )
    await insertAll(database, images)
    t.strictSame(await database.images.list(query({ limit: 2000 })), images)
  })
}

/** Follows pages of each size to the end, and compares with the whole. */
async function sameInPages(
  t: Test,
  database: Database,
  given: Partial<ImageQuery>,
  limits: readonly number[] = [1, 2, 4],
): Promise<void> {
  const whole = await listed(database, given)
  for (const limit of limits) {
    const paged: number[] = []
    let page = await listed(database, { ...given, limit })
    while (page.length > 0 && paged.length <= whole.length) {
      paged.push(...page)
      page = await listed(database, { ...given, limit, marker: id(page.at(-1) ?? 0) })
    }
    t.strictSame(paged, whole, `${JSON.stringify(given.sort)} in pages of ${limit}`)
  }
}
