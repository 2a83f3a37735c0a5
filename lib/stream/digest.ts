import { createHash, type Hash } from 'node:crypto'
import type { DigestAlgorithm } from '../image/digest.ts'
import type { Bytes } from './bytes.ts'

/**
 * Several digests of one stream at once. Its methods wait, although the hashing is done on the caller's thread, so
 * that where it is done is nobody else's business.
 */
export class Hasher {
  readonly #hashes: ReadonlyMap<DigestAlgorithm, Hash>

  /** Naming an algorithm twice costs nothing. */
  constructor(algorithms: Iterable<DigestAlgorithm>) {
    this.#hashes = new Map(Array.from(algorithms, name => [name, createHash(openSslName(name))]))
  }

  /** Takes the next chunk in; it stays untouched until this resolves. */
  async update(chunk: Uint8Array): Promise<void> {
    for (const hash of this.#hashes.values()) hash.update(chunk)
  }

  /**
   * Lower-case hex of what was taken in so far.
   * @throws {TypeError} for an algorithm that the hasher was not made for.
   */
  async hex(algorithm: DigestAlgorithm): Promise<string> {
    const hash = this.#hashes.get(algorithm)
    if (hash === undefined) throw new TypeError(`not made to compute ${algorithm}`)
    return hash.copy().digest('hex')
  }
}

/** The name by which Node knows an algorithm that Glance calls by its name in Python. */
function openSslName(algorithm: DigestAlgorithm): string {
  if (algorithm === 'blake2b') return 'blake2b512'
  if (algorithm === 'blake2s') return 'blake2s256'
  return algorithm.replace('_', '-')
}

/** Passes the bytes through, and through `hasher`, which has the digests once the stream has ended. */
export async function* digested(data: Bytes, hasher: Hasher): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of data) {
    await hasher.update(chunk)
    yield chunk
  }
}
