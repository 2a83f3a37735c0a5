/** What was opened, to be closed in the opposite order. */
export class Opened implements AsyncDisposable {
  readonly #opened: AsyncDisposable[] = []
  #closed: Promise<void> | undefined

  /** Hands `one` on. */
  add<T extends AsyncDisposable>(one: T): T {
    this.#opened.unshift(one)
    return one
  }

  /** The same for what is closed at once. */
  keep(connections: Disposable): void {
    this.add({ [Symbol.asyncDispose]: async () => connections[Symbol.dispose]() })
  }

  /** Closes each, also when another cannot be, whose error is thrown then. Only the first call does something. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    const failures: unknown[] = []
    for (const one of this.#opened) {
      try {
        await one[Symbol.asyncDispose]()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
