import type { ServerSettings } from '../settings.ts'
import { Away } from '../sql/away.ts'
import { GRACE_MS, type Session } from './session.ts'

export interface PoolOptions<S> extends Pick<
  ServerSettings,
  'maxPoolSize' | 'maxOverflow' | 'poolTimeoutMs' | 'connectionRecycleMs'
> {
  /** What is connected to, for messages. */
  readonly name: string
  /** Makes a connection. */
  readonly open: () => Promise<S>
  /** How long those in use have when the pool is closed. Milliseconds; default 5000. */
  readonly graceMs?: number | undefined
}

interface Idle<S> {
  readonly session: S
  readonly openedAt: number
}

/** Connections that are used again and again. Those that were lost are left out, so that it heals by itself. */
export class Pool<S extends Session> implements AsyncDisposable {
  readonly #options: PoolOptions<S>
  readonly #idle: Idle<S>[] = []
  readonly #taken = new Map<S, number>()
  /** Each of them looks again when there may be one. */
  readonly #waiting = new Set<() => void>()
  #opening = 0
  #closing: (() => void) | undefined

  constructor(options: PoolOptions<S>) {
    this.#options = options
  }

  /** A connection until it is given back. @throws {GlanceError} `unavailable` when all are in use for too long. */
  async take(): Promise<S> {
    const { poolTimeoutMs } = this.#options
    const end = performance.now() + poolTimeoutMs
    for (;;) {
      if (this.#closing !== undefined) throw new TypeError('the pool of connections is closed')
      const idle = this.#idle.pop()
      if (idle !== undefined && this.#isUsable(idle)) {
        this.#taken.set(idle.session, idle.openedAt)
        return idle.session
      }
      if (idle !== undefined) void idle.session.close()
      else if (this.#hasRoom()) return await this.#open()
      else await this.#wait(end)
    }
  }

  give(session: S): void {
    const openedAt = this.#taken.get(session)
    this.#taken.delete(session)
    const { maxPoolSize } = this.#options
    const isSpare = maxPoolSize > 0 && this.#idle.length >= maxPoolSize
    const isDone = this.#closing !== undefined || openedAt === undefined || isSpare
    if (isDone || !this.#isUsable({ session, openedAt })) void session.close()
    else this.#idle.push({ session, openedAt })
    this.#wake()
    if (this.#taken.size === 0) this.#closing?.()
  }

  /** Closes all, those in use when they are given back, or at the latest after a time of grace. */
  async [Symbol.asyncDispose](): Promise<void> {
    let patience: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      this.#closing = resolve
      if (this.#taken.size === 0) resolve()
      else patience = setTimeout(resolve, this.#options.graceMs ?? GRACE_MS)
    })
    clearTimeout(patience)
    await Promise.all([...this.#taken.keys()].map(session => session.close()))
    await Promise.all(this.#idle.splice(0).map(({ session }) => session.close()))
  }

  #isUsable({ session, openedAt }: Idle<S>): boolean {
    const { connectionRecycleMs } = this.#options
    const isOld = connectionRecycleMs >= 0 && performance.now() - openedAt >= connectionRecycleMs
    return !session.ended && !isOld
  }

  #hasRoom(): boolean {
    const { maxPoolSize, maxOverflow } = this.#options
    const isBounded = maxPoolSize > 0 && maxOverflow >= 0
    return !isBounded || this.#taken.size + this.#opening < maxPoolSize + maxOverflow
  }

  async #open(): Promise<S> {
    this.#opening += 1
    try {
      const session = await this.#options.open()
      this.#taken.set(session, performance.now())
      return session
    } finally {
      this.#opening -= 1
      this.#wake()
    }
  }

  async #wait(end: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        const { name, poolTimeoutMs } = this.#options
        const busy = `all ${this.#taken.size} connections to ${name} were in use for ${poolTimeoutMs} ms`
        reject(new Away(busy))
      }, end - performance.now())
      this.#waiting.add(look)
    })
  }

  /** Lets who has waited longest look again. */
  #wake(): void {
    const [first] = this.#waiting
    first?.()
  }
}
