import { GlanceError } from '../errors.ts'

/**
 * Lets one in at a time, in the order of arrival. Nobody waits for ever: work that holds the turn and waits for
 * another, such as a transaction that uses the database instead of its own `tx`, is turned away in the end.
 */
export class Turns {
  readonly #timeoutMs: number
  readonly #waiting: (() => void)[] = []
  #taken = false

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Waits for the turn, which lasts until {@link release}. @throws {GlanceError} `unavailable`. */
  async take(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true
      return
    }
    await new Promise<void>((resolve, reject) => {
      const admit = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1)
        reject(new GlanceError('unavailable', `the database was busy for ${this.#timeoutMs} ms`))
      }, this.#timeoutMs)
      this.#waiting.push(admit)
    })
  }

  /** Hands the turn to whoever has waited longest. */
  release(): void {
    const admit = this.#waiting.shift()
    if (admit === undefined) this.#taken = false
    else admit()
  }
}
