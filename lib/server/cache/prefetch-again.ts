import type { Background } from '../domain/service.ts'
import type { Caching } from './caching.ts'

/** Looks now and every so many seconds for what is to come into the cache, until disposal; 0 seconds for never. */
export function prefetchAgain(
  caching: Caching,
  background: Background,
  seconds: number,
): AsyncDisposable {
  let isLooking = false
  const look = () => {
    if (isLooking) return
    isLooking = true
    background.start(signal =>
      caching.prefetch(signal).finally(() => {
        isLooking = false
      }),
    )
  }
  if (seconds > 0) look()
  const timer = seconds > 0 ? setInterval(look, seconds * 1000).unref() : undefined
  return { [Symbol.asyncDispose]: async () => clearInterval(timer) }
}
