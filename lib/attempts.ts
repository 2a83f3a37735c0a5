import { setTimeout as delay } from 'node:timers/promises'
import type { Abortable } from './abort.ts'
import { type ErrorCode, type GlanceError, isGlanceError } from './errors.ts'

/** What may go better the next time. */
const WORTH_ANOTHER: readonly ErrorCode[] = ['unavailable', 'unreachable', 'corrupt']

/** Milliseconds that we wait at most because the other side asked us to. */
const LONGEST_ASKED = 120_000

export interface AttemptOptions extends Abortable {
  /** How often to try in all, the first time included. Default 3. */
  readonly attempts?: number | undefined
  /**
   * Milliseconds before the second attempt at most, doubled before each later one: the pause is any time up to that.
   * Default 500, at most 30,000. Longer where the other side said when to come back, up to 120,000.
   */
  readonly delayMs?: number | undefined
  /** What is worth another attempt. Default: no answer, nobody there, and wrong bytes. */
  readonly worth?: readonly ErrorCode[] | undefined
  /** Asked before another attempt: whether one can be made. Default: always. */
  readonly again?: (() => boolean) | undefined
  /** Told of each failure that is followed by another attempt, and the number of that attempt. */
  readonly onRetry?: ((error: unknown, attempt: number) => void) | undefined
}

/**
 * Does `work` until it succeeds, fails for good, or was tried often enough, with a {@link pause} after each failure.
 * Rejects with the last one.
 */
export async function withAttempts<T>(
  work: (attempt: number) => Promise<T>,
  {
    attempts = 3,
    delayMs = 500,
    worth = WORTH_ANOTHER,
    again = () => true,
    onRetry,
    signal,
  }: AttemptOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt)
    } catch (error) {
      signal?.throwIfAborted()
      if (attempt >= attempts || !isGlanceError(error, ...worth) || !again()) throw error
      onRetry?.(error, attempt + 1)
      await pause(attempt, error, { delayMs, signal })
    }
  }
}

/**
 * Waits after so many failures in a row, of which `error` is the last: any time up to `delayMs`, which doubles with each,
 * so that many clients of one server do not return at once. Not before the other side said to come back.
 */
export async function pause(
  failures: number,
  error: GlanceError,
  { delayMs = 500, signal }: Pick<AttemptOptions, 'delayMs' | 'signal'> = {},
): Promise<void> {
  const most = Math.min(delayMs * 2 ** (failures - 1), 30_000)
  const asked = Math.min(error.retryAfterMs ?? 0, LONGEST_ASKED)
  await delay(asked + most * Math.random(), undefined, signal ? { signal } : {}).catch(() =>
    signal?.throwIfAborted(),
  )
}
