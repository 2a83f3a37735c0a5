import type { FileHandle } from 'node:fs/promises'
import type { Bytes } from '../stream/bytes.ts'

/** Bytes of the least hole that file systems have. */
const BLOCK = 4096
const ZEROS = Buffer.alloc(BLOCK)

/**
 * Writes an empty file so that blocks of zeros are holes, where the file system has such; everywhere it reads the same
 * as if all had been written.
 */
export async function writeSparse(file: FileHandle, data: Bytes): Promise<void> {
  let position = 0
  for await (const chunk of data) {
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
    position += chunk.length
  }
  await file.truncate(position)
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
