/** The algorithms a Glance may be configured with (`hashing_algorithm`), by their names in `os_hash_algo`. */
export const DIGEST_ALGORITHMS = [
  'md5',
  'sha1',
  'sha224',
  'sha256',
  'sha384',
  'sha512',
  'sha3_224',
  'sha3_256',
  'sha3_384',
  'sha3_512',
  'blake2b',
  'blake2s',
] as const
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number]

/** A digest of an image's whole data. */
export interface Digest {
  /** `os_hash_algo`; not always one that we know, since a deployer may choose any that Python's OpenSSL has. */
  readonly algorithm: string
  /** `os_hash_value`: lower-case hex. */
  readonly value: string
}

export function isDigestAlgorithm(name: string): name is DigestAlgorithm {
  return (DIGEST_ALGORITHMS as readonly string[]).includes(name)
}
