import { GlanceError } from '../errors.ts'
import { type Digest, type DigestAlgorithm, isDigestAlgorithm } from '../image/digest.ts'
import { copied } from './buffers.ts'
import type { Bytes } from './bytes.ts'
import type { Crc32 } from './crc.ts'
import { Hasher } from './digest.ts'

/** What is known of a stream beforehand; what is null is not checked. */
export interface Expected {
  /** Bytes. */
  readonly size: number | null
  /** Hex MD5. Checked only when `digest` is null or of an algorithm that we do not know. */
  readonly checksum: string | null
  readonly digest: Digest | null
  /**
   * The CRC-32 that who reads the data computes of it. Where it is given no digest is computed: for data that others prove
   * afterwards.
   */
  readonly crc32?: { readonly found: Crc32; readonly wanted: string } | null | undefined
}

/**
 * Passes the bytes on, and ends in `corrupt` unless they are what is expected. The last chunk is held back until that is
 * known, so that who counts the bytes never believes to have them all when they are wrong; where the size is not known,
 * all are passed on. Of two digests only the stronger is computed, and none where there is a CRC-32.
 */
export async function* verify(
  data: Bytes,
  { size, checksum, digest, crc32 = null }: Expected,
): AsyncGenerator<Uint8Array, void> {
  const [algorithm, wanted] = strongest(checksum, digest)
  const hasher = new Hasher(wanted === null || crc32 !== null ? [] : [algorithm])
  let seen = 0
  let last: Bytes | undefined
  for await (const chunk of data) {
    if (chunk.length === 0) continue
    seen += chunk.length
    if (size !== null && seen > size) {
      throw new GlanceError('corrupt', `the data goes on after the ${size} bytes expected`)
    }
    if (crc32 === null) await hasher.update(chunk)
    if (seen === size) last = copied(chunk)
    else yield chunk
  }
  if (size !== null && seen < size) {
    throw new GlanceError('corrupt', `the data ends after ${seen} of the ${size} bytes expected`)
  }
  if (crc32 !== null && crc32.found.hex !== crc32.wanted) {
    throw new GlanceError('corrupt', `crc32 is ${crc32.found.hex}, expected ${crc32.wanted}`)
  }
  if (wanted !== null && crc32 === null) {
    const found = await hasher.hex(algorithm)
    // A digest that a user registered with a location is kept in the case in which it was typed.
    if (found !== wanted.toLowerCase()) {
      throw new GlanceError('corrupt', `${algorithm} is ${found}, expected ${wanted}`)
    }
  }
  if (last !== undefined) yield* last
}

/** Passes the bytes on, and ends in `corrupt` unless there are exactly `size`, as {@link verify}; null: any number. */
export function verifySize(data: Bytes, size: number | null): AsyncGenerator<Uint8Array, void> {
  return verify(data, { size, checksum: null, digest: null })
}

function strongest(
  checksum: string | null,
  digest: Digest | null,
): [algorithm: DigestAlgorithm, wanted: string | null] {
  if (digest !== null && isDigestAlgorithm(digest.algorithm))
    return [digest.algorithm, digest.value]
  return ['md5', checksum]
}
