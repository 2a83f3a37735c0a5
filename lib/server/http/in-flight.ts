/** The work that is being done for requests, also for those whose clients have gone. */
export class InFlight {
  readonly #work = new Set<Promise<unknown>>()

  /** Hands `work` on. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#work.add(work)
    void work.catch(() => {}).then(() => this.#work.delete(work))
    return work
  }

  /** Resolves when none is left. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work)
  }
}
