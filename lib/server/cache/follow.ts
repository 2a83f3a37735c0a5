import type { FileHandle } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { lending } from '../../stream/buffers.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { CacheFolder } from './cache-folder.ts'
import type { CacheReader } from './cache.ts'

/** Bytes that are read at a time. */
const CHUNK = 1024 * 1024

/** How long what another process writes is let grow before it is looked at again. Milliseconds. */
const LOOK_MS = 25

/** A copy that another process is making. */
export interface Others {
  readonly file: FileHandle
  /** Bytes, of the whole. */
  readonly size: number
  /** Whether nothing is written any more. */
  isOver(): Promise<boolean>
}

/** All of the data, as it comes. When it comes no further, `rest` has what is behind those bytes. */
export async function* follow(
  others: Others,
  { signal }: Pick<CacheReader, 'signal'>,
  rest: (position: number) => Promise<Bytes>,
): AsyncGenerator<Uint8Array, void> {
  let position = 0
  async function* coming(buffer: Buffer) {
    for await (const chunk of growing(others, buffer, signal)) {
      position += chunk.length
      yield chunk
    }
  }
  yield* lending(Math.min(CHUNK, others.size), coming)
  if (position < others.size) yield* await rest(position)
}

/** What is written to the file as long as anybody does, read into one buffer. */
async function* growing(
  { file, size, isOver }: Others,
  buffer: Buffer,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  for (let position = 0; position < size;) {
    signal?.throwIfAborted()
    const length = Math.min(buffer.length, size - position)
    let { bytesRead } = await file.read(buffer, 0, length, position)
    if (bytesRead === 0) {
      const isLast = await isOver()
      // It may have been written before it was over.
      if (isLast) bytesRead = (await file.read(buffer, 0, length, position)).bytesRead
      if (isLast && bytesRead === 0) return
    }
    position += bytesRead
    if (bytesRead > 0) yield buffer.subarray(0, bytesRead)
    else await setTimeout(LOOK_MS)
  }
}

/**
 * Resolves when another process fetches the image no more, which goes on with it for as long as this waits: to whether any
 * did. Rejects with the reason when `signal` fires.
 */
export async function untilFetched(
  folder: CacheFolder,
  imageId: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await folder.isFetched(imageId))) return false
  const mark = await folder.read(imageId)
  try {
    do {
      signal.throwIfAborted()
      await setTimeout(LOOK_MS)
    } while (await folder.isFetched(imageId))
    return true
  } finally {
    await mark.end()
  }
}
