import { type FileHandle, open } from 'node:fs/promises'
import { fileFault } from './file-fault.ts'

/** The bytes of a file from `offset` on, or as they come where it is null, in chunks of `chunkSize` that are read into one buffer; `opened` opens it. */
export async function* readFrom(
  file: string,
  offset: number | null,
  chunkSize: number,
  signal?: AbortSignal,
  opened: (file: string) => Promise<FileHandle> = open,
): AsyncGenerator<Uint8Array, void> {
  try {
    await using handle = await opened(file)
    yield* readHandle(handle, offset, chunkSize, signal)
  } catch (error) {
    throw fileFault(error, file)
  }
}

/** As {@link readFrom}, of a file that is open, and stays so. */
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
