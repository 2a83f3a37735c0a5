import { crc32, createInflateRaw } from 'node:zlib'
import { GlanceError } from '../../../errors.ts'
import { onlyFileIn, type ZippedFile } from '../../../format/zip.ts'
import type { Bytes } from '../../../stream/bytes.ts'
import type { ImportWork } from '../work.ts'
import { decompressed } from './decompressed.ts'
import { piecesOf } from './staged.ts'

/**
 * The only file in the zip archive that is staged. @throws {GlanceError} `unsupported`, `corrupt`, the latter also while
 * it is read.
 */
export async function unzipped(work: ImportWork): Promise<{
  readonly data: Bytes
  /** Bytes. */
  readonly size: number
}> {
  const { staging, staged, signal } = work
  const file = await onlyFileIn(piecesOf(work), await staging.size(staged, { signal }))
  const packed =
    file.packedSize === 0
      ? nothing()
      : await staging.open(staged, { offset: file.offset, length: file.packedSize }, { signal })
  const data = file.method === 'stored' ? packed : inflated(packed, file)
  return { data: checked(data, file), size: file.size }
}

async function* inflated(packed: Bytes, { packedSize }: ZippedFile): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw()
  yield* decompressed(packed, inflate, 'zip')
  if (inflate.bytesWritten === packedSize) return
  throw new GlanceError('corrupt', 'the zip data is damaged: there is more after its end')
}

/** Passes the data on, and ends in `corrupt` when it is not what the archive says. */
async function* checked(data: Bytes, file: ZippedFile): AsyncGenerator<Uint8Array> {
  let size = 0
  let sum = 0
  for await (const chunk of data) {
    size += chunk.length
    sum = crc32(chunk, sum)
    if (size > file.size) break
    yield chunk
  }
  if (size !== file.size) {
    const message = `the zip data is damaged: it is not the ${file.size} bytes that it should be`
    throw new GlanceError('corrupt', message)
  }
  if (sum !== file.crc32) {
    throw new GlanceError('corrupt', 'the zip data is damaged: its CRC-32 is another')
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
