import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Benchmark, type Context, scaled } from './context.ts'
import { fillWith, requireActive } from './many.ts'
import { race } from './measure.ts'
import { OURS, OurServer } from './ours.ts'
import type { Race } from './result.ts'
import { upstream } from './upstream.ts'

/** Many images between two of our servers, which speak v1 with upstream. */
export const small: Benchmark = {
  summary: '1,000 images of 1 MiB and 5,000 of 4 KiB between two of our servers',
  expectedSeconds: 520,
  async *run(context) {
    yield await between(context, '1 MiB', scaled(context, 1000, 5), 1024 ** 2)
    yield await between(context, '4 KiB', scaled(context, 5000, 5), 4096)
  },
}

async function between(
  context: Context,
  name: string,
  count: number,
  bytes: number,
): Promise<Race> {
  const folders = ['source', 'target'].map(end =>
    join(context.folder, `${end} of ${name}`.replaceAll(' ', '-')),
  )
  const [from = '', to = ''] = folders
  await using source = await OurServer.start({ dataDir: from })
  await fillWith(source, count, bytes)
  let target = await OurServer.start({ dataDir: to })
  const { port, address } = target
  const prepare = async () => {
    await target[Symbol.asyncDispose]()
    await rm(to, { recursive: true })
    target = await OurServer.start({ dataDir: to, port })
  }
  const servers = () => [source.pid, target.pid]
  const proved = () => requireActive(target, count)
  const taking = { amount: count, prepare, servers, proved }
  try {
    return await race(
      {
        bench: 'small',
        name,
        unit: 'images',
        title: `livecopy of ${count.toLocaleString('en-US')} images of ${name} between two of our servers`,
        note: 'upstream speaks v1, livecopy speaks v2, each with the same two servers of one process each; the target is empty each time.',
      },
      [
        {
          name: "upstream's program",
          isPeer: true,
          ...taking,
          command: upstream('livecopy', source.address, address),
        },
        {
          name: 'livecopy',
          ...taking,
          command: `${OURS} livecopy ${source.address} ${address}`,
        },
      ],
      context,
    )
  } finally {
    await target[Symbol.asyncDispose]()
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  }
}
