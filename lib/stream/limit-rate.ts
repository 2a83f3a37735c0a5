import { setTimeout as delay } from 'node:timers/promises'
import type { Abortable } from '../abort.ts'
import type { Bytes } from './bytes.ts'

/** Milliseconds for which no more is let pass at once, so that a limit that changes is soon heeded. */
const PIECE_MS = 250
/** Bytes that pass at once however low the limit is. */
const LEAST_PIECE = 1024

export interface Clock {
  /** Milliseconds since any time. */
  now(): number
  wait(ms: number, options: Abortable): Promise<void>
}

const SYSTEM: Clock = {
  now: () => performance.now(),
  wait: async (ms, { signal }) => {
    await delay(ms, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
  },
}

/** Lets so much pass in a second, whoever it is for: bytes of all images, requests to one service. */
export class RateLimit {
  readonly #perSecond: () => number | null
  readonly #clock: Clock
  /** When the next may pass. */
  #free = 0

  /** `perSecond` is asked each time; null lets everything pass. */
  constructor(perSecond: () => number | null, clock: Clock = SYSTEM) {
    this.#perSecond = perSecond
    this.#clock = clock
  }

  /** How much should be asked for at once. */
  get piece(): number {
    const rate = this.#perSecond()
    return rate === null ? Infinity : Math.max((rate * PIECE_MS) / 1000, LEAST_PIECE)
  }

  /** Resolves when so much may pass, in the order in which it was asked for. Rejects with the signal's reason. */
  async take(amount: number, { signal }: Abortable = {}): Promise<void> {
    const now = this.#clock.now()
    const rate = this.#perSecond()
    if (rate === null) return void (this.#free = now)
    const start = Math.max(this.#free, now)
    this.#free = start + (amount / rate) * 1000
    if (start > now) await this.#clock.wait(start - now, { signal })
  }
}

/** Passes the bytes on, in smaller pieces where they have to wait. */
export async function* limitRate(
  data: Bytes,
  limit: RateLimit,
  { signal }: Abortable = {},
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of data) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + limit.piece)
      await limit.take(piece.length, { signal })
      yield piece
      at += piece.length
    }
  }
}
