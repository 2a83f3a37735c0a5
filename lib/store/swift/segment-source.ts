import type { Bytes } from '../../stream/bytes.ts'

/** Image data that is taken in parts, without a part being held in memory. */
export class SegmentSource {
  readonly #chunks: AsyncIterator<Uint8Array>
  /** What is left of the chunk that was asked for last. */
  #rest: Uint8Array = new Uint8Array()

  constructor(data: Bytes) {
    this.#chunks = data[Symbol.asyncIterator]()
  }

  /** Whether there is another byte. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next()
      if (next.done === true) return false
      this.#rest = next.value
    }
    return true
  }

  /** The next bytes, `most` at the most. Leaving the loop does not close the source. */
  async *take(most: number): AsyncGenerator<Uint8Array, void> {
    for (let left = most; left > 0 && (await this.hasMore());) {
      const part = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(part.length)
      left -= part.length
      yield part
    }
  }

  /** To be called when not all has been taken. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
