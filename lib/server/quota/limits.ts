import { GlanceError } from '../../errors.ts'

/** @throws {GlanceError} `over_limit` when an image would have more of `what` than it may. */
export function enforceQuota(what: string, attempted: number, maximum: number): void {
  if (maximum < 0 || attempted <= maximum) return
  throw new GlanceError(
    'over_limit',
    `the limit has been exceeded on the number of allowed image ${what}. ` +
      `Attempted: ${attempted}, Maximum: ${maximum}`,
  )
}
