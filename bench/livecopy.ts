import { type Figures, race } from './measure.ts'
import { create, emptyTarget, ID, oneImage } from './one-image.ts'
import { pythonRelay } from './python.ts'

/** One image of 1 GiB from one embedded server to another, next to two curls and a pipe, and to a loop in Python. */
export async function livecopy(): Promise<Figures[]> {
  await using image = await oneImage(1024)
  const { folder, source } = image
  let target = await emptyTarget(folder)
  const { port } = target
  const renew = async () => {
    await target[Symbol.asyncDispose]()
    target = await emptyTarget(folder, port)
  }
  const renewWithRecord = async () => {
    await renew()
    await create(target.url)
  }
  const [from, to] = [source.url, target.url].map(url => `${url}/v2/images/${ID}/file`)
  const octets = "-H 'content-type: application/octet-stream'"
  try {
    return await race(
      [
        {
          name: 'curl | curl -T',
          command: `curl -sf ${from} | curl -sf ${octets} -T - ${to}`,
          prepare: renewWithRecord,
        },
        {
          name: 'Python, MD5 and SHA-512',
          command: pythonRelay(from ?? '', to ?? ''),
          prepare: renewWithRecord,
        },
        {
          name: 'livecopy',
          command: `node dist/bin/glance-replicator.js livecopy ${source.url} 127.0.0.1:${port} 2>/dev/null`,
          prepare: renew,
        },
      ],
      5,
    )
  } finally {
    await target[Symbol.asyncDispose]()
  }
}
