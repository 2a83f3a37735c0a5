import { GlanceError } from '../errors.ts'
import { isObject } from '../image/json.ts'
import type { Digests } from './repr-digest.ts'

/** Where a service says that it takes uploads which go on where they broke off: see docs/resumable-uploads.md. */
export const RESUMABLE_UPLOADS = 'resumable-uploads'

export const PARTIAL_UPLOAD = 'application/partial-upload'

const VERSION = 1

type Header = string | readonly string[] | undefined

/** Where an image's data is put, below the URL of the service. */
export function resumablePath(imageId: string): string {
  return `${RESUMABLE_UPLOADS}/images/${imageId}/file`
}

/** What a service says of it. `maxSize` in bytes, null for any; `maxAge` in seconds. */
export function resumableOffer({
  maxSize,
  maxAge,
}: {
  readonly maxSize: number | null
  readonly maxAge: number
}): object {
  const resource = resumablePath('{image_id}')
  const offer = { version: VERSION, resource, max_size: maxSize, max_age: maxAge }
  return { resumable_uploads: offer }
}

/** Whether a service that answers with this takes such uploads as we know them. */
export function offersResumable(answer: unknown): boolean {
  const offer = isObject(answer) ? answer['resumable_uploads'] : undefined
  if (!isObject(offer)) return false
  return offer['version'] === VERSION && offer['resource'] === resumablePath('{image_id}')
}

/** Whether two sets of digests can be of the same data: undefined when they have no algorithm in common. */
export function sameDigests(one: Digests, other: Digests): boolean | undefined {
  const shared = Object.keys(one).filter(algorithm => other[algorithm] !== undefined)
  if (shared.length === 0) return undefined
  return shared.every(algorithm => one[algorithm] === other[algorithm])
}

/** Bytes, as a header says them; undefined when it is missing. @throws {GlanceError} `invalid`. */
export function bytesFromHeader(name: string, header: Header): number | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header)
  throw new GlanceError('invalid', `${name} has to be a number of bytes, not ${String(header)}`)
}

/** A boolean of RFC 9651; undefined when it is missing. @throws {GlanceError} `invalid`. */
export function booleanFromHeader(name: string, header: Header): boolean | undefined {
  if (header === undefined) return undefined
  if (header === '?1' || header === '?0') return header === '?1'
  throw new GlanceError('invalid', `${name} has to be ?1 or ?0, not ${String(header)}`)
}

export function booleanToHeader(value: boolean): string {
  return value ? '?1' : '?0'
}
