import { GlanceError } from '../errors.ts'
import type { Bytes } from './bytes.ts'

export interface Pace {
  /** That come at the least … */
  readonly bytes: number
  /** … in so much waiting. Milliseconds. */
  readonly ms: number
  /** Milliseconds since any time. */
  readonly clock: () => number
}

/**
 * Passes the bytes on, and ends in `unavailable` when they only trickle in: nobody is to keep us busy for ever at the
 * price of a byte now and then. Only the time counts for which the source keeps us waiting.
 */
export async function* leastPace(
  data: Bytes,
  { bytes, ms, clock }: Pace,
): AsyncGenerator<Uint8Array, void> {
  let came = 0
  let waited = 0
  let since = clock()
  for await (const chunk of data) {
    came += chunk.length
    waited += clock() - since
    if (waited >= ms) {
      if (came < bytes) {
        const seconds = Math.round(waited / 1000)
        throw new GlanceError('unavailable', `only ${came} bytes came in ${seconds} s`)
      }
      came = 0
      waited = 0
    }
    yield chunk
    since = clock()
  }
}
