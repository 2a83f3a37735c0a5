import { openAsBlob } from 'node:fs'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '../lib/server/start.ts'
import { type Figures, race } from './measure.ts'

const ID = '11111111-1111-4111-8111-111111111111'
const RECORD = { id: ID, name: 'one', disk_format: 'raw', container_format: 'bare' }
const OCTETS = { 'content-type': 'application/octet-stream' }

/** One image of 1 GiB from one embedded server to another, next to two curls and a pipe. */
export async function livecopy(): Promise<Figures[]> {
  const folder = await mkdtemp(join(tmpdir(), 'glance-replicator-bench-'))
  try {
    await using source = await startServer({ bindPort: 0, dataDir: join(folder, 'source') })
    const image = join(folder, 'image')
    await writeFile(image, '')
    await truncate(image, 1024 ** 3)
    await create(source.url)
    await fetch(`${source.url}/v2/images/${ID}/file`, {
      method: 'PUT',
      headers: OCTETS,
      body: await openAsBlob(image),
    })
    let target = await emptyTarget(folder)
    const renew = async () => {
      await target[Symbol.asyncDispose]()
      target = await emptyTarget(folder, target.port)
    }
    const { port } = target
    const file = `http://127.0.0.1:${port}/v2/images/${ID}/file`
    try {
      return await race(
        [
          {
            name: 'curl | curl -T',
            command: `curl -sf ${source.url}/v2/images/${ID}/file | curl -sf -H 'content-type: application/octet-stream' -T - ${file}`,
            prepare: async () => {
              await renew()
              await create(target.url)
            },
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
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function emptyTarget(folder: string, bindPort = 0) {
  const dataDir = join(folder, 'target')
  await rm(dataDir, { recursive: true, force: true })
  return await startServer({ bindPort, dataDir })
}

async function create(url: string): Promise<void> {
  await fetch(`${url}/v2/images`, { method: 'POST', body: JSON.stringify(RECORD) })
}
