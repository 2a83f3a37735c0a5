import { GlanceError } from '../errors.ts'
import type { Digest } from '../image/digest.ts'
import type { NewLocation } from '../image/location.ts'
import { isObject } from '../image/json.ts'

/** A location as the image schema has it. */
interface LocationDocument {
  readonly url: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly validation_data?: {
    readonly checksum?: string
    readonly os_hash_algo: string
    readonly os_hash_value: string
  }
}

/** Reads a location that has been held to the image schema. */
export function newLocation(valid: unknown): NewLocation {
  const { url, metadata, validation_data: said } = valid as LocationDocument // As the schema says.
  if (said === undefined) return { url, metadata, validation: null }
  const digest = { algorithm: said.os_hash_algo, value: said.os_hash_value }
  return { url, metadata, validation: { checksum: said.checksum ?? null, digest } }
}

/** Reads the body of `POST /v2/images/{id}/locations`. @throws {GlanceError} `invalid`. */
export function parseNewLocation(body: unknown): {
  readonly url: string
  readonly digest: Digest | null
  /** As it came. */
  readonly document: Readonly<Record<string, unknown>>
} {
  if (!isObject(body)) throw invalid('a location has to be an object')
  const { url, validation_data: said = {}, ...others } = body
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw invalid(`there is no ${unknown} of a location`)
  if (typeof url !== 'string' || url === '' || url.length > 255) {
    throw invalid('url has to be there, and of 255 characters at most')
  }
  if (!isObject(said)) throw invalid('validation_data has to be an object')
  const names = Object.keys(said)
  if (names.length === 0) return { url, digest: null, document: body }
  const { os_hash_algo: algorithm, os_hash_value: value, ...rest } = said
  if (typeof algorithm !== 'string' || typeof value !== 'string' || Object.keys(rest).length > 0) {
    throw invalid('validation_data has to have os_hash_algo and os_hash_value, and nothing else')
  }
  if (!LOCATION_ALGORITHMS.includes(algorithm)) {
    throw invalid(`os_hash_algo has to be one of ${LOCATION_ALGORITHMS.join(', ')}`)
  }
  return { url, digest: { algorithm, value }, document: body }
}

/** What Glance lets whoever adds a location vouch by. */
const LOCATION_ALGORITHMS: readonly string[] = ['sha1', 'sha256', 'sha512', 'md5']

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
