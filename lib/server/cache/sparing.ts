import { messageOf } from '../../errors.ts'

/** How long the same need not be said again. Milliseconds. */
const QUIET_MS = 60_000

/** Reports what is not what was reported last, or was so a minute ago: each reader meets what is wrong with a cache. */
export function sparing(
  report: (error: unknown) => void,
  now: () => Date,
): (error: unknown) => void {
  let last = ''
  let until = 0
  return error => {
    const message = messageOf(error)
    const at = now().getTime()
    if (message === last && at < until) return
    last = message
    until = at + QUIET_MS
    report(error)
  }
}
