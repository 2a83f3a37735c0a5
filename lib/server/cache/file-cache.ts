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

/** A copy, and what it is a copy of. */
interface Copy extends CachedImage {
  readonly checksum: string | null
}

/** A copy that is being made. */
interface Coming {
  readonly handover: Handover
  /** Whether it is to come to nothing. */
  isCancelled: boolean
  /** When it has come, or to nothing. */
  done: Promise<void>
}

export interface FileCacheOptions {
  /** Bytes that {@link FileCache.prune} leaves at most. */
  readonly maxSize: number
  readonly now: () => Date
  /** Whether other processes keep copies in the folder as well, of which nothing is to be removed. Default false. */
  readonly isShared?: boolean
}

/** Keeps each copy in a file of a folder. How often one was read is forgotten when the service stops. */
export class FileCache implements ImageCache {
  readonly #store: Store
  readonly #options: FileCacheOptions
  readonly #images = new Map<string, Copy>()
  readonly #coming = new Map<string, Coming>()

  private constructor(store: Store, options: FileCacheOptions) {
    this.#store = store
    this.#options = options
  }

  /**
   * `store` keeps its files in `folder`. Those that an earlier service left there are adopted as copies of what
   * `wholeOf` says that their images have, since that data does not change; files of another size, and of images that
   * are no more, are removed.
   */
  static async open(
    store: Store,
    folder: string,
    wholeOf: (imageId: string) => Promise<WholeData | null>,
    options: FileCacheOptions,
  ): Promise<FileCache> {
    const cache = new FileCache(store, options)
    const { isShared = false } = options
    if (!isShared) await store.recover()
    for (const imageId of await readdir(folder)) {
      if (!isImageId(imageId)) continue
      const { size, atime, mtime } = await stat(join(folder, imageId))
      const whole = await wholeOf(imageId)
      if (whole?.size === size) {
        const { checksum } = whole
        const times = { lastAccessed: atime, lastModified: mtime }
        cache.#images.set(imageId, { imageId, hits: 0, ...times, size, checksum })
      } else if (!isShared) await cache.#remove(imageId)
    }
    return cache
  }

  list(): readonly CachedImage[] {
    return [...this.#images.values()]
  }

  has(imageId: string): boolean {
    return this.#images.has(imageId)
  }

  async open(
    imageId: string,
    { size, checksum }: WholeData,
    options: Abortable = {},
  ): Promise<Bytes | undefined> {
    const image = this.#images.get(imageId)
    if (image === undefined) return undefined
    if (image.size !== size || image.checksum !== checksum) {
      await this.delete(imageId)
      return undefined
    }
    try {
      const data = await this.#store.open(this.#store.locate(imageId), null, options)
      const lastAccessed = this.#options.now()
      // It may have been deleted while it was opened.
      if (this.#images.get(imageId) === image) {
        this.#images.set(imageId, { ...image, hits: image.hits + 1, lastAccessed })
      }
      return data
    } catch (error) {
      if (!isGlanceError(error)) throw error
      this.#images.delete(imageId)
      return undefined
    }
  }

  async *keep(
    imageId: string,
    data: Bytes,
    whole: WholeData,
    isWanted: () => Promise<boolean>,
  ): AsyncGenerator<Uint8Array, void> {
    if (this.#images.has(imageId) || this.#coming.has(imageId)) {
      yield* data
      return
    }
    const handover = new Handover()
    const coming: Coming = { handover, isCancelled: false, done: Promise.resolve() }
    this.#coming.set(imageId, coming)
    coming.done = this.#add(imageId, coming, whole, isWanted)
    try {
      for await (const chunk of data) {
        await handover.give(chunk)
        yield chunk
      }
      handover.end()
    } finally {
      handover.breakOff()
      await coming.done
    }
  }

  async delete(imageId: string): Promise<void> {
    const coming = this.#coming.get(imageId)
    if (coming !== undefined) {
      coming.isCancelled = true
      coming.handover.breakOff()
      await coming.done
    }
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

  async #add(
    imageId: string,
    coming: Coming,
    { size, checksum }: WholeData,
    isWanted: () => Promise<boolean>,
  ): Promise<void> {
    const { handover } = coming
    try {
      const checked = verify(handover, { size, checksum, digest: null })
      await this.#store.add(imageId, checked, size)
      // Asked last of all: an image that changes after this is forgotten after this.
      if (!(await isWanted()) || coming.isCancelled) await this.#remove(imageId)
      else {
        const now = this.#options.now()
        const times = { lastAccessed: now, lastModified: now }
        this.#images.set(imageId, { imageId, hits: 0, ...times, size, checksum })
      }
    } catch {
      handover.refuse() // Who reads has it from elsewhere.
    } finally {
      this.#coming.delete(imageId)
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
