import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Benchmark, type Context, scaled } from './context.ts'
import { type ImageFile, imageFile } from './data.ts'
import { race } from './measure.ts'
import { OURS } from './ours.ts'
import { pythonDump } from './python.ts'
import type { Race } from './result.ts'
import { shell } from './shell.ts'
import { oneImageSource } from './source.ts'
import { discardingTarget } from './target.ts'

/** One large image into a folder and out of it again. */
export const files: Benchmark = {
  summary: 'one image of 2 GiB into a folder and out of it',
  expectedSeconds: 110,
  async *run(context) {
    const image = await imageFile(join(context.folder, 'image'), scaled(context, 2048))
    const from = join(context.folder, 'from')
    await mkdir(from)
    await using source = await oneImageSource(from, image)
    const servers = () => [source.pid]
    yield await dump(context, image, source.address, servers)
    const dumped = join(context.folder, 'dumped')
    await mkdir(dumped)
    await shell(`${OURS} dump ${source.address} ${dumped}`)
    yield await load(context, image, dumped)
  },
}

async function dump(
  context: Context,
  image: ImageFile,
  source: string,
  servers: () => readonly number[],
): Promise<Race> {
  const amount = Number(image.v2['size']) / 1024 ** 2
  const url = `http://${source}/v2/images/${String(image.v2['id'])}/file`
  const to = join(context.folder, 'dump')
  const prepare = async () => {
    await rm(to, { recursive: true, force: true })
    await mkdir(to)
  }
  return await race(
    {
      bench: 'files',
      name: 'dump',
      unit: 'MiB',
      title: 'dump of one image with its digests',
      note: 'From nginx into a folder. curl computes no digest.',
    },
    [
      {
        name: 'Python, MD5 and SHA-512',
        isPeer: true,
        amount,
        prepare,
        servers,
        command: pythonDump(url, join(to, 'data')),
      },
      {
        name: 'curl -o',
        isPeer: true,
        amount,
        prepare,
        servers,
        command: `curl -sf -o ${to}/data ${url}`,
      },
      {
        name: 'dump',
        amount,
        prepare,
        servers,
        command: `${OURS} dump ${source} ${to}`,
      },
    ],
    context,
  )
}

async function load(context: Context, image: ImageFile, dumped: string): Promise<Race> {
  await using target = await discardingTarget(join(context.folder, 'to'), image.v2)
  const amount = Number(image.v2['size']) / 1024 ** 2
  const servers = () => [target.pid]
  const url = `${target.url}/v2/images/${String(image.v2['id'])}/file`
  return await race(
    {
      bench: 'files',
      name: 'load',
      unit: 'MiB',
      title: 'load of one image',
      note: 'From a folder to a server that drops what it gets and answers with the digests.',
    },
    [
      {
        name: 'curl -T',
        isPeer: true,
        amount,
        servers,
        command: `curl -sf -H 'content-type: application/octet-stream' -T ${image.file} ${url}`,
      },
      {
        name: 'load',
        amount,
        servers,
        command: `${OURS} load ${target.address} ${dumped}`,
      },
    ],
    context,
  )
}
