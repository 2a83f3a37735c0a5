import { type FileHandle, open } from 'node:fs/promises'
import { GlanceError } from '../errors.ts'
import type { ByteRange } from '../stream/range.ts'
import { TwoBuffers } from '../stream/two-buffers.ts'
import { systemCall } from './file-errors.ts'

/**
 * The bytes of a part of a file, in chunks of `chunkSize` bytes at most, which are read one ahead into two buffers, used
 * in turn, that others use afterwards. Opens the file when it is first asked for a chunk, so that what nobody reads holds nothing open.
 * @throws {GlanceError} `gone` when there is no file any more; `corrupt` when it ends too early; `unavailable`.
 */
export async function* readFileRange(
  path: string,
  range: ByteRange,
  chunkSize: number,
): AsyncGenerator<Uint8Array, void> {
  const file = await systemCall(open(path, 'r'), { ENOENT: gone })
  const buffers = new TwoBuffers(Math.min(range.length, chunkSize))
  const end = range.offset + range.length
  let position = range.offset
  let ahead = readChunk(file, buffers, position, end)
  let isOver = false
  try {
    while (position < end) {
      const chunk = await ahead
      if (chunk.length === 0) {
        const found = position - range.offset
        throw new GlanceError('corrupt', `the file ends after ${found} of ${range.length} bytes`)
      }
      position += chunk.length
      ahead = readChunk(file, buffers, position, end)
      ahead.catch(() => {}) // Shown when its turn comes, if it does.
      yield chunk
    }
    isOver = true
  } finally {
    await file.close() // Waits for the read that is under way.
    buffers.release(isOver)
  }
}

/** What one read gives from `position`: nothing at the end of the range or of the file. */
async function readChunk(
  file: FileHandle,
  buffers: TwoBuffers,
  position: number,
  end: number,
): Promise<Uint8Array> {
  if (position === end) return new Uint8Array()
  const buffer = buffers.next()
  const length = Math.min(buffer.length, end - position)
  const { bytesRead } = await systemCall(file.read(buffer, 0, length, position))
  return buffer.subarray(0, bytesRead)
}

function gone(): GlanceError {
  return new GlanceError('gone', 'the file was removed before it could be read')
}
