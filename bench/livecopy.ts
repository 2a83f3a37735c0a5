import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Benchmark, type Context, scaled } from './context.ts'
import { type ImageFile, imageFile } from './data.ts'
import { race } from './measure.ts'
import { OURS } from './ours.ts'
import { pythonRelay } from './python.ts'
import type { Race } from './result.ts'
import { oneImageSource } from './source.ts'
import { discardingTarget } from './target.ts'
import { upstream } from './upstream.ts'

const OCTETS = "-H 'content-type: application/octet-stream'"

/** One large image from nginx to a server that drops it, so that who is between the two is what is measured. */
export const livecopy: Benchmark = {
  summary: 'one image of 2 GiB from a server to another',
  expectedSeconds: 155,
  async *run(context) {
    const image = await imageFile(join(context.folder, 'image'), scaled(context, 2048))
    yield await known(context, image)
    yield await unknown(context, image)
  },
}

async function known(context: Context, image: ImageFile): Promise<Race> {
  await using ends = await bothEnds(join(context.folder, 'known'), image, image.v2)
  const { from, to, source, target, servers } = ends
  const amount = Number(image.v2['size']) / 1024 ** 2
  return await race(
    {
      bench: 'livecopy',
      name: 'known',
      unit: 'MiB',
      title: 'livecopy of one image whose digests both ends know',
      note: 'From nginx to a server that drops what it gets and answers with the digests. upstream speaks v1.',
    },
    [
      {
        name: 'curl | curl -T',
        isPeer: true,
        amount,
        servers,
        command: `curl -sf ${from} | curl -sf ${OCTETS} -T - ${to}`,
      },
      {
        name: "upstream's program",
        isPeer: true,
        amount,
        servers,
        command: upstream('livecopy', source, target),
      },
      {
        name: 'livecopy',
        amount,
        servers,
        command: `${OURS} livecopy ${source} ${target}`,
      },
    ],
    context,
  )
}

async function unknown(context: Context, image: ImageFile): Promise<Race> {
  const listed = { ...image.v2, checksum: null, os_hash_algo: null, os_hash_value: null }
  await using ends = await bothEnds(
    join(context.folder, 'unknown'),
    { ...image, v2: listed },
    image.v2,
  )
  const { from, to, source, target, servers } = ends
  const amount = Number(image.v2['size']) / 1024 ** 2
  return await race(
    {
      bench: 'livecopy',
      name: 'unknown',
      unit: 'MiB',
      title: 'livecopy of one image of which the source knows no digest',
      note: 'As above, but the source has no digests, so that we compute an MD5 on the way, which every Glance tells, and hold it against that of the target. A loop that computes SHA-512 as well does more than that; the other does the same.',
    },
    [
      {
        name: 'Python, MD5 and SHA-512',
        isPeer: true,
        amount,
        servers,
        command: pythonRelay(from, to, ['md5', 'sha512']),
      },
      {
        name: 'Python, MD5',
        isPeer: true,
        amount,
        servers,
        command: pythonRelay(from, to, ['md5']),
      },
      {
        name: 'livecopy',
        amount,
        servers,
        command: `${OURS} livecopy ${source} ${target}`,
      },
    ],
    context,
  )
}

/** What `listed` says is at the source, and what the target says in the end. */
async function bothEnds(folder: string, image: ImageFile, known: ImageFile['v2']) {
  await mkdir(folder)
  const source = await oneImageSource(folder, image)
  const target = await discardingTarget(join(folder, 'target'), known)
  const path = `/v2/images/${String(image.v2['id'])}/file`
  return {
    from: `${source.url}${path}`,
    to: `${target.url}${path}`,
    source: source.address,
    target: target.address,
    servers: () => [source.pid, target.pid],
    [Symbol.asyncDispose]: async () => {
      await source[Symbol.asyncDispose]()
      await target[Symbol.asyncDispose]()
    },
  }
}
