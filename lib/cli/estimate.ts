import { formatBytes, formatDuration } from './format.ts'
import type { Rate } from './copy-rate.ts'

/** How long copying so many bytes will take, and what that rests on. */
export interface Estimate {
  readonly bytes: number
  readonly seconds: number
  /**
   * `last_run`: how fast the run before was; `bandwidth`: it takes at least so long by `--bandwidth`; `assumed`: nothing is
   * known, and this is what it takes at {@link ASSUMED}.
   */
  readonly rests_on: 'last_run' | 'bandwidth' | 'assumed'
  /** By which `seconds` is computed; null where a timetable says it. */
  readonly bytes_per_second: number | null
  /** When that was measured, in ISO 8601; null where it was not. */
  readonly measured_at: string | null
}

/** Bytes per second that somebody can compare with what they know of their network: 100 MiB. */
const ASSUMED = 100 * 1024 * 1024

const MINUTE_MS = 60_000
const WEEK = 7 * 24 * 60

export interface EstimateOptions {
  /** How fast the run before was. */
  readonly rate: Rate | null
  /** What `--bandwidth` allows at a time, null for anything; undefined where it does not count. */
  readonly rateAt: ((time: Date) => number | null) | undefined
  readonly now: Date
}

export function estimate(bytes: number, { rate, rateAt, now }: EstimateOptions): Estimate {
  const bound = rateAt === undefined ? 0 : leastSeconds(bytes, rateAt, now)
  const measured = rate === null ? 0 : bytes / rate.bytes_per_second
  const unmeasured = { bytes_per_second: null, measured_at: null }
  if (rate !== null && measured >= bound) {
    const { bytes_per_second, measured_at } = rate
    return { bytes, seconds: measured, rests_on: 'last_run', bytes_per_second, measured_at }
  }
  if (bound > 0) return { bytes, seconds: bound, rests_on: 'bandwidth', ...unmeasured }
  const seconds = bytes / ASSUMED
  return { bytes, seconds, rests_on: 'assumed', ...unmeasured, bytes_per_second: ASSUMED }
}

/** One line of it; undefined where nothing is to be copied. */
export function describeEstimate({
  bytes,
  seconds,
  rests_on: basis,
  bytes_per_second: rate,
  measured_at: time,
}: Estimate): string | undefined {
  if (bytes === 0) return undefined
  const [amount, duration] = [`${formatBytes(bytes)} to be copied`, formatDuration(seconds)]
  switch (basis) {
    case 'last_run':
      return `${amount}: about ${duration}, at ${formatBytes(rate ?? 0)}/s as measured ${time}`
    case 'bandwidth':
      return `${amount}: at least ${duration}, by --bandwidth`
    case 'assumed':
      return `${amount}: ${duration} if ${formatBytes(rate ?? 0)}/s pass, which no run has measured yet`
  }
}

/** How long so many bytes take at least, up to when there is no limit. */
function leastSeconds(bytes: number, rateAt: (time: Date) => number | null, now: Date): number {
  let left = bytes
  let time = now.getTime()
  for (let minute = 0; ; minute += 1) {
    const rate = rateAt(new Date(time))
    const end = (Math.floor(time / MINUTE_MS) + 1) * MINUTE_MS
    const most = rate === null ? 0 : (rate * (end - time)) / 1000
    if (rate === null || most >= left) {
      return (time - now.getTime()) / 1000 + (rate === null ? 0 : left / rate)
    }
    left -= most
    time = end
    // From here on it is as in the week before, as often as need be.
    if (minute === WEEK) {
      const weeks = Math.floor(left / (bytes - left))
      left -= weeks * (bytes - left)
      time += weeks * WEEK * MINUTE_MS
    }
  }
}
