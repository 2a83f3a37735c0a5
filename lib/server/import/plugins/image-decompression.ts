import { createGunzip } from 'node:zlib'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GlanceError } from '../../../errors.ts'
import type { Bytes } from '../../../stream/bytes.ts'
import type { ImportWork } from '../work.ts'

/** How compressed files begin, and after how many bytes. */
const MAGIC = [
  { format: 'gzip', offset: 0, bytes: Buffer.from([0x1f, 0x8b, 0x08]) },
  { format: 'zip', offset: 0, bytes: Buffer.from('PK\u0003\u0004', 'latin1') },
  { format: 'lha', offset: 2, bytes: Buffer.from('-lh', 'latin1') },
] as const
const LONGEST = 5

/**
 * Puts what is compressed in the data in its place; what is not, and an image whose container format is `compressed`,
 * stays as it is. @throws {GlanceError} `unsupported` for what we know and cannot read; `corrupt`; `over_limit`.
 */
export async function imageDecompression(work: ImportWork): Promise<void> {
  if ((await work.image()).containerFormat === 'compressed') return
  const source = await work.stagedSource()
  const head = await beginningOf(await source.open())
  const magic = MAGIC.find(({ offset, bytes }) =>
    head.subarray(offset, offset + bytes.length).equals(bytes),
  )
  if (magic === undefined) return
  if (magic.format !== 'gzip') {
    throw new GlanceError('unsupported', `${magic.format} archives cannot be decompressed here`)
  }
  await work.stage(gunzipped(await source.open()), null)
}

async function beginningOf(data: Bytes): Promise<Buffer> {
  let head = Buffer.alloc(0)
  for await (const chunk of data) {
    head = Buffer.concat([head, chunk.subarray(0, LONGEST)])
    if (head.length >= LONGEST) break
  }
  return head
}

async function* gunzipped(data: Bytes): AsyncGenerator<Uint8Array, void> {
  const gunzip = createGunzip()
  // A chunk is lent, and a stream may keep it for longer.
  const copies = Readable.from(copied(data), { objectMode: false })
  const fed = pipeline(copies, gunzip)
  fed.catch(() => {}) // Shown to whoever reads.
  try {
    yield* gunzip as AsyncIterable<Buffer> // No encoding is set.
    await fed
  } catch (error) {
    if (!isZlibError(error)) throw error
    throw new GlanceError('corrupt', `the gzip data is damaged: ${error.message}`, { cause: error })
  } finally {
    gunzip.destroy()
    copies.destroy()
  }
}

async function* copied(data: Bytes): AsyncGenerator<Buffer, void> {
  for await (const chunk of data) yield Buffer.from(chunk)
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}
