import { GlanceError } from '../errors.ts'

/** A limit of bytes per second, null for none, from a minute of the day, or of the week, on. */
interface Entry {
  /** Since midnight, or since Sunday's where it names a day. */
  readonly minute: number
  readonly rate: number | null
}

const UNITS = 'BKMGTP'
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const DAY = 24 * 60

/**
 * What `--bandwidth` says, as rclone's --bwlimit: a rate such as `10M` or `off`, or a timetable such as
 * `08:00,1M 19:00,off` or `Mon-08:00,1M Sat-00:00,off`, by the local time. Resolves a time to bytes per second, null for
 * no limit. @throws {GlanceError} `usage`, naming what cannot be read.
 */
export function parseBandwidth(text: string): (time: Date) => number | null {
  const words = text.split(/\s+/).filter(word => word !== '')
  const [first] = words
  if (first === undefined) throw usage(text)
  if (words.length === 1 && !first.includes(',')) {
    const rate = rateOf(first)
    return () => rate
  }
  const table = words.flatMap(entriesOf).toSorted((one, other) => one.minute - other.minute)
  return time => {
    const minute = time.getDay() * DAY + time.getHours() * 60 + time.getMinutes()
    // Before the first of the week the last of the week before still counts.
    return (table.findLast(entry => entry.minute <= minute) ?? table.at(-1))?.rate ?? null
  }
}

/** What one word says, for each day that it says it of. */
function entriesOf(word: string): Entry[] {
  const found = /^(?:([a-z]{3})[a-z]*-)?(\d{1,2}):(\d{2}),(.+)$/i.exec(word)
  if (found === null) throw usage(word)
  const [, day, hours, minutes, rate = ''] = found
  const minute = Number(hours) * 60 + Number(minutes)
  const named = day === undefined ? undefined : DAYS.indexOf(day.toLowerCase())
  if (Number(hours) > 23 || Number(minutes) > 59 || named === -1) throw usage(word)
  const days = named === undefined ? DAYS.keys() : [named]
  return [...days].map(day => ({ minute: day * DAY + minute, rate: rateOf(rate) }))
}

/** Bytes per second. Without a unit rclone means KiB, and others bytes: it has to be said. */
function rateOf(text: string): number | null {
  if (text.toLowerCase() === 'off') return null
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([BKMGTP])(?:i?B)?$/i.exec(text) ?? []
  const rate = Number(number) * 1024 ** UNITS.indexOf(unit.toUpperCase())
  if (number === undefined || rate < 1) throw usage(text)
  return rate
}

function usage(word: string): GlanceError {
  const expected = "a rate with its unit such as 512K, 10M or 1.5G, 'off', or a timetable"
  return new GlanceError(
    'usage',
    `--bandwidth: '${word}': expected ${expected} such as '08:00,1M 19:00,off'`,
  )
}
