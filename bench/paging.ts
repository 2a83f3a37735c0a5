import assert from 'node:assert/strict'
import type { Database } from '../lib/database/database.ts'
import { openDatabase } from '../lib/database/open.ts'
import { type ImageQuery, SORT_KEYS, type SortDirection, type SortKey } from '../lib/image/query.ts'
import { places } from './databases.ts'
import { images } from './images.ts'
import { median } from './measure.ts'

const IMAGES = 1_000_000
const PAGE = 1000
const ROUNDS = 50

/** The last page of 1,000 images out of 1,000,000 next to the first, by every key in both directions. */
export async function paging(): Promise<string> {
  const tables: string[] = []
  for await (const place of places()) {
    await using made = place
    const url = await made.create()
    await using database = await openDatabase({ dataApi: null, connection: url })
    await database.migrate()
    const began = performance.now()
    await database.images.insertAll(images(IMAGES, 1))
    const seconds = (performance.now() - began) / 1000
    await made.analyze(url)
    const head = `${made.engine}, filled in ${seconds.toFixed(0)} s\tfirst ms\tlast ms\tratio`
    tables.push([head.padEnd(32), ...(await rows(database))].join('\n'))
  }
  return tables.join('\n\n')
}

async function rows(database: Database): Promise<string[]> {
  const lines: string[] = []
  for (const key of SORT_KEYS) {
    for (const direction of ['asc', 'desc'] as const) {
      const { first, last } = await pages(database, key, direction)
      const cells = [first.toFixed(1), last.toFixed(1), (last / first).toFixed(2)]
      lines.push([`${key} ${direction}`.padEnd(32), ...cells].join('\t'))
    }
  }
  return lines
}

/** Milliseconds that the first and the last page take: the medians of the rounds in which they take turns. */
async function pages(
  database: Database,
  key: SortKey,
  direction: SortDirection,
): Promise<{ readonly first: number; readonly last: number }> {
  // The last page is the first one of the reverse order, and begins after what follows that.
  const reverse = { ...query(key, direction === 'asc' ? 'desc' : 'asc'), limit: PAGE + 1 }
  const end = Array.from(await database.images.list(reverse), ({ id }) => id)
  const marker = end.pop() ?? null
  const taken = { first: [] as number[], last: [] as number[] }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const which of ['first', 'last'] as const) {
      const wanted = { ...query(key, direction), marker: which === 'first' ? null : marker }
      const began = performance.now()
      const found = await database.images.list(wanted)
      taken[which].push(performance.now() - began)
      assert.equal(found.length, PAGE)
      if (which === 'last') assert.deepEqual(found.map(({ id }) => id).toReversed(), end)
    }
  }
  return { first: median(taken.first), last: median(taken.last) }
}

function query(key: SortKey, direction: SortDirection): ImageQuery {
  return {
    viewer: { isAdmin: true, project: null },
    visibility: null,
    memberStatus: 'accepted',
    hidden: false,
    conditions: [],
    sort: [{ key, direction }],
    limit: PAGE,
    marker: null,
  }
}
