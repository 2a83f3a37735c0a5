import { join } from 'node:path'
import { type Benchmark, type Context, scaled } from './context.ts'
import type { Contestant } from './contestant.ts'
import { twoServers, writePages } from './listed.ts'
import { race } from './measure.ts'
import { OURS } from './ours.ts'
import type { Race } from './result.ts'
import { pagesSource, type Source } from './source.ts'

const COUNTS = [1000, 10_000, 100_000, 1_000_000]

/** What comparing costs as the images become more, when there is nothing to do. */
export const million: Benchmark = {
  summary: 'compare of 1,000, 10,000, 100,000 and 1,000,000 images',
  expectedSeconds: 430,
  async *run(context) {
    yield await ofPages(context)
    yield await ofServers(context)
  },
}

interface Grown {
  readonly name: string
  readonly title: string
  /** Of the largest count, which takes long and has no peer. */
  readonly rounds: number
}

interface Ends extends AsyncDisposable {
  readonly count: number
  readonly from: string
  readonly to: string
  readonly pids: readonly number[]
}

type End = Pick<Source, 'address' | 'pid'> & AsyncDisposable

function between(one: End, other: End, count: number): Ends {
  return {
    count,
    from: one.address,
    to: other.address,
    pids: [one.pid, other.pid],
    [Symbol.asyncDispose]: async () => {
      await one[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
    },
  }
}

/** From files that nginx sends, so that the command has the machine for itself. */
async function ofPages(context: Context): Promise<Race> {
  const title = 'compare of images, all the same, as nginx sends them from files'
  return await grown(context, { name: 'pages', title, rounds: 3 }, async (count, folder) => {
    const pages = join(folder, 'pages')
    await writePages(pages, count)
    const one = await pagesSource(join(folder, 'one'), pages)
    const other = await pagesSource(join(folder, 'other'), pages)
    return between(one, other, count)
  })
}

async function ofServers(context: Context): Promise<Race> {
  const title = 'compare of images, all the same, between two of our servers on this machine'
  return await grown(context, { name: 'servers', title, rounds: 1 }, async (count, folder) => {
    const [one, other] = await twoServers(folder, count)
    return between(one, other, count)
  })
}

async function grown(
  context: Context,
  { name, title, rounds }: Grown,
  make: (count: number, folder: string) => Promise<Ends>,
): Promise<Race> {
  const all: Ends[] = []
  try {
    for (const full of COUNTS) {
      const count = scaled(context, full, full / 1000)
      all.push(await make(count, join(context.folder, `${name}-${full}`)))
      context.say(`${count} images are there`)
    }
    const command = ({ from, to }: Ends) => `${OURS} compare ${from} ${to}`
    const contestants = all.map((ends, i): Contestant => {
      const { count, pids } = ends
      const fewer = all[i - 1]
      const isMost = i === all.length - 1
      return {
        name: isMost ? 'compare' : `compare of ${count.toLocaleString('en-US')}`,
        amount: count,
        command: command(ends),
        servers: () => pids,
        series: 'compare',
        ...(isMost && { rounds }),
        ...(isMost && fewer !== undefined && { looked: command(fewer) }),
      }
    })
    return await race({ bench: 'million', name, title, unit: 'images' }, contestants, context)
  } finally {
    for (const ends of all) await ends[Symbol.asyncDispose]()
  }
}
