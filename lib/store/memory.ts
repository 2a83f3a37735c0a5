import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { abortable } from '../stream/abortable.ts'
import type { Bytes } from '../stream/bytes.ts'
import { type ByteRange, checkRange } from '../stream/range.ts'
import { verifySize } from '../stream/verify.ts'
import { checkImageId } from './location.ts'
import type { Location, Store, StoredData } from './store.ts'

/** Keeps image data in this process, for as long as the store itself is kept. */
export class MemoryStore implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = ['memory']
  readonly #images = new Map<string, Kept>()

  constructor(id: string) {
    this.id = id
  }

  locate(id: string): Location {
    checkImageId(id)
    return { url: `memory://${this.id}/${id}` }
  }

  holds({ url }: Location): boolean {
    return url.startsWith(`memory://${this.id}/`)
  }

  async add(id: string, data: Bytes, size: number | null, { signal }: Abortable = {}) {
    const location = this.locate(id)
    this.#refuseDuplicate(location, id)
    const chunks: Uint8Array[] = []
    let total = 0
    for await (const chunk of verifySize(abortable(data, signal), size)) {
      chunks.push(new Uint8Array(chunk))
      total += chunk.length
    }
    signal?.throwIfAborted()
    this.#refuseDuplicate(location, id)
    this.#images.set(location.url, { id, chunks, size: total, modifiedAt: new Date() })
    return { location, size: total }
  }

  async open(
    at: Location,
    range: ByteRange | null = null,
    { signal }: Abortable = {},
  ): Promise<Bytes> {
    signal?.throwIfAborted()
    const { chunks, size } = this.#find(at)
    if (range !== null) checkRange(range, size)
    return abortable(slices(chunks, range ?? { offset: 0, length: size }), signal)
  }

  async size(at: Location): Promise<number> {
    return this.#find(at).size
  }

  async delete(at: Location): Promise<void> {
    this.#find(at)
    this.#images.delete(at.url)
  }

  async *list({ signal }: Abortable = {}): AsyncGenerator<StoredData, void> {
    for (const [url, { id, size, modifiedAt }] of this.#images) {
      signal?.throwIfAborted()
      yield { id: id.toLowerCase(), location: { url }, size, modifiedAt, isWhole: true }
    }
  }

  async recover(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#images.clear()
  }

  #find(at: Location): Kept {
    const data = this.#images.get(at.url)
    if (data === undefined) throw new GlanceError('not_found', `store ${this.id} has no such data`)
    return data
  }

  #refuseDuplicate(location: Location, id: string): void {
    if (this.#images.has(location.url)) {
      throw new GlanceError('duplicate', `store ${this.id} has data of image ${id} already`)
    }
  }
}

interface Kept {
  readonly id: string
  readonly chunks: readonly Uint8Array[]
  /** Bytes. */
  readonly size: number
  readonly modifiedAt: Date
}

async function* slices(
  chunks: readonly Uint8Array[],
  { offset, length }: ByteRange,
): AsyncGenerator<Uint8Array, void> {
  let start = 0
  for (const chunk of chunks) {
    const slice = chunk.subarray(Math.max(offset - start, 0), Math.max(offset + length - start, 0))
    if (slice.length > 0) yield slice
    start += chunk.length
  }
}
