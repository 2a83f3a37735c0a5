import { setMaxListeners } from 'node:events'
import type { FileHandle } from 'node:fs/promises'
import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'
import { Crc32, summed } from '../stream/crc.ts'
import { rechunk } from '../stream/rechunk.ts'
import { verify } from '../stream/verify.ts'
import type { ImageData } from './endpoint.ts'
import type { RangedFile } from './ranged-file.ts'

/** Bytes read again at a time, to be hashed. */
const READ_SIZE = 1024 * 1024

export interface FillOptions extends Abortable {
  /** How many ranges are read at once. */
  readonly ranges: number
  /** Bytes written at a time. */
  readonly chunkSize: number
  /** Whether zeros are written as holes. */
  readonly sparse: boolean
}

/**
 * Reads what is missing of the file, several ranges at once, and verifies the whole. Digests go by the order of the bytes:
 * they are computed of what is read again from the file, as far as it is whole, which has just been written and costs
 * no time on the way. Resolves to the CRC-32 of the whole; undefined where the source serves no ranges. When it rejects,
 * nobody writes any more, and what was written stays.
 * @throws {GlanceError} `corrupt`, or what reading the data throws.
 */
export async function fillInRanges(
  handle: FileHandle,
  file: RangedFile,
  data: ImageData,
  { ranges, chunkSize, sparse, signal }: FillOptions,
): Promise<string | undefined> {
  const { openRange } = data
  if (openRange === undefined) return undefined
  const stop = new AbortController()
  const stopped = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])])
  setMaxListeners(0, stopped) // As many as there are ranges under way.
  const workers: Promise<void>[] = []
  const crc = new Crc32()
  let failure: { readonly error: unknown } | undefined
  let wake = () => {}

  function fail(error: unknown): void {
    failure ??= { error }
    stop.abort(error)
    wake()
  }

  function begin(): void {
    workers.push(work().catch(fail))
  }

  async function work(): Promise<void> {
    for (let part = file.claim(); part !== undefined; part = file.claim()) {
      const bytes = await openRange?.(part, { signal: stopped })
      if (bytes === undefined) return
      for await (const chunk of rechunk(bytes, Math.min(chunkSize, part.length))) {
        await file.write(part, chunk, sparse)
        wake()
        // The first range has come, so that it is worth asking for others.
        while (workers.length < ranges && !stopped.aborted) begin()
      }
    }
  }

  /** The data from its beginning on, as it gets whole. */
  async function* inOrder(): Bytes & AsyncGenerator<Uint8Array, void> {
    const buffer = Buffer.allocUnsafe(READ_SIZE)
    for (let at = 0; at < file.size;) {
      if (failure !== undefined) throw failure.error
      stopped.throwIfAborted()
      const length = Math.min(file.whole - at, READ_SIZE)
      if (length === 0) {
        await new Promise<void>(resolve => (wake = resolve))
        continue
      }
      const { bytesRead } = await handle.read(buffer, 0, length, at)
      if (bytesRead === 0) throw new GlanceError('corrupt', 'somebody else shortened the file')
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  }

  async function check(): Promise<void> {
    for await (const _ of summed(verify(inOrder(), data), crc));
  }

  begin()
  await check().catch(fail)
  await Promise.all(workers)
  if (failure === undefined) return crc.hex
  if (isGlanceError(failure.error, 'unsupported')) return undefined
  throw failure.error
}
