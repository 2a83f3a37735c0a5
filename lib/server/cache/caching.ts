import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Image } from '../../image/image.ts'
import type { Store } from '../../store/store.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { findVisible, requireAllowed } from '../domain/access.ts'
import { hasFinalData } from '../domain/alter.ts'
import type { RequestContext } from '../domain/context.ts'
import { dataOf, type Download, downloadImage } from '../domain/download.ts'
import { imageTarget } from '../domain/image-target.ts'
import type { Service } from '../domain/service.ts'
import type { Action } from '../policy/defaults.ts'
import type { CachedImage, ImageCache, WholeData } from './cache.ts'

/** What an image has, to which copies are held; null while that is not final, and without data. */
export async function wholeOf(
  { database }: Pick<Service, 'database'>,
  id: string,
): Promise<WholeData | null> {
  const image = await database.images.find(id)
  if (image === undefined || !hasFinalData(image) || image.size === null) return null
  return { size: image.size, checksum: image.checksum }
}

/** The cache of a service, and the images that are to come into it. */
export class Caching {
  readonly #service: Service
  readonly #cache: ImageCache | null
  readonly #queue = new Set<string>()

  /** `cache` null for a service without one. */
  constructor(service: Service, cache: ImageCache | null) {
    this.#service = service
    this.#cache = cache
  }

  /**
   * As {@link downloadImage}, but what is read whole is read from the cache, or comes into it: once the data is final,
   * which that of an import under way is not.
   */
  async download(
    context: RequestContext,
    id: string,
    preferred: readonly Store[],
  ): Promise<Download | null> {
    const download = await downloadImage(context, this.#service, id, preferred)
    const cache = this.#cache
    if (cache === null || download === null || !download.isFinal) return download
    return {
      ...download,
      open: async range => {
        if (range !== null) return download.open(range)
        const { signal } = context
        const cached = await cache.open(id, download, { signal })
        return cached ?? this.#keep(cache, id, download)
      },
    }
  }

  /** What is there and what is to come. @throws {GlanceError} `forbidden`; `not_found` without a cache. */
  async list(context: RequestContext): Promise<{
    readonly cached: readonly CachedImage[]
    readonly queued: readonly string[]
  }> {
    const cache = await this.#require(context, 'cache_list')
    return { cached: cache.list(), queued: [...this.#queue] }
  }

  /** Brings an image into the cache, soon. @throws {GlanceError} `forbidden`, `not_found`; `invalid` unless active. */
  async queue(context: RequestContext, id: string): Promise<void> {
    const image = await findVisible(context, this.#service.database, id)
    const cache = await this.#require(context, 'cache_image', image)
    if (image.status !== 'active') {
      throw new GlanceError(
        'invalid',
        'only images with status active can be targeted for queueing',
      )
    }
    this.#expect(cache, id)
  }

  /** As {@link queue}, for v1: what there is no image for, or no active one, does not come. */
  async expect(context: RequestContext, id: string): Promise<void> {
    this.#expect(await this.#require(context, 'cache_image'), id)
  }

  /** Takes an image off the queue, if it is there. @throws {GlanceError} `forbidden`; `not_found` without a cache. */
  async unqueue(context: RequestContext, id: string): Promise<void> {
    await this.#require(context, 'cache_delete')
    this.#queue.delete(id)
  }

  /** Removes the copy of an image, if there is one. @throws {GlanceError} `forbidden`; `not_found` without a cache. */
  async evict(context: RequestContext, id: string): Promise<void> {
    const cache = await this.#require(context, 'cache_delete')
    await cache.delete(id)
  }

  /** @throws {GlanceError} `forbidden`; `not_found` for what neither is an image nor was to come into the cache. */
  async delete(context: RequestContext, id: string): Promise<void> {
    const isKnown = this.#queue.has(id) || this.#cache?.has(id) === true
    const image = isKnown ? null : await findVisible(context, this.#service.database, id)
    const cache = await this.#require(context, 'cache_delete', image)
    this.#queue.delete(id)
    await cache.delete(id)
  }

  /** Forgets an image that is no more, or has no data any more. */
  async forget(id: string): Promise<void> {
    this.#queue.delete(id)
    await this.#cache?.delete(id)
  }

  /**
   * Says how many there were. `target` is `cache`, `queue`, or empty for both.
   * @throws {GlanceError} `forbidden`, `not_found`, `invalid`.
   */
  async clear(
    context: RequestContext,
    target: string,
  ): Promise<{ readonly cached: number; readonly queued: number }> {
    const cache = await this.#require(context, 'cache_delete')
    if (!['cache', 'queue', ''].includes(target)) {
      throw new GlanceError(
        'invalid',
        "if provided 'x-image-cache-clear-target' must be 'cache', 'queue' or empty string.",
      )
    }
    const counts = { cached: cache.list().length, queued: this.#queue.size }
    if (target !== 'queue') await cache.clear()
    if (target !== 'cache') this.#queue.clear()
    return counts
  }

  /** @throws {GlanceError} `forbidden`, `not_found`. */
  async clean(context: RequestContext): Promise<void> {
    await (await this.#require(context, 'cache_clean')).clean()
  }

  /** @throws {GlanceError} `forbidden`, `not_found`. */
  async prune(
    context: RequestContext,
  ): Promise<{ readonly files: number; readonly bytes: number }> {
    return (await this.#require(context, 'cache_prune')).prune()
  }

  /** As Glance without a database of all caches. @throws {GlanceError} always: `conflict` at the best. */
  async nodes(context: RequestContext, id: string): Promise<never> {
    const image = await findVisible(context, this.#service.database, id)
    await this.#require(context, 'list_cached_nodes', image)
    throw new GlanceError('conflict', 'nodes are known only to a cache in a central database')
  }

  async #keep(cache: ImageCache, id: string, download: Download): Promise<Bytes> {
    const { size, checksum } = download
    return cache.keep(id, await download.open(null), { size, checksum }, async () => {
      const whole = await wholeOf(this.#service, id)
      return whole?.size === size && whole.checksum === checksum
    })
  }

  #expect(cache: ImageCache, id: string): void {
    if (cache.has(id) || this.#queue.has(id)) return
    this.#queue.add(id)
    this.#service.background.start(signal => this.#fetch(cache, id, signal))
  }

  async #require(
    context: RequestContext,
    action: Action,
    image: Image | null = null,
  ): Promise<ImageCache> {
    await requireAllowed(context, action, image === null ? {} : imageTarget(context, image))
    if (this.#cache !== null) return this.#cache
    throw new GlanceError('not_found', 'caching via API is not supported at this site.')
  }

  async #fetch(cache: ImageCache, id: string, signal: AbortSignal): Promise<void> {
    try {
      // It may have been taken off the queue again.
      if (!this.#queue.has(id)) return
      const image = await this.#service.database.images.find(id)
      if (image?.status !== 'active') return
      const download = dataOf({ signal }, this.#service, image)
      if (download === null) return
      for await (const chunk of await this.#keep(cache, id, download)) {
        if (chunk.length > 0) signal.throwIfAborted()
      }
    } catch (error) {
      if (!isGlanceError(error) && !signal.aborted) throw error
    } finally {
      this.#queue.delete(id)
    }
  }
}
