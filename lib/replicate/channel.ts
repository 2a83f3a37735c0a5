/** Hands items from many producers to one consumer, in the order in which they came. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #items: T[] = []
  #closed = false
  #wake = () => {}
  readonly #onTaken: () => void

  /** `onTaken` is told each time the consumer has taken an item. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken
  }

  /** How many items wait for the consumer. */
  get length(): number {
    return this.#items.length
  }

  put(item: T): void {
    this.#items.push(item)
    this.#wake()
  }

  /** No more will be put: the consumer's loop ends after what is there. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
        this.#onTaken()
        yield item
      }
      if (this.#closed) return
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}
