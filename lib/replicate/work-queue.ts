export interface WorkQueueOptions<T> {
  /** How many at once, as it is now. */
  readonly concurrency: () => number
  /** What is to be done with each; never rejects. */
  readonly work: (item: T) => Promise<void>
  /** Which of two that wait is begun first: negative when it is the first. Default: which came first. */
  readonly order?: ((one: T, other: T) => number) | undefined
  /** Told each time that something is done. */
  readonly onDone: () => void
}

interface Waiting<T> {
  readonly item: T
  readonly resolve: () => void
}

/** Work that is begun in order, so much of it at a time. Nothing is begun before {@link start}. */
export class WorkQueue<T> {
  readonly #options: WorkQueueOptions<T>
  readonly #waiting: Waiting<T>[] = []
  readonly #running = new Set<Promise<void>>()
  #started = false

  constructor(options: WorkQueueOptions<T>) {
    this.#options = options
  }

  /** What is waiting or under way. */
  get length(): number {
    return this.#waiting.length + this.#running.size
  }

  /** Resolves when it is done. */
  async put(item: T): Promise<void> {
    await new Promise<void>(resolve => {
      this.#waiting.push({ item, resolve })
      if (this.#started) this.#fill()
    })
  }

  /** Begins what is there, and what comes later as it comes. */
  start(): void {
    this.#started = true
    this.#fill()
  }

  /** To be told when more may be done at once. */
  more(): void {
    if (this.#started) this.#fill()
  }

  /** Resolves when everything is done that was put. */
  async end(): Promise<void> {
    this.start()
    while (this.#running.size > 0) await Promise.race(this.#running)
  }

  #fill(): void {
    const { concurrency, work, onDone } = this.#options
    while (this.#running.size < concurrency() && this.#waiting.length > 0) {
      const { item, resolve } = this.#next()
      const task = work(item)
      this.#running.add(task)
      void task.finally(() => {
        this.#running.delete(task)
        resolve()
        this.#fill()
        onDone()
      })
    }
  }

  /** Takes the first out; there is one. */
  #next(): Waiting<T> {
    const { order } = this.#options
    let first = 0
    if (order !== undefined) {
      for (const [i, { item }] of this.#waiting.entries()) {
        const best = this.#waiting[first]
        if (best !== undefined && order(item, best.item) < 0) first = i
      }
    }
    return this.#waiting.splice(first, 1)[0] as Waiting<T> // There is one at that place.
  }
}
