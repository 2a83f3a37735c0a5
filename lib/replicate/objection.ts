import { GlanceError } from '../errors.ts'
import type { Findings } from './extras.ts'
import type { Removal, RemovalLimit } from './removal.ts'
import { WITHDRAWN } from './withdrawn.ts'

/** What went wrong before, for which images that left the source had better stay. */
export interface Doubts {
  /** How many images of the source could not be understood. */
  readonly unreadable: number
  /** How many images that the target lacks it did not get. Default 0. */
  readonly failed?: number | undefined
  readonly extras: Findings
}

/** Why no image is to go, as far as it can be told without asking: of those that would there are `going`. */
export function objection(
  { how, copiesFrom }: Pick<Removal, 'how' | 'copiesFrom'>,
  going: number,
  { extras, unreadable, failed = 0 }: Doubts,
): GlanceError | null {
  const would = `${imagesOf(going)} would be ${WITHDRAWN[how]}`
  const left = 'all are left alone'
  if (extras.ofSource === 0)
    return new GlanceError('conflict', `${would}, but the source lists none: ${left}`)
  if (unreadable > 0) {
    const message = `${would}, but not every image of the source could be read: ${left}`
    return new GlanceError('corrupt', message)
  }
  if (failed > 0) {
    const message = `${would}, but ${imagesOf(failed)} could not be copied, which may be what is to take their place: ${left}`
    return new GlanceError('conflict', message)
  }
  if (copiesFrom === null || extras.hasCopies) return null
  const message = `${would}, but the source has none of the images that copies from '${copiesFrom}' were made of, as if it were another: ${left}`
  return new GlanceError('conflict', message)
}

export function isTooMany(going: number, most: RemovalLimit, { onBoth }: Findings): boolean {
  if (most.type === 'images') return going > most.images
  // Digits behind the point are not exact: 29% of 1000 are a little less than 290.
  return Math.round(going * 1e6) > Math.round((onBoth + going) * most.percent * 1e4)
}

/** What is said when `going` images are known to be too many, and whether `others` would go was not asked any more. */
export function tooMany(
  how: Removal['how'],
  going: number,
  others: number,
  most: RemovalLimit,
  { onBoth }: Findings,
): GlanceError {
  const all = going + others
  const would = `${others > 0 ? 'up to ' : ''}${imagesOf(all)} would be ${WITHDRAWN[how]}`
  const limit = most.type === 'images' ? String(most.images) : `${most.percent}% of ${onBoth + all}`
  return new GlanceError('over_limit', `${would}, more than ${limit}: all are left alone`)
}

function imagesOf(count: number): string {
  return count === 1 ? '1 image' : `${count} images`
}
