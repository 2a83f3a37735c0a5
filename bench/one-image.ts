import { randomFillSync } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningServer, startServer } from '../lib/server/start.ts'

const MIB = 1024 ** 2

/** The id of the image that there is. */
export const ID = '11111111-1111-4111-8111-111111111111'
const RECORD = { id: ID, name: 'one', disk_format: 'raw', container_format: 'bare' }
const OCTETS = { 'content-type': 'application/octet-stream' }

/** A folder for a benchmark, and a service with one image in it. */
export interface OneImage extends AsyncDisposable {
  readonly folder: string
  /** A file with the data of the image, which no file system can make smaller. */
  readonly file: string
  readonly source: RunningServer
}

/** `mib` is the size of the image. */
export async function oneImage(mib: number): Promise<OneImage> {
  const folder = await mkdtemp(join(tmpdir(), 'glance-replicator-bench-'))
  const file = join(folder, 'image')
  await fill(file, mib)
  const source = await startServer({ bindPort: 0, dataDir: join(folder, 'source') })
  await create(source.url)
  await fetch(`${source.url}/v2/images/${ID}/file`, {
    method: 'PUT',
    headers: OCTETS,
    body: await openAsBlob(file),
  })
  return {
    folder,
    file,
    source,
    [Symbol.asyncDispose]: async () => {
      await source[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An empty service, on the port of the one before where that is given. */
export async function emptyTarget(folder: string, bindPort = 0): Promise<RunningServer> {
  const dataDir = join(folder, 'target')
  await rm(dataDir, { recursive: true, force: true })
  return await startServer({ bindPort, dataDir })
}

/** Makes the record of the image, without its data. */
export async function create(url: string): Promise<void> {
  await fetch(`${url}/v2/images`, { method: 'POST', body: JSON.stringify(RECORD) })
}

async function fill(path: string, mib: number): Promise<void> {
  await using file = await open(path, 'wx')
  const block = randomFillSync(Buffer.alloc(MIB))
  for (let i = 0; i < mib; i += 1) {
    block.writeUInt32LE(i)
    await file.write(block)
  }
}
