import { Glance } from '../test/real/support/glance.ts'
import { type Benchmark, type Context, scaled } from './context.ts'
import { fillWith, requireActive } from './many.ts'
import { race } from './measure.ts'
import { OURS } from './ours.ts'
import type { Race } from './result.ts'

/** So many are enough: what is asked is whose work it is, and that is the same of each image. */
const IMAGES = 100
/** At most: there is no peer to take turns with. */
const ROUNDS = 3

/** Many images between two of Debian's Glances. */
export const debian: Benchmark = {
  summary: `${IMAGES} images of 1 MiB and of 4 KiB between two of Debian's Glances`,
  expectedSeconds: 160,
  async *run(context) {
    yield await between(context, '1 MiB', 1024 ** 2)
    yield await between(context, '4 KiB', 4096)
  },
}

async function between(context: Context, name: string, bytes: number): Promise<Race> {
  const count = scaled(context, IMAGES, 5)
  await using source = await Glance.start()
  await fillWith(source, count, bytes, 1)
  let target = await Glance.start()
  try {
    return await race(
      {
        bench: 'debian',
        name,
        unit: 'images',
        title: `livecopy of ${count} images of ${name} between two of Debian's Glances`,
        note: "v2, SQLite, one process each; the target is empty each time. upstream's program cannot speak to these.",
      },
      [
        {
          name: 'livecopy',
          rounds: ROUNDS,
          amount: count,
          prepare: async () => {
            await target[Symbol.asyncDispose]()
            target = await Glance.start()
          },
          command: () => `${OURS} livecopy ${source.address} ${target.address}`,
          servers: () => [source.pid, target.pid],
          proved: () => requireActive(target, count),
        },
      ],
      context,
    )
  } finally {
    await target[Symbol.asyncDispose]()
  }
}
