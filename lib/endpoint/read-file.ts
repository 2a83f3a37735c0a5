import { type FileHandle, open } from 'node:fs/promises'
import type { Abortable } from '../abort.ts'
import { type Crc32, summed } from '../stream/crc.ts'
import { TwoBuffers } from '../stream/two-buffers.ts'
import { fileFault } from './file-fault.ts'

/** The longest chunk that is read while the one before it is lent. */
const LONGEST_AHEAD = 1024 * 1024

export interface ReadOptions extends Abortable {
  /** Opens the file. Default: as it is. */
  readonly opened?: ((file: string) => Promise<FileHandle>) | undefined
  /** Takes in what is read, which may be ahead of what has come; once the end has come it is all. */
  readonly crc?: Crc32 | undefined
}

/**
 * The bytes of a file from `offset` on, or as they come where it is null, in chunks of `chunkSize` or less. The next
 * chunk is read ahead, unless nobody knows when it comes, or it is very long.
 */
export async function* readFrom(
  file: string,
  offset: number | null,
  chunkSize: number,
  { signal, opened = open, crc }: ReadOptions = {},
): AsyncGenerator<Uint8Array, void> {
  try {
    await using handle = await opened(file)
    if (offset === null || chunkSize > LONGEST_AHEAD) {
      const bytes = readHandle(handle, offset, chunkSize, signal)
      yield* crc === undefined ? bytes : summed(bytes, crc)
    } else yield* readAhead(handle, offset, chunkSize, { signal, crc })
  } catch (error) {
    throw fileFault(error, file)
  }
}

async function* readAhead(
  handle: FileHandle,
  offset: number,
  chunkSize: number,
  { signal, crc }: Pick<ReadOptions, 'signal' | 'crc'>,
): AsyncGenerator<Uint8Array, void> {
  const buffers = new TwoBuffers(chunkSize)
  let position = offset
  const read = async () => {
    const buffer = buffers.next()
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
    position += bytesRead
    // Here, while the chunk before this one is on its way.
    crc?.update(buffer.subarray(0, bytesRead))
    return buffer.subarray(0, bytesRead)
  }
  let ahead = read()
  let isOver = false
  try {
    for (;;) {
      const chunk = await ahead
      signal?.throwIfAborted()
      if (chunk.length === 0) break
      ahead = read()
      ahead.catch(() => {}) // Shown when its turn comes, if it does.
      yield chunk
    }
    isOver = true
  } finally {
    await ahead.catch(() => {})
    buffers.release(isOver)
  }
}

/** Of a file that is open, and stays so: in chunks that are read into one buffer, each when it is asked for. */
export async function* readHandle(
  handle: FileHandle,
  offset: number | null,
  chunkSize: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const buffer = Buffer.allocUnsafe(chunkSize)
  for (let position = offset; ;) {
    signal?.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return
    if (position !== null) position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}
