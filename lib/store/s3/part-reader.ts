/** Takes a stream a buffer at a time, of whatever sizes. */
export class PartReader {
  readonly #source: AsyncIterator<Uint8Array, void>
  /** What of the last chunk has not been taken yet: ours until the next is asked for. */
  #rest: Uint8Array = new Uint8Array(0)

  constructor(data: AsyncGenerator<Uint8Array, void>) {
    this.#source = data[Symbol.asyncIterator]()
  }

  /** Fills the buffer, but for the end of the stream. Resolves to how many bytes there are, none after the end. */
  async fill(buffer: Uint8Array): Promise<number> {
    let filled = 0
    while (filled < buffer.length) {
      if (this.#rest.length === 0) {
        const next = await this.#source.next()
        if (next.done === true) break
        this.#rest = next.value
        continue
      }
      const taken = this.#rest.subarray(0, buffer.length - filled)
      buffer.set(taken, filled)
      filled += taken.length
      this.#rest = this.#rest.subarray(taken.length)
    }
    return filled
  }

  /** Closes the source. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }
}
