import { join } from 'node:path'
import { Glance } from '../test/real/support/glance.ts'
import type { Service } from '../test/real/support/service.ts'
import { type Benchmark, type Context, scaled } from './context.ts'
import { fillWith, idOf } from './many.ts'
import type { Contestant } from './contestant.ts'
import { race } from './measure.ts'
import { OurServer } from './ours.ts'
import type { Race } from './result.ts'
import { shell } from './shell.ts'

/** As many processes for each as there are processors here. */
const WORKERS = 2
const IMAGES = 100

const ASKED = [
  { name: 'list', title: `list of ${IMAGES} images`, path: `/v2/images?limit=${IMAGES}` },
  { name: 'show', title: 'show of one image', path: `/v2/images/${idOf(7)}` },
] as const

/** Small requests to our server and to Debian's, each with SQLite and as many workers. */
export const requests: Benchmark = {
  summary: "list and show, next to Debian's glance-api, by wrk -t1 -c16",
  expectedSeconds: 150,
  async *run(context) {
    const dataDir = join(context.folder, 'ours')
    await using ours = await OurServer.start({ dataDir, workers: WORKERS })
    await using debian = await Glance.start({ settings: { workers: WORKERS } })
    await fillWith(ours, IMAGES, 1024)
    // Debian's answers 500 to several at once, when one of them locks SQLite.
    await fillWith(debian, IMAGES, 1024, 1)
    for (const asked of ASKED) {
      yield await askedFor(context, asked, ours, debian)
    }
  },
}

async function askedFor(
  context: Context,
  { name, title, path }: (typeof ASKED)[number],
  ours: OurServer,
  debian: Glance,
): Promise<Race> {
  const seconds = scaled(context, 5)
  const under = async (lens: readonly string[]) => {
    const dataDir = join(context.folder, 'looked-at')
    await using server = await OurServer.start({ dataDir, lens })
    await fillWith(server, IMAGES, 1024)
    await shell(wrk(server, path, 5))
  }
  const answered = (output: string) => Number(/^ +(\d+) requests in/m.exec(output)?.[1] ?? NaN)
  const contestant = (server: Service & { readonly pid: number }): Omit<Contestant, 'name'> => ({
    amount: answered,
    seconds: output => Number(/requests in ([\d.]+)s/.exec(output)?.[1] ?? NaN),
    command: wrk(server, path, seconds),
    servers: () => [server.pid],
  })
  return await race(
    {
      bench: 'requests',
      name,
      title,
      unit: 'requests',
      note: `wrk -t1 -c16 on the same machine, SQLite, ${WORKERS} workers each.`,
    },
    [
      { name: "Debian's glance-api", isPeer: true, ...contestant(debian) },
      { name: 'ours', ...contestant(ours), under },
    ],
    context,
  )
}

/** Fails when any answer was no success, since who refuses is fast. */
function wrk({ url }: Service, path: string, seconds: number): string {
  const output = `$(wrk -t1 -c16 -d${seconds}s --timeout 30s '${url}${path}')`
  return `output="${output}"; printf '%s\\n' "$output"; ! grep -q 'Non-2xx\\|Socket errors' <<<"$output"`
}
