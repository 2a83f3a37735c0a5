import type { Abortable } from '../../abort.ts'

/** How often a task at work says that it is. Milliseconds. */
export const BEAT_MS = 60_000

export interface Beating extends Abortable {
  /** Default {@link BEAT_MS}. */
  readonly ms?: number | undefined
}

/** Does what takes long, with a `beat` now and then. One that fails fires the signal of the work with its error. */
export async function whileBeating<T>(
  work: (signal: AbortSignal) => Promise<T>,
  beat: () => Promise<void>,
  { signal, ms = BEAT_MS }: Beating,
): Promise<T> {
  const controller = new AbortController()
  const signals = signal === undefined ? [] : [signal]
  const timer = setInterval(() => {
    void beat().catch((error: unknown) => controller.abort(error))
  }, ms)
  try {
    return await work(AbortSignal.any([...signals, controller.signal]))
  } finally {
    clearInterval(timer)
  }
}
