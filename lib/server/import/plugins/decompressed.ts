import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GlanceError } from '../../../errors.ts'
import type { Bytes } from '../../../stream/bytes.ts'

/** What a decompressor of node:zlib makes of the data. Ends in `corrupt` when it is not `format`, or more than that. */
export async function* decompressed(
  data: Bytes,
  decompressor: Transform,
  format: string,
): AsyncGenerator<Uint8Array, void> {
  // A chunk is lent, and a stream may keep it for longer.
  const copies = Readable.from(copied(data), { objectMode: false })
  const fed = pipeline(copies, decompressor)
  fed.catch(() => {}) // Shown to whoever reads.
  try {
    yield* decompressor as AsyncIterable<Buffer> // No encoding is set.
    await fed.catch((cause: unknown) => {
      const message = `the ${format} data is damaged: there is more after its end`
      throw new GlanceError('corrupt', message, { cause })
    })
  } catch (error) {
    if (!isZlibError(error)) throw error
    const message = `the ${format} data is damaged: ${error.message}`
    throw new GlanceError('corrupt', message, { cause: error })
  } finally {
    decompressor.destroy()
    copies.destroy()
  }
}

async function* copied(data: Bytes): AsyncGenerator<Buffer, void> {
  for await (const chunk of data) yield Buffer.from(chunk)
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}
