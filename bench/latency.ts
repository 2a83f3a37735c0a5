import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, startDaemon } from '../test/real/support/daemon.ts'
import { type Benchmark, type Context, scaled } from './context.ts'
import { twoServers } from './listed.ts'
import { race } from './measure.ts'
import { OURS } from './ours.ts'
import type { Race } from './result.ts'
import { whenHealthy } from './source.ts'
import { upstream } from './upstream.ts'

const [IMAGES, OF_UPSTREAM] = [10_000, 200]
const DELAY_MS = 20
const PROXY = fileURLToPath(new URL('delay.js', import.meta.url))

/** Comparing services that are far away. */
export const latency: Benchmark = {
  summary: `compare of ${IMAGES.toLocaleString('en-US')} images, ${DELAY_MS} ms away each way`,
  expectedSeconds: 110,
  async *run(context) {
    const count = scaled(context, IMAGES, 100)
    const fewer = scaled(context, OF_UPSTREAM, 5)
    await using many = await farAway(context, 'many', count)
    await using few = await farAway(context, 'few', fewer)
    yield await compared(context, many, few)
  },
}

async function compared(context: Context, many: Far, few: Far): Promise<Race> {
  return await race(
    {
      bench: 'latency',
      name: 'compare',
      unit: 'images',
      title: `compare of images, all the same, ${DELAY_MS} ms away each way`,
      note: `upstream asks twice for each image, one after another: it was given ${few.count} images, since it takes as long for each; livecopy's compare was given ${many.count}. Between two of our servers, upstream by v1.`,
    },
    [
      {
        name: "upstream's program",
        isPeer: true,
        amount: few.count,
        command: upstream('compare', few.from, few.to),
        servers: () => few.pids,
      },
      {
        name: 'compare',
        amount: many.count,
        prepare: many.forget,
        command: `${OURS} compare ${many.from} ${many.to}`,
        servers: () => many.pids,
        counted: many.pages,
      },
    ],
    context,
  )
}

interface Far extends AsyncDisposable {
  readonly count: number
  readonly from: string
  readonly to: string
  readonly pids: readonly number[]
  /** How many pages of a side were asked for by each 1,000 images since {@link forget}. */
  readonly pages: () => Promise<number>
  readonly forget: () => Promise<void>
}

/** Two of our servers with so many images, behind proxies that delay what passes. */
async function farAway({ folder: parent }: Context, name: string, count: number): Promise<Far> {
  const folder = join(parent, name)
  const servers = await twoServers(folder, count)
  await mkdir(join(folder, 'proxies'))
  const log = join(folder, 'proxies', 'log')
  const proxies = await Promise.all(
    servers.map(async ({ port: to }) => {
      const port = await freePort()
      const words = [process.execPath, PROXY, port, to, DELAY_MS].map(String)
      const daemon = await startDaemon(words, { folder, log })
      await whenHealthy(daemon, `http://127.0.0.1:${port}/versions`)
      return { daemon, address: `127.0.0.1:${port}` }
    }),
  )
  const asked = async () => (await readFile(log, 'utf8')).split('\n').length - 1
  let before = 0
  return {
    count,
    from: proxies[0]?.address ?? '',
    to: proxies[1]?.address ?? '',
    pids: [...servers.map(({ pid }) => pid), ...proxies.map(({ daemon }) => daemon.pid)],
    forget: async () => {
      before = await asked()
    },
    pages: async () => ((await asked()) - before) / servers.length / (count / 1000),
    [Symbol.asyncDispose]: async () => {
      for (const { daemon } of proxies) await daemon.stop()
      for (const server of servers) await server[Symbol.asyncDispose]()
    },
  }
}
