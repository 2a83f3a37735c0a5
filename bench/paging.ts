import assert from 'node:assert/strict'
import type { Database } from '../lib/database/database.ts'
import { openDatabase } from '../lib/database/open.ts'
import { type ImageQuery, SORT_KEYS, type SortDirection, type SortKey } from '../lib/image/query.ts'
import { type Benchmark, scaled } from './context.ts'
import { places } from './databases.ts'
import { images } from './images.ts'
import type { Entry, Run } from './result.ts'

const IMAGES = 1_000_000
const PAGE = 1000
const ROUNDS = 50

/** The last page of 1,000 images out of 1,000,000 next to the first, by every key in both directions. */
export const paging: Benchmark = {
  summary: 'the last page of a million images next to the first, by every key',
  expectedSeconds: 300,
  async *run(context) {
    const count = scaled(context, IMAGES, 2 * PAGE)
    for await (const place of places()) {
      await using made = place
      const url = await made.create()
      await using database = await openDatabase({ dataApi: null, connection: url })
      await database.migrate()
      await database.images.insertAll(images(count, 1))
      await made.analyze(url)
      context.say(`${made.engine} is filled`)
      yield {
        name: made.engine,
        title: `pages of 1,000 of ${count} images: ${made.engine}`,
        unit: 'images',
        note: '',
        entries: await entries(database),
        bounds: [],
      }
    }
  },
}

async function entries(database: Database): Promise<Entry[]> {
  const found: Entry[] = []
  for (const key of SORT_KEYS) {
    for (const direction of ['asc', 'desc'] as const) {
      for (const [which, seconds] of Object.entries(await pages(database, key, direction))) {
        const runs = seconds.map(run)
        found.push({ name: `${key} ${direction}, ${which}`, isPeer: false, series: null, runs })
      }
    }
  }
  return found
}

function run(seconds: number): Run {
  return {
    seconds,
    amount: PAGE,
    userSeconds: 0,
    systemSeconds: 0,
    peakMiB: 0,
    serverSeconds: 0,
    serverPeakMiB: 0,
    foreign: 0,
    counted: null,
  }
}

/** Seconds that the first and the last page took in each of the rounds in which they took turns. */
async function pages(
  database: Database,
  key: SortKey,
  direction: SortDirection,
): Promise<{ readonly first: readonly number[]; readonly last: readonly number[] }> {
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
      taken[which].push((performance.now() - began) / 1000)
      assert.equal(found.length, PAGE)
      if (which === 'last') assert.deepEqual(found.map(({ id }) => id).toReversed(), end)
    }
  }
  return taken
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
