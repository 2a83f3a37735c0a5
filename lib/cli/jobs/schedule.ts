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
  const { Cron } = await import('croner')
  try {
    if (timeZone !== undefined) new Intl.DateTimeFormat('en', { timeZone }).format()
  } catch (cause) {
    const message = `time-zone: there is no '${timeZone}'; expected one such as Europe/Berlin`
    throw new GlanceError('usage', message, { cause })
  }
  try {
    // It is only asked for times: without a function it starts no timer.
    const cron = new Cron(expression, timeZone === undefined ? {} : { timezone: timeZone })
    return { next: after => cron.nextRun(after) ?? undefined }
  } catch (cause) {
    const reason = messageOf(cause).replace(/^[^:]*: /, '')
    const message = `schedule: expected a cron expression such as '17 2 * * *': ${reason}`
    throw new GlanceError('usage', message, { cause })
  }
}
