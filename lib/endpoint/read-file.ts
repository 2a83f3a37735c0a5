import { open } from 'node:fs/promises'
import { fileFault } from './file-fault.ts'

/** The bytes of a file from `offset` on, in chunks of `chunkSize` that are read into one buffer. */
export async function* readFrom(
  file: string,
  offset: number,
  chunkSize: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const buffer = Buffer.allocUnsafe(chunkSize)
  try {
    await using handle = await open(file)
    for (let position = offset; ;) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw fileFault(error, file)
  }
}
