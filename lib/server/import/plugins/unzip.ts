import { crc32, createInflateRaw } from 'node:zlib'
import { GlanceError } from '../../../errors.ts'
import { onlyFileIn, type ZippedFile } from '../../../format/zip.ts'
import type { Bytes } from '../../../stream/bytes.ts'
import type { ImportWork } from '../work.ts'
import { decompressed } from './decompressed.ts'
import { piecesOf } from './staged.ts'
import { asPromised } from './as-promised.ts'

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
  return {
    data: asPromised(data, {
      format: 'zip',
      size: file.size,
      sum: file.crc32,
      sumOf: crc32,
      sumName: 'CRC-32',
    }),
    size: file.size,
  }
}

async function* inflated(packed: Bytes, { packedSize }: ZippedFile): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw()
  yield* decompressed(packed, inflate, 'zip')
  if (inflate.bytesWritten === packedSize) return
  throw new GlanceError('corrupt', 'the zip data is damaged: there is more after its end')
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
