import type { ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import { type DigestAlgorithm, isDigestAlgorithm } from '../../image/digest.ts'
import type { NewLocation, ValidationData } from '../../image/location.ts'
import type { Service } from './service.ts'

type Digested = Pick<ImageRecord, 'status' | 'checksum' | 'digest'>

const HEX_LENGTH = {
  md5: 32,
  sha1: 40,
  sha224: 56,
  sha256: 64,
  sha384: 96,
  sha512: 128,
  sha3_224: 56,
  sha3_256: 64,
  sha3_384: 96,
  sha3_512: 128,
  blake2b: 128,
  blake2s: 64,
} as const satisfies Record<DigestAlgorithm, number>

/** Whether `value` is written as a digest of the algorithm is, in hex. */
export function isHexOf(algorithm: string, value: string): boolean {
  return (
    isDigestAlgorithm(algorithm) &&
    value.length === HEX_LENGTH[algorithm] &&
    /^[0-9a-f]*$/i.test(value)
  )
}

/**
 * The digests that an image gets from what is said of its locations: none that it has already.
 * @throws {GlanceError} `conflict` for digests that contradict each other or the image, or are none.
 */
export function newDigests(
  { hashingAlgorithm }: Service,
  image: Digested,
  locations: readonly NewLocation[],
): Partial<Pick<Digested, 'checksum' | 'digest'>> {
  const said = new Map<keyof Attributes, string>()
  for (const { validation } of locations) {
    for (const [name, value] of Object.entries(attributesOf(validation)) as Entries) {
      if ((said.get(name) ?? value) !== value) throw conflict(`conflicting values for ${name}`)
      said.set(name, value)
    }
  }
  const current: Partial<Attributes> = attributesOf(image)
  const fresh: Partial<Attributes> = {}
  for (const [name, value] of said) {
    if (current[name] === value) continue
    if (current[name] !== undefined) {
      throw conflict(`${name} is already set with a different value`)
    }
    fresh[name] = value
  }
  if (Object.keys(fresh).length === 0) return {}
  if (image.status !== 'queued') {
    const names = Object.keys(fresh).join(', ')
    throw conflict(`new value(s) for ${names} may only be provided when image status is 'queued'`)
  }
  const { checksum, os_hash_algo: algorithm = '', os_hash_value: value = '' } = fresh
  if (checksum !== undefined && !isHexOf('md5', checksum)) {
    throw conflict(`checksum (${checksum}) is not a valid hexadecimal value of 16 bytes`)
  }
  if (algorithm !== hashingAlgorithm) {
    throw conflict(`os_hash_algo must be ${hashingAlgorithm}, not ${algorithm}`)
  }
  if (!isHexOf(algorithm, value)) {
    throw conflict(`os_hash_value (${value}) is not a valid hexadecimal value for ${algorithm}`)
  }
  return { ...(checksum !== undefined && { checksum }), digest: { algorithm, value } }
}

interface Attributes {
  checksum: string
  os_hash_algo: string
  os_hash_value: string
}

type Entries = [keyof Attributes, string][]

function attributesOf(digests: Partial<ValidationData> | Digested | null): Partial<Attributes> {
  if (digests === null) return {}
  const { checksum, digest } = digests
  return {
    ...(checksum && { checksum }),
    ...(digest && { os_hash_algo: digest.algorithm, os_hash_value: digest.value }),
  }
}

function conflict(message: string): GlanceError {
  return new GlanceError('conflict', message)
}
