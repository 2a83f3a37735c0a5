import { dropBuffer, giveBuffer, takeBufferFor } from './buffers.ts'
import type { Bytes } from './bytes.ts'

/**
 * The same bytes in chunks of `size`, the last one shorter: few large writes instead of many small ones. Where `enough` is
 * given, chunks of as many bytes are passed on as they come, cut where they are longer than `size`, and smaller ones are
 * put together to chunks of no more than `size`.
 */
export async function* rechunk(
  data: Bytes,
  size: number,
  enough: number = size,
): AsyncGenerator<Uint8Array, void> {
  let buffer: Gathering | undefined
  try {
    for await (const chunk of data) {
      for (let offset = 0; offset < chunk.length;) {
        const taken = Math.min(size - (buffer?.filled ?? 0), chunk.length - offset)
        if ((buffer?.filled ?? 0) === 0 && taken >= Math.min(enough, size)) {
          yield chunk.subarray(offset, offset + taken)
          offset += taken
          continue
        }
        buffer ??= new Gathering(size, enough < size)
        offset += buffer.take(chunk.subarray(offset, offset + taken))
        if (buffer.isFull) yield buffer.empty()
      }
    }
    if (buffer !== undefined && buffer.filled > 0) yield buffer.empty()
    buffer?.release()
    buffer = undefined
  } finally {
    buffer?.drop()
  }
}

/** Where small chunks are put together. */
class Gathering {
  readonly #pooled: Buffer
  readonly #buffer: Buffer
  filled = 0

  /** Of `size` bytes, or of fewer where that is well. */
  constructor(size: number, mayBeLess: boolean) {
    this.#pooled = takeBufferFor(size)
    const isEnough = mayBeLess || this.#pooled.length >= size
    this.#buffer = isEnough ? this.#pooled.subarray(0, size) : Buffer.allocUnsafeSlow(size)
  }

  get isFull(): boolean {
    return this.filled === this.#buffer.length
  }

  /** How many of the bytes there was room for. */
  take(bytes: Uint8Array): number {
    const fitting = bytes.subarray(0, this.#buffer.length - this.filled)
    this.#buffer.set(fitting, this.filled)
    this.filled += fitting.length
    return fitting.length
  }

  /** What is in it, which is lent. */
  empty(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.filled)
    this.filled = 0
    return bytes
  }

  release(): void {
    giveBuffer(this.#pooled)
  }

  /** Who left early may still be at what was lent last. */
  drop(): void {
    dropBuffer(this.#pooled)
  }
}
