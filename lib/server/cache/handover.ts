/** Hands chunks from one loop to another, one at a time: who gives waits until the chunk is no longer needed. */
export class Handover implements AsyncIterable<Uint8Array> {
  #chunk: Uint8Array | null = null
  #state: 'open' | 'ended' | 'broken' | 'refused' = 'open'
  #taken: (() => void) | null = null
  #given: (() => void) | null = null

  /** Resolves when the other side asks for the next chunk, or wants no more. */
  async give(chunk: Uint8Array): Promise<void> {
    if (this.#state !== 'open') return
    this.#chunk = chunk
    const taken = new Promise<void>(resolve => (this.#taken = resolve))
    this.#given?.()
    await taken
  }

  /** Says that this was all. */
  end(): void {
    this.#finish('ended')
  }

  /** Says that there will be no more, unless it has {@link end}ed. */
  breakOff(): void {
    this.#finish('broken')
  }

  /** Wants no more: from now on what is given is thrown away. */
  refuse(): void {
    this.#finish('refused')
    this.#taken?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      if (this.#chunk !== null) {
        yield this.#chunk
        this.#chunk = null
        this.#taken?.()
      } else if (this.#state === 'open') {
        await new Promise<void>(resolve => (this.#given = resolve))
      } else if (this.#state === 'ended') {
        return
      } else {
        throw new Error('the data was broken off')
      }
    }
  }

  #finish(state: 'ended' | 'broken' | 'refused'): void {
    if (this.#state === 'open') this.#state = state
    this.#given?.()
  }
}
