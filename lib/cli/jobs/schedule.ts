import type { Cron } from 'croner'
import { GlanceError, messageOf } from '../../errors.ts'

/** When a job is due. */
export interface Schedule {
  /** The first time after this one; undefined when there is none. */
  next(after: Date): Date | undefined
}

/** @throws {GlanceError} `usage`, naming `time-zone` or `schedule`. */
export async function parseSchedule(
  expression: string,
  timeZone: string | undefined,
): Promise<Schedule> {
  const croner = await import('croner')
  try {
    if (timeZone !== undefined) new Intl.DateTimeFormat('en', { timeZone }).format()
  } catch (cause) {
    const message = `time-zone: there is no '${timeZone}'; expected one such as Europe/Berlin`
    throw new GlanceError('usage', message, { cause })
  }
  if (/^\d{4}-\d\d-\d\d/.test(expression)) {
    throw new GlanceError('usage', 'schedule: expected a cron expression, not a single time')
  }
  let cron: Cron
  try {
    // It is only asked for times: without a function it starts no timer.
    cron = new croner.Cron(expression, timeZone === undefined ? {} : { timezone: timeZone })
  } catch (cause) {
    const reason = messageOf(cause).replace(/^[^:]*: /, '')
    const message = `schedule: expected a cron expression such as '17 2 * * *': ${reason}`
    throw new GlanceError('usage', message, { cause })
  }
  if (cron.nextRun() === null) {
    throw new GlanceError('usage', `schedule: '${expression}' is never due`)
  }
  // What has an hour of its own is due once on a day, whatever happens to clocks.
  const isAnyHour = /^(@hourly|(\S+ +)?\S+ +\* +\S+ +\S+ +\S+)$/.test(expression.trim())
  if (!isAnyHour) return { next: after => cron.nextRun(after) ?? undefined }
  const nextBy = (offset: number, after: Date) =>
    new croner.Cron(expression, { utcOffset: offset }).nextRun(after) ?? undefined
  return { next: after => inAnyHour(after, offsetsOf(timeZone), nextBy) }
}

/**
 * What is due in every hour is so too in the one that comes twice when clocks are set back, of which the library leaves one
 * out: so it is asked by the offset that holds now, and behind where that changes by the one that holds then.
 */
function inAnyHour(
  after: Date,
  offsetAt: (time: Date) => number,
  nextBy: (offset: number, after: Date) => Date | undefined,
): Date | undefined {
  const offset = offsetAt(after)
  const next = nextBy(offset, after)
  if (next === undefined || offsetAt(next) === offset) return next
  // The last second of the offset, and one behind it.
  let [last, behind] = [after.getTime(), next.getTime()]
  while (behind - last > 1000) {
    const middle = Math.floor((last + behind) / 2)
    if (offsetAt(new Date(middle)) === offset) last = middle
    else behind = middle
  }
  return nextBy(offsetAt(next), new Date(last))
}

/** Minutes that clocks are ahead of UTC, by time. */
function offsetsOf(timeZone: string | undefined): (time: Date) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
  return time => {
    const parts = format.formatToParts(time)
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign, hours = 0, minutes = 0] = /GMT([+-])(\d+):(\d+)/.exec(name) ?? []
    return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  }
}
