import { GlanceError } from '../../errors.ts'
import type { S3Settings } from './settings.ts'

/** Parts of one object, at most. */
const MOST_PARTS = 10_000
/** Of an image of unknown size, how many parts have one size before they get twice as large. */
const ALIKE = 1000

/** Bytes of an image that are in memory at once, unless two parts of the configured size are more. */
const HELD = 32 * 1024 * 1024

/** How an image is cut into parts. */
export interface PartSizes {
  /** Bytes of a part; the first is 1. @throws {GlanceError} `over_limit` beyond what S3 takes. */
  size(number: number): number
  /** How many of a size may be in memory at once, on their way or being filled: one at least. */
  atOnce(size: number): number
}

/**
 * Parts of the configured size, larger ones when there would be more than S3 takes. Where the size of the image is not
 * known they grow as it goes on: 1000 of each size reach the 5 TiB that an object may have.
 */
export function partSizes(
  { largeObjectChunkSize: chunk, threadPools }: S3Settings,
  size: number | null,
): PartSizes {
  const held = Math.min(chunk * threadPools, Math.max(HELD, 2 * chunk))
  const even = size === null ? null : Math.max(chunk, Math.ceil(size / MOST_PARTS))
  return {
    size: number => {
      if (number > MOST_PARTS) {
        const message = `the image has more than the ${MOST_PARTS} parts that an S3 object may have`
        throw new GlanceError('over_limit', message)
      }
      return even ?? chunk * 2 ** Math.floor((number - 1) / ALIKE)
    },
    atOnce: size => Math.max(1, Math.floor(held / size)),
  }
}
