import type { Hash } from 'node:crypto'
import type { DigestAlgorithm } from '../image/digest.ts'
import type { Bytes } from './bytes.ts'
import { hashElsewhere, type RemoteHashes } from './digest-threads.ts'
import { freeAtOnce } from './free-at-once.ts'
import { hashBy } from './hash-by.ts'

/** Bytes that are hashed where they are: to hand so few to another thread takes longer. */
const FEW = 1024 * 1024

/**
 * Several digests of one stream at once: of a long one on other threads, which all streams share, each algorithm on
 * one of its own as far as there are processors.
 */
export class Hasher {
  readonly #algorithms: readonly DigestAlgorithm[]
  /** What came until it is known whether the stream is long. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #here: ReadonlyMap<DigestAlgorithm, Hash> | undefined
  #elsewhere: RemoteHashes | undefined

  /** Naming an algorithm twice costs nothing. */
  constructor(algorithms: Iterable<DigestAlgorithm>) {
    this.#algorithms = [...new Set(algorithms)]
  }

  /** Takes the next chunk in; it stays untouched until this resolves. */
  async update(chunk: Uint8Array): Promise<void> {
    if (this.#elsewhere !== undefined) return await this.#elsewhere.update(chunk)
    if (this.#here === undefined && this.#heldBytes + chunk.length <= FEW) {
      this.#held.push(Uint8Array.from(chunk))
      this.#heldBytes += chunk.length
      return
    }
    if (this.#here === undefined) this.#elsewhere = hashElsewhere(this.#algorithms)
    if (this.#elsewhere === undefined) return hashAll(this.#hashes(), [chunk])
    for (const one of this.#held) {
      await this.#elsewhere.update(one)
      freeAtOnce(one)
    }
    this.#held = []
    await this.#elsewhere.update(chunk)
  }

  /**
   * Lower-case hex of what was taken in so far.
   * @throws {TypeError} for an algorithm that the hasher was not made for.
   */
  async hex(algorithm: DigestAlgorithm): Promise<string> {
    if (!this.#algorithms.includes(algorithm)) {
      throw new TypeError(`not made to compute ${algorithm}`)
    }
    if (this.#elsewhere !== undefined) return await this.#elsewhere.hex(algorithm)
    return this.#hashes().get(algorithm)?.copy().digest('hex') ?? ''
  }

  /** Those of this thread, with all that was held. */
  #hashes(): ReadonlyMap<DigestAlgorithm, Hash> {
    this.#here ??= new Map(this.#algorithms.map(name => [name, hashBy(name)]))
    hashAll(this.#here, this.#held)
    this.#held = []
    return this.#here
  }
}

function hashAll(hashes: ReadonlyMap<DigestAlgorithm, Hash>, chunks: readonly Uint8Array[]): void {
  for (const chunk of chunks) for (const hash of hashes.values()) hash.update(chunk)
}

/** Passes the bytes through, and through `hasher`, which has the digests once the stream has ended. */
export async function* digested(data: Bytes, hasher: Hasher): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of data) {
    await hasher.update(chunk)
    yield chunk
  }
}
