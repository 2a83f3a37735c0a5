import type { Hash } from 'node:crypto'
import type { DigestAlgorithm } from '../image/digest.ts'
import { giveBuffer, takeBuffer } from './buffers.ts'
import type { Bytes } from './bytes.ts'
import { hashElsewhere, type RemoteHashes } from './digest-threads.ts'
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
  readonly #held = new Held()
  #here: ReadonlyMap<DigestAlgorithm, Hash> | undefined
  #elsewhere: RemoteHashes | undefined

  /** Naming an algorithm twice costs nothing. */
  constructor(algorithms: Iterable<DigestAlgorithm>) {
    this.#algorithms = [...new Set(algorithms)]
  }

  /** Takes the next chunk in; it stays untouched until this resolves. */
  async update(chunk: Uint8Array): Promise<void> {
    if (this.#algorithms.length === 0) return
    if (this.#elsewhere !== undefined) return await this.#elsewhere.update(chunk)
    if (this.#here === undefined && this.#held.bytes + chunk.length <= FEW) {
      this.#held.take(chunk)
      return
    }
    if (this.#here === undefined) this.#elsewhere = hashElsewhere(this.#algorithms)
    if (this.#elsewhere === undefined) return hashAll(this.#hashes(), chunk)
    for (const one of this.#held.chunks()) await this.#elsewhere.update(one)
    this.#held.release()
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
    for (const one of this.#held.chunks()) hashAll(this.#here, one)
    this.#held.release()
    return this.#here
  }
}

/** Copies of chunks, in as few buffers as they fit in. */
class Held {
  bytes = 0
  #buffers: Buffer[] = []
  #filled = 0

  take(chunk: Uint8Array): void {
    this.bytes += chunk.length
    for (let at = 0; at < chunk.length;) {
      let buffer = this.#buffers.at(-1)
      if (buffer === undefined || this.#filled === buffer.length) {
        this.#buffers.push((buffer = takeBuffer()))
        this.#filled = 0
      }
      const part = chunk.subarray(at, at + buffer.length - this.#filled)
      buffer.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
    }
  }

  /** What has been taken, which is there until it is released. */
  chunks(): readonly Uint8Array[] {
    return this.#buffers.map((buffer, i) =>
      i === this.#buffers.length - 1 ? buffer.subarray(0, this.#filled) : buffer,
    )
  }

  release(): void {
    for (const buffer of this.#buffers) giveBuffer(buffer)
    this.#buffers = []
  }
}

function hashAll(hashes: ReadonlyMap<DigestAlgorithm, Hash>, chunk: Uint8Array): void {
  for (const hash of hashes.values()) hash.update(chunk)
}

/** Passes the bytes through, and through `hasher`, which has the digests once the stream has ended. */
export async function* digested(data: Bytes, hasher: Hasher): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of data) {
    await hasher.update(chunk)
    yield chunk
  }
}
