import { join } from 'node:path'
import { type Benchmark, type Context, scaled } from './context.ts'
import { imageFile } from './data.ts'
import { idOf } from './many.ts'
import { race } from './measure.ts'
import { OurServer } from './ours.ts'
import type { Race } from './result.ts'
import { shell } from './shell.ts'

const [UPLOADS, DOWNLOADS] = [32, 64]
const OCTETS = "-H 'content-type: application/octet-stream'"

/** Many transfers at once from and to one of our servers, next to the same ones in a row. */
export const parallel: Benchmark = {
  summary: '32 uploads and 64 downloads of 64 MiB at once, next to the same in a row',
  expectedSeconds: 110,
  async *run(context) {
    const mib = scaled(context, 64)
    const { file } = await imageFile(join(context.folder, 'image'), mib)
    yield await uploads(context, file, mib)
    yield await downloads(context, file, mib)
  },
}

async function uploads(context: Context, file: string, mib: number): Promise<Race> {
  await using server = await OurServer.start({ dataDir: join(context.folder, 'up') })
  let made = 0
  const contestant = (atOnce: number) => ({
    amount: UPLOADS * mib,
    // Other images each time, since Glance never gives an id out again.
    prepare: async () => {
      if (made > 0) await remove(server, made)
      made += UPLOADS
      await create(server, made)
    },
    command: () => put(server, made, file, atOnce),
    servers: () => [server.pid],
  })
  const under = async (lens: readonly string[]) => {
    await using other = await OurServer.start({ dataDir: join(context.folder, 'up-looked'), lens })
    await create(other, 0)
    await shell(put(other, 0, file, UPLOADS))
  }
  return await race(
    {
      bench: 'parallel',
      name: 'uploads',
      unit: 'MiB',
      title: `${UPLOADS} uploads of ${mib} MiB`,
      note: 'One curl for each upload; one process is the server.',
    },
    [
      { name: 'one after another', ...contestant(1) },
      { name: `${UPLOADS} at once`, ...contestant(UPLOADS), under },
    ],
    context,
  )
}

async function downloads(context: Context, file: string, mib: number): Promise<Race> {
  const filled = async (folder: string, lens: readonly string[]) => {
    const server = await OurServer.start({ dataDir: join(context.folder, folder), lens })
    for (const first of [0, UPLOADS]) {
      await create(server, first)
      await shell(put(server, first, file, 2))
    }
    return server
  }
  await using server = await filled('down', [])
  const contestant = (atOnce: number) => ({
    amount: DOWNLOADS * mib,
    command: get(server, atOnce),
    servers: () => [server.pid],
  })
  const under = async (lens: readonly string[]) => {
    await using other = await filled('down-looked', lens)
    await shell(get(other, DOWNLOADS))
  }
  return await race(
    {
      bench: 'parallel',
      name: 'downloads',
      unit: 'MiB',
      title: `${DOWNLOADS} downloads of ${mib} MiB`,
      note: 'Each of another image, by a curl of its own; one process is the server.',
    },
    [
      { name: 'one after another', ...contestant(1) },
      { name: `${DOWNLOADS} at once`, ...contestant(DOWNLOADS), under },
    ],
    context,
  )
}

/** Makes records for as many images as are uploaded, from the number `first` on. */
async function create(server: OurServer, first: number): Promise<void> {
  for (const id of idsFrom(first)) {
    await server.create({ id, name: 'one', disk_format: 'raw', container_format: 'bare' })
  }
}

async function remove(server: OurServer, first: number): Promise<void> {
  for (const id of idsFrom(first)) await server.expect(204, 'DELETE', `images/${id}`)
}

function idsFrom(first: number, count = UPLOADS): readonly string[] {
  return Array.from({ length: count }, (_, i) => idOf(first + i))
}

function put({ url }: OurServer, first: number, file: string, atOnce: number): string {
  return `printf '%s\\n' ${idsFrom(first).join(' ')} | xargs -P ${atOnce} -I ID curl -sf ${OCTETS} -T ${file} ${url}/v2/images/ID/file`
}

function get({ url }: OurServer, atOnce: number): string {
  return `printf '%s\\n' ${idsFrom(0, DOWNLOADS).join(' ')} | xargs -P ${atOnce} -I ID curl -sf -o /dev/null ${url}/v2/images/ID/file`
}
