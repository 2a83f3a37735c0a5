/** The time, and waiting for it. */
export interface Clock {
  now(): Date
  /** Calls `then` once, so many milliseconds from now, unless disposed of before. */
  after(ms: number, then: () => void): Disposable
}

/** What a timer of Node can wait at the most, in milliseconds: some 24 days. */
const LONGEST_TIMER = 2 ** 31 - 1

export const SYSTEM_CLOCK: Clock = {
  now: () => new Date(),
  after: (ms, then) => {
    let timer: NodeJS.Timeout
    const wait = (left: number) => {
      const now = Math.min(left, LONGEST_TIMER)
      timer = setTimeout(() => (left > now ? wait(left - now) : then()), now)
    }
    wait(ms)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
