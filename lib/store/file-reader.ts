import { type FileHandle, open } from 'node:fs/promises'
import { GlanceError } from '../errors.ts'
import type { ByteRange } from '../stream/range.ts'
import { systemCall } from './file-errors.ts'

/**
 * The bytes of a part of a file, in chunks of `chunkSize` bytes that are read one ahead into two buffers, used in turn. Opens
 * the file when it is first asked for a chunk, so that what nobody reads holds nothing open.
 * @throws {GlanceError} `gone` when there is no file any more; `corrupt` when it ends too early; `unavailable`.
 */
export async function* readFileRange(
  path: string,
  range: ByteRange,
  chunkSize: number,
): AsyncGenerator<Uint8Array, void> {
  const file = await systemCall(open(path, 'r'), { ENOENT: gone })
  const buffers = [allocate(range.length, chunkSize), allocate(range.length, chunkSize)] as const
  const end = range.offset + range.length
  let position = range.offset
  let ahead = readChunk(file, buffers[0], position, end)
  try {
    for (let turn = 1; position < end; turn += 1) {
      const chunk = await ahead
      if (chunk.length === 0) {
        const found = position - range.offset
        throw new GlanceError('corrupt', `the file ends after ${found} of ${range.length} bytes`)
      }
      position += chunk.length
      ahead = readChunk(file, turn % 2 === 0 ? buffers[0] : buffers[1], position, end)
      ahead.catch(() => {}) // Shown when its turn comes, if it does.
      yield chunk
    }
  } finally {
    await file.close() // Waits for the read that is under way.
  }
}

/** What one read gives from `position`: nothing at the end of the range or of the file. */
async function readChunk(
  file: FileHandle,
  buffer: Uint8Array,
  position: number,
  end: number,
): Promise<Uint8Array> {
  const length = Math.min(buffer.length, end - position)
  if (length === 0) return buffer.subarray(0, 0)
  const { bytesRead } = await systemCall(file.read(buffer, 0, length, position))
  return buffer.subarray(0, bytesRead)
}

/** Outside Node's shared pool, which is for small and short-lived buffers. */
function allocate(length: number, most: number): Buffer {
  return Buffer.allocUnsafeSlow(Math.min(length, most))
}

function gone(): GlanceError {
  return new GlanceError('gone', 'the file was removed before it could be read')
}
