import { GlanceError } from '../errors.ts'
import type { ImageChange, ImageRecord } from './database.ts'
import type { Member } from '../image/member.ts'
import type { Task } from '../image/task.ts'

/** How many characters (code points) names and the like have at most, in every database. */
const MOST = 255

/** The same for the names of formats and of what digests are computed by. */
const MOST_OF_FORMATS = 64

/** The same for numbers of gibibytes and mebibytes. */
const LARGEST = 2 ** 31 - 1

/** @throws {GlanceError} `invalid`, which names what is too long, or too much. */
export function requireImageFits(image: Partial<ImageRecord> | ImageChange): void {
  requireShort('the name of an image', image.name)
  requireShort('the owner of an image', image.owner)
  for (const tag of image.tags ?? []) requireShort('a tag', tag)
  for (const name of image.properties?.keys() ?? []) requireShort('the name of a property', name)
  requireShort('disk_format', image.diskFormat, MOST_OF_FORMATS)
  requireShort('container_format', image.containerFormat, MOST_OF_FORMATS)
  requireShort('checksum', image.checksum, 32)
  requireShort('os_hash_algo', image.digest?.algorithm, MOST_OF_FORMATS)
  requireShort('os_hash_value', image.digest?.value, 128)
  requireSmall('min_disk', image.minDisk)
  requireSmall('min_ram', image.minRam)
}

/** @throws {GlanceError} as {@link requireImageFits}. */
export function requireMemberFits({ memberId }: Member): void {
  requireShort('the project of a member', memberId)
}

/** @throws {GlanceError} as {@link requireImageFits}. */
export function requireTaskFits({ owner, requestId, userId }: Task): void {
  requireShort('the owner of a task', owner)
  requireShort('the request id of a task', requestId)
  requireShort('the user of a task', userId)
}

function requireSmall(what: string, value = 0): void {
  if (value <= LARGEST) return
  throw new GlanceError('invalid', `${what} is ${LARGEST} at most, not ${value}`)
}

function requireShort(what: string, text: string | null | undefined, most = MOST): void {
  // Text has no more characters than it has units.
  if (text === null || text === undefined || text.length <= most) return
  const length = Array.from(text).length
  if (length <= most) return
  throw new GlanceError('invalid', `${what} has ${most} characters at most, not ${length}`)
}
