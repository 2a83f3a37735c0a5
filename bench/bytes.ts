import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Benchmark, type Context, scaled } from './context.ts'
import type { Contestant } from './contestant.ts'
import { described } from './data.ts'
import { race } from './measure.ts'
import { OURS } from './ours.ts'
import { oneImageSource } from './source.ts'
import { discardingTarget } from './target.ts'

/** GiB, and how often at most: the largest takes a minute or two. */
const SIZES = [
  { gib: 1, rounds: 5 },
  { gib: 10, rounds: 3 },
  { gib: 100, rounds: 1 },
] as const

/** What copying costs as the image becomes larger: files that are one hole, whose digests nobody computes. */
export const bytes: Benchmark = {
  summary: 'livecopy of one image of 1, 10 and 100 GiB, which takes no room',
  expectedSeconds: 95,
  async *run(context) {
    const all: Awaited<ReturnType<typeof ends>>[] = []
    try {
      for (const { gib } of SIZES) all.push(await ends(context, gib))
      const contestants = SIZES.map(({ rounds }, i): Contestant => {
        const { mib = NaN, from = '', to = '', pids = [] } = all[i] ?? {}
        return {
          name: `${(mib / 1024).toLocaleString('en-US')} GiB`,
          amount: mib / 1024,
          rounds,
          command: `${OURS} livecopy ${from} ${to}`,
          servers: () => pids,
          series: 'livecopy',
        }
      })
      const title = 'livecopy of one image whose digests both ends know, by its size'
      const note = 'From nginx, which sends a hole of a file, to a server that drops what it gets.'
      const about = { bench: 'bytes', name: 'sizes', title, note, unit: 'GiB' }
      yield await race(about, contestants, context)
    } finally {
      for (const one of all) await one[Symbol.asyncDispose]()
    }
  },
}

async function ends(context: Context, gib: number) {
  const folder = join(context.folder, `${gib}`)
  await mkdir(folder)
  const mib = scaled(context, gib * 1024)
  const path = join(folder, 'image')
  {
    await using file = await open(path, 'wx')
    await file.truncate(mib * 1024 ** 2)
  }
  const image = { file: path, ...described(mib, '0'.repeat(32), '0'.repeat(128)) }
  const source = await oneImageSource(folder, image)
  const target = await discardingTarget(join(folder, 'target'), image.v2)
  return {
    mib,
    from: source.address,
    to: target.address,
    pids: [source.pid, target.pid],
    [Symbol.asyncDispose]: async () => {
      await source[Symbol.asyncDispose]()
      await target[Symbol.asyncDispose]()
    },
  }
}
