import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Glance } from '../test/real/support/glance.ts'
import type { Service } from '../test/real/support/service.ts'
import { type Benchmark, type Context, scaled } from './context.ts'
import { ID, imageFile } from './data.ts'
import { race } from './measure.ts'
import { OurServer } from './ours.ts'
import type { Race } from './result.ts'
import { shell } from './shell.ts'
import { oneImageSource } from './source.ts'

const OCTETS = "-H 'content-type: application/octet-stream'"

/** The data of one large image from and to our server. */
export const transfer: Benchmark = {
  summary: "download and upload of 1 GiB, next to nginx and Debian's glance-api",
  expectedSeconds: 80,
  async *run(context) {
    const image = await imageFile(join(context.folder, 'image'), scaled(context, 1024))
    const folder = join(context.folder, 'nginx')
    await mkdir(folder)
    await using nginx = await oneImageSource(folder, image)
    await using ours = await OurServer.start({ dataDir: join(context.folder, 'ours') })
    await using debian = await Glance.start({ settings: { workers: 2 } })
    const amount = Number(image.v2['size']) / 1024 ** 2
    yield await upload(context, image.file, amount, [debian, ours])
    for (const server of [debian, ours]) {
      await server.create(record(ID))
      await server.upload(ID, image.file)
    }
    yield await download(context, amount, [nginx, debian, ours])
  },
}

interface Server {
  readonly url: string
  readonly pid: number
}

async function upload(
  context: Context,
  file: string,
  amount: number,
  [debian, ours]: readonly [Glance, OurServer],
): Promise<Race> {
  const contestant = (server: Service & Server) => {
    let id: string | null = null
    return {
      amount,
      // Another image each time, since Glance never gives an id out again.
      prepare: async () => {
        if (id !== null) await server.expect(204, 'DELETE', `images/${id}`)
        id = randomUUID()
        await server.create(record(id))
      },
      command: () => put(server, id ?? '', file),
      servers: () => [server.pid],
    }
  }
  const under = async (lens: readonly string[]) => {
    await using server = await OurServer.start({ dataDir: join(context.folder, 'up'), lens })
    await server.create(record(ID))
    await shell(put(server, ID, file))
  }
  return await race(
    {
      bench: 'transfer',
      name: 'upload',
      unit: 'MiB',
      title: 'upload of one image, whose MD5 and SHA-512 the server computes',
      note: 'curl -T on the same machine.',
    },
    [
      { name: "Debian's glance-api", isPeer: true, ...contestant(debian) },
      { name: 'ours', ...contestant(ours), under },
    ],
    context,
  )
}

async function download(
  context: Context,
  amount: number,
  [nginx, debian, ours]: readonly [Server, Server, Server],
): Promise<Race> {
  const contestant = ({ url, pid }: Server) => ({
    amount,
    command: get(url),
    servers: () => [pid],
  })
  const under = async (lens: readonly string[]) => {
    await using server = await OurServer.start({ dataDir: join(context.folder, 'down'), lens })
    await server.create(record(ID))
    await server.upload(ID, join(context.folder, 'image'))
    for (let i = 0; i < 5; i += 1) await shell(get(server.url))
  }
  return await race(
    {
      bench: 'transfer',
      name: 'download',
      unit: 'MiB',
      title: 'download of one image',
      note: 'curl on the same machine, which throws away what it gets.',
    },
    [
      { name: 'nginx, sendfile', isPeer: true, ...contestant(nginx) },
      { name: "Debian's glance-api", isPeer: true, ...contestant(debian) },
      { name: 'ours', ...contestant(ours), under },
    ],
    context,
  )
}

function record(id: string) {
  return { id, name: 'one', disk_format: 'raw', container_format: 'bare' }
}

function put({ url }: Server, id: string, file: string): string {
  return `curl -sf ${OCTETS} -T ${file} ${url}/v2/images/${id}/file`
}

function get(url: string): string {
  return `curl -sf -o /dev/null ${url}/v2/images/${ID}/file`
}
