import { GlanceError } from '../errors.ts'
import { type Digest, type DigestAlgorithm, isDigestAlgorithm } from '../image/digest.ts'
import type { Bytes } from './bytes.ts'
import { digested, Hasher } from './digest.ts'

/** What is known of a stream beforehand; what is null is not checked. */
export interface Expected {
  /** Bytes. */
  readonly size: number | null
  /** Hex MD5. Checked only when `digest` is null or of an algorithm that we do not know. */
  readonly checksum: string | null
  readonly digest: Digest | null
}

/**
 * Passes the bytes on, and ends in `corrupt` when they are not what is expected: before the last of them when there are
 * too many, else at the end. Of two digests only the stronger is computed.
 */
export function verify(data: Bytes, { size, checksum, digest }: Expected): Bytes {
  const sized = verifySize(data, size)
  if (digest !== null && isDigestAlgorithm(digest.algorithm)) {
    return verifyDigest(sized, digest.algorithm, digest.value)
  }
  return checksum === null ? sized : verifyDigest(sized, 'md5', checksum)
}

/**
 * Passes the bytes on, and ends in `corrupt` unless there are exactly `size`; null: any number. The last chunk is held
 * back until the end is seen, so that who counts the bytes never believes to have them all when there are more.
 */
export async function* verifySize(
  data: Bytes,
  size: number | null,
): AsyncGenerator<Uint8Array, void> {
  let seen = 0
  let last: Uint8Array | undefined
  for await (const chunk of data) {
    if (chunk.length === 0) continue
    seen += chunk.length
    if (size !== null && seen > size) {
      throw new GlanceError('corrupt', `the data goes on after the ${size} bytes expected`)
    }
    if (seen === size) last = new Uint8Array(chunk)
    else yield chunk
  }
  if (size !== null && seen < size) {
    throw new GlanceError('corrupt', `the data ends after ${seen} of the ${size} bytes expected`)
  }
  if (last !== undefined) yield last
}

async function* verifyDigest(
  data: Bytes,
  algorithm: DigestAlgorithm,
  expected: string,
): AsyncGenerator<Uint8Array, void> {
  const hasher = new Hasher([algorithm])
  yield* digested(data, hasher)
  const found = await hasher.hex(algorithm)
  // A digest that a user registered with a location is kept in the case in which it was typed.
  if (found !== expected.toLowerCase()) {
    throw new GlanceError('corrupt', `${algorithm} is ${found}, expected ${expected}`)
  }
}
