import type { Test } from '../test.ts'
import type { Database } from '../../database/database.ts'
import { isGlanceError } from '../../errors.ts'
import { at, id, listed, type Open, record } from './records.ts'

/** Ends what keeps the rows as a power cut would, and brings it back. */
export type Interrupt = () => Promise<void>

const WRITERS = 6

export function interruptionCases(t: Test, open: Open, interrupt: Interrupt): void {
  t.test('traffic goes on after it, and nothing that was done is undone', async t => {
    const database = await open(t)
    await database.images.insert(record(0))
    const inserted = outcomes()
    const counted = outcomes()
    const over = new AbortController()
    const write = async (writer: number) => {
      for (let n = 1; !over.signal.aborted; n += 1) {
        const number = writer * 100_000 + n
        await inserted.of(number, database.images.insert(record(number)))
        await counted.of(number, database.transaction(increment))
      }
    }
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, n) => write(n + 1)))
    const untilDone = async (count: number) => {
      // Whoever gives up ends the wait too.
      while (inserted.done.size < count) await Promise.race([writing, turn()])
    }
    try {
      for (let cut = 0; cut < 2; cut += 1) {
        await untilDone(inserted.done.size + 50)
        await interrupt()
        await untilDone(inserted.done.size + 50)
      }
    } finally {
      over.abort()
    }
    await writing
    const there = new Set(await everything(database))
    t.strictSame(
      [...inserted.done].filter(number => !there.has(number)),
      [],
      'all that was done is there',
    )
    const possible = new Set([0, ...inserted.done, ...inserted.unknown])
    t.strictSame(
      [...there].filter(number => !possible.has(number)),
      [],
      'and nothing that was not asked for',
    )
    const { minRam = -1 } = (await database.images.find(id(0))) ?? {}
    const { done, unknown } = counted
    t.ok(minRam >= done.size, `${minRam} of at least ${done.size}`)
    t.ok(
      minRam <= done.size + unknown.size,
      `${minRam} of ${done.size} and perhaps ${unknown.size}`,
    )
  })

  t.test('what reads during it is told, or reads', async t => {
    const database = await open(t)
    for (const number of [1, 2, 3]) await database.images.insert(record(number))
    const over = new AbortController()
    const read = async () => {
      while (!over.signal.aborted) {
        const found = await listed(database).catch(unlessUnavailable)
        if (found !== undefined) t.strictSame(found, [1, 2, 3])
      }
    }
    const reading = Promise.all([read(), read(), read()])
    await interrupt()
    over.abort()
    await reading
    t.strictSame(await listed(database), [1, 2, 3])
  })

  t.test('a transaction that it breaks is done as a whole or not at all', async t => {
    const database = await open(t)
    let times = 0
    const work = database.transaction(async tx => {
      times += 1
      await tx.images.insert(record(1))
      if (times === 1) await interrupt()
      await tx.images.insert(record(2))
    })
    await work.catch(unlessUnavailable)
    const found = await listed(database)
    t.ok(found.length === 0 || found.length === 2, found.join(', '))
    await database.images.insert(record(3))
  })
}

async function increment({ images }: Database): Promise<void> {
  const image = await images.find(id(0))
  await images.update(id(0), { minRam: (image?.minRam ?? 0) + 1, updatedAt: at(9) }, ['queued'])
}

/** What came of changes: done, or not known. */
function outcomes() {
  const done = new Set<number>()
  const unknown = new Set<number>()
  const of = async (number: number, work: Promise<unknown>) => {
    try {
      await work
      done.add(number)
    } catch (error) {
      unlessUnavailable(error)
      unknown.add(number)
    }
  }
  return { done, unknown, of }
}

/** The numbers of all images, page by page. */
async function everything(database: Database): Promise<number[]> {
  const all: number[] = []
  for (;;) {
    const last = all.at(-1)
    const page = await listed(database, { marker: last === undefined ? null : id(last) })
    if (page.length === 0) return all
    all.push(...page)
  }
}

function unlessUnavailable(error: unknown): undefined {
  if (!isGlanceError(error, 'unavailable')) throw error
}

/** Until whatever is waiting had its turn. */
const turn = () => new Promise<void>(resolve => void setImmediate(resolve))
