import type { FileHandle } from 'node:fs/promises'
import type { Bytes } from './bytes.ts'

/** Bytes of the least hole that file systems have. */
const BLOCK = 4096
const ZEROS = Buffer.alloc(BLOCK)

export interface WriteDataOptions {
  /** The length of the file, at which the data goes on. Default 0. */
  readonly from?: number | undefined
  /** Whether blocks of zeros are holes, where the file system has such. Default false. */
  readonly sparse?: boolean | undefined
}

/**
 * Writes data to the end of a file, which reads the same with holes as without. When that fails, the file is as long as
 * what was written of it.
 */
export async function writeData(
  file: FileHandle,
  data: Bytes,
  { from = 0, sparse = false }: WriteDataOptions = {},
): Promise<void> {
  let position = from
  try {
    for await (const chunk of data) {
      if (sparse) await writeSparse(file, chunk, position)
      else await writeAll(file, chunk, position)
      position += chunk.length
    }
  } finally {
    await file.truncate(position)
  }
}

/**
 * Writes a chunk at a position of a file, and leaves out its blocks of zeros. Who has written the last one cuts the file
 * to its length, since it may end in a hole.
 */
export async function writeSparse(
  file: FileHandle,
  chunk: Uint8Array,
  position: number,
): Promise<void> {
  // What is to be written and is not yet: [from, at) of the chunk.
  let from = 0
  for (let at = 0; at < chunk.length;) {
    const next = Math.min(at + BLOCK - ((position + at) % BLOCK), chunk.length)
    if (isZero(chunk, at, next)) {
      await writeAll(file, chunk.subarray(from, at), position + from)
      from = next
    }
    at = next
  }
  await writeAll(file, chunk.subarray(from), position + from)
}

function isZero(chunk: Uint8Array, from: number, to: number): boolean {
  // Most blocks that are not zero show it at once.
  if (chunk[from] !== 0 || chunk[to - 1] !== 0) return false
  return ZEROS.compare(chunk, from, to, 0, to - from) === 0
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const rest = bytes.subarray(done)
    done += (await file.write(rest, 0, rest.length, position + done)).bytesWritten
  }
}
