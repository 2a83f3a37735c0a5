/** Lets one at a time do something about a key. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Does `work` after all that was asked for about the same key before. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const turn = before.then(work, work)
    this.#last.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key)
    }
  }
}
