import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Abortable } from '../../abort.ts'
import { isGlanceError } from '../../errors.ts'
import { isImageId } from '../../image/image.ts'
import type { Store } from '../../store/store.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { verify } from '../../stream/verify.ts'
import type { CachedImage, ImageCache, WholeData } from './cache.ts'
import { Handover } from './handover.ts'

export interface FileCacheOptions {
  /** Bytes that {@link FileCache.prune} leaves at most. */
  readonly maxSize: number
  readonly now: () => Date
}

/** Keeps each copy in a file of a folder. How often one was read is forgotten when the service stops. */
export class FileCache implements ImageCache {
  readonly #store: Store
  readonly #options: FileCacheOptions
  readonly #images = new Map<string, CachedImage>()
  readonly #coming = new Set<string>()

  private constructor(store: Store, options: FileCacheOptions) {
    this.#store = store
    this.#options = options
  }

  /** `store` keeps its files in `folder`. */
  static async open(store: Store, folder: string, options: FileCacheOptions): Promise<FileCache> {
    const cache = new FileCache(store, options)
    await store.recover()
    for (const imageId of await readdir(folder)) {
      if (!isImageId(imageId)) continue
      const { size, atime, mtime } = await stat(join(folder, imageId))
      const found = { imageId, hits: 0, lastAccessed: atime, lastModified: mtime, size }
      cache.#images.set(imageId, found)
    }
    return cache
  }

  list(): readonly CachedImage[] {
    return [...this.#images.values()]
  }

  has(imageId: string): boolean {
    return this.#images.has(imageId)
  }

  async open(imageId: string, options: Abortable = {}): Promise<Bytes | undefined> {
    const image = this.#images.get(imageId)
    if (image === undefined) return undefined
    try {
      const data = await this.#store.open(this.#store.locate(imageId), null, options)
      const lastAccessed = this.#options.now()
      this.#images.set(imageId, { ...image, hits: image.hits + 1, lastAccessed })
      return data
    } catch (error) {
      if (!isGlanceError(error)) throw error
      this.#images.delete(imageId)
      return undefined
    }
  }

  async *keep(imageId: string, data: Bytes, whole: WholeData): AsyncGenerator<Uint8Array, void> {
    if (this.#images.has(imageId) || this.#coming.has(imageId)) {
      yield* data
      return
    }
    this.#coming.add(imageId)
    const handover = new Handover()
    const kept = this.#add(imageId, handover, whole)
    try {
      for await (const chunk of data) {
        await handover.give(chunk)
        yield chunk
      }
      handover.end()
    } finally {
      handover.breakOff()
      await kept
      this.#coming.delete(imageId)
    }
  }

  async delete(imageId: string): Promise<void> {
    if (!this.#images.delete(imageId)) return
    await this.#remove(imageId)
  }

  async clear(): Promise<void> {
    for (const { imageId } of this.list()) await this.delete(imageId)
  }

  async prune(): Promise<{ readonly files: number; readonly bytes: number }> {
    const oldestFirst = this.list().toSorted(
      (a, b) => a.lastAccessed.getTime() - b.lastAccessed.getTime(),
    )
    let total = oldestFirst.reduce((sum, { size }) => sum + size, 0)
    let files = 0
    let bytes = 0
    for (const { imageId, size } of oldestFirst) {
      if (total <= this.#options.maxSize) break
      await this.delete(imageId)
      total -= size
      files += 1
      bytes += size
    }
    return { files, bytes }
  }

  async clean(): Promise<void> {
    if (this.#coming.size === 0) await this.#store.recover()
  }

  async #add(imageId: string, handover: Handover, { size, checksum }: WholeData): Promise<void> {
    try {
      const checked = verify(handover, { size, checksum, digest: null })
      await this.#store.add(imageId, checked, size)
      const now = this.#options.now()
      this.#images.set(imageId, { imageId, hits: 0, lastAccessed: now, lastModified: now, size })
    } catch {
      handover.refuse() // Who reads has it from elsewhere.
    }
  }

  async #remove(imageId: string): Promise<void> {
    try {
      await this.#store.delete(this.#store.locate(imageId))
    } catch (error) {
      if (!isGlanceError(error, 'not_found')) throw error
    }
  }
}
