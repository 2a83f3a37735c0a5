/** Lets what concerns the same thing be done one after the other. */
export class InTurn {
  /** The last of each, which never rejects. */
  readonly #last = new Map<string, Promise<unknown>>()

  /** What `work` comes to, which begins when all that was asked for before it has ended. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(work)
    const over = mine.catch(() => {})
    this.#last.set(key, over)
    try {
      return await mine
    } finally {
      if (this.#last.get(key) === over) this.#last.delete(key)
    }
  }
}
