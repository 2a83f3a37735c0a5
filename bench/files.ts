import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Figures, race } from './measure.ts'
import { create, emptyTarget, ID, oneImage } from './one-image.ts'
import { pythonDump } from './python.ts'

/** One image of 2 GiB from an embedded server into a folder, proved by its digest, next to those who do not prove it. */
export async function dump(): Promise<Figures[]> {
  await using image = await oneImage(2048)
  const { folder, source } = image
  const url = `${source.url}/v2/images/${ID}/file`
  const to = join(folder, 'dump')
  const prepare = async () => await rm(to, { recursive: true, force: true })
  return await race(
    [
      { name: 'Python, MD5 and SHA-512', command: pythonDump(url, to), prepare },
      { name: 'curl -o', command: `curl -sf -o ${to} ${url}`, prepare },
      {
        name: 'dump',
        command: `mkdir ${to} && node dist/bin/glance-replicator.js dump ${source.url} ${to} 2>/dev/null`,
        prepare,
      },
    ],
    5,
  )
}

/** The same out of a folder into an embedded server, which computes both digests, next to `curl -T`. */
export async function load(): Promise<Figures[]> {
  await using image = await oneImage(2048)
  const { folder, source, file } = image
  const from = join(folder, 'dump')
  const dumped = `mkdir ${from} && node dist/bin/glance-replicator.js dump ${source.url} ${from} >/dev/null 2>&1`
  await race([{ name: 'dump', command: dumped }], 1)
  let target = await emptyTarget(folder)
  const { port } = target
  const renew = async () => {
    await target[Symbol.asyncDispose]()
    target = await emptyTarget(folder, port)
  }
  const octets = "-H 'content-type: application/octet-stream'"
  try {
    return await race(
      [
        {
          name: 'curl -T',
          command: `curl -sf ${octets} -T ${file} ${target.url}/v2/images/${ID}/file`,
          prepare: async () => {
            await renew()
            await create(target.url)
          },
        },
        {
          name: 'load',
          command: `node dist/bin/glance-replicator.js load 127.0.0.1:${port} ${from} 2>/dev/null`,
          prepare: renew,
        },
      ],
      5,
    )
  } finally {
    await target[Symbol.asyncDispose]()
  }
}
