import { removeAbandoned, type ResumableService } from '../domain/resumable.ts'
import type { Background } from '../domain/service.ts'

/** Milliseconds between two looks, at the most. */
const LONGEST_MS = 3_600_000
/** Milliseconds between two looks, at the least. */
const SHORTEST_MS = 1000

/** Looks every now and then for parts that nobody goes on with, until disposal. */
export function removeAgain(service: ResumableService, background: Background): AsyncDisposable {
  let isLooking = false
  const look = () => {
    if (isLooking) return
    isLooking = true
    background.start(async () => {
      await removeAbandoned(service)
        .catch(service.report)
        .finally(() => {
          isLooking = false
        })
    })
  }
  const everyMs = Math.min(Math.max(service.parts.maxAgeMs / 4, SHORTEST_MS), LONGEST_MS)
  const timer = setInterval(look, everyMs).unref()
  return { [Symbol.asyncDispose]: async () => clearInterval(timer) }
}
