/** A signal that fires some time after another, so that what is under way then may come to its end. */
export class Patience implements Disposable {
  readonly signal: AbortSignal
  readonly #after: AbortSignal | undefined
  readonly #onAbort: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(after: AbortSignal | undefined, ms: number) {
    const controller = new AbortController()
    this.signal = controller.signal
    this.#after = after
    this.#onAbort = () => {
      this.#timer = setTimeout(() => controller.abort(after?.reason), ms)
    }
    if (after?.aborted === true) this.#onAbort()
    else after?.addEventListener('abort', this.#onAbort, { once: true })
  }

  [Symbol.dispose](): void {
    this.#after?.removeEventListener('abort', this.#onAbort)
    clearTimeout(this.#timer)
  }
}
