import type { Clock } from '../../lib/cli/clock.ts'

interface Timer {
  at: number
  readonly ms: number
  readonly call: () => void
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now: number
  readonly #timers = new Set<Timer>()
  readonly #waiting: { readonly ms: number; readonly tell: () => void }[] = []

  constructor(now: string) {
    this.#now = Date.parse(now)
  }

  now(): Date {
    return new Date(this.#now)
  }

  after(ms: number, then: () => void): Disposable {
    const timer = { at: this.#now + ms, ms, call: then }
    this.#timers.add(timer)
    for (const { tell } of this.#waiting.filter(({ ms }) => ms === timer.ms)) tell()
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) }
  }

  /** Resolves when somebody waits for so many milliseconds. */
  async waitedFor(ms: number): Promise<void> {
    if ([...this.#timers].some(timer => timer.ms === ms)) return
    await new Promise<void>(tell => this.#waiting.push({ ms, tell }))
  }

  /** Whether nobody waits for anything. */
  get isIdle(): boolean {
    return this.#timers.size === 0
  }

  /** Sets it, so that it shows another time; those who wait, wait as long as before. */
  set(time: string): void {
    const by = Date.parse(time) - this.#now
    this.#now += by
    for (const timer of this.#timers) timer.at += by
  }

  /** Lets time pass, and calls whoever waited for it, in their order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.call()
    }
    this.#now = end
  }
}
