import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Image } from '../../image/image.ts'
import type { Store } from '../../store/store.ts'
import { findVisible, requireAllowed } from '../domain/access.ts'
import { hasFinalData } from '../domain/alter.ts'
import type { RequestContext } from '../domain/context.ts'
import { dataOf, type Download, downloadImage } from '../domain/download.ts'
import { imageTarget } from '../domain/image-target.ts'
import type { Service } from '../domain/service.ts'
import type { Action } from '../policy/defaults.ts'
import type { CachedImage, CacheSource, ImageCache, Pruned, WholeData } from './cache.ts'

/** What an image has, to which copies are held; null while that is not final, and without data. */
export async function wholeOf(
  { database }: Pick<Service, 'database'>,
  id: string,
): Promise<WholeData | null> {
  const image = await database.images.find(id)
  if (image === undefined || !hasFinalData(image) || image.size === null) return null
  return { size: image.size, checksum: image.checksum }
}

/** What of a service brings images into its cache. */
type Fetching = Pick<Service, 'database' | 'stores'>

/**
 * Brings an image of the queue into the cache, and takes it off: whether it is there then. What there is no image for, or
 * no active one, only leaves the queue; what cannot be fetched now stays there. Rejects when `signal` fires.
 * @throws {GlanceError} saying why it cannot be fetched now.
 */
export async function prefetch(
  service: Fetching,
  cache: ImageCache,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const image = await service.database.images.find(id)
  if (image?.status !== 'active' || dataOf({ signal }, service, image) === null) {
    await cache.dequeue(id)
    return false
  }
  const isThere =
    (await cache.has(id)) || (await cache.fetch(id, sourceOf(service, id, image), signal))
  if (!isThere) {
    const message = `image ${id} is not in the cache: its data could not be read or kept, or another service is at it`
    throw new GlanceError('unavailable', message)
  }
  await cache.dequeue(id)
  return true
}

/** The cache of a service, and the images that are to come into it. */
export class Caching implements AsyncDisposable {
  readonly #service: Service
  readonly #cache: ImageCache | null

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
        const reader = { open: download.open, signal: context.signal }
        const { size, checksum } = download
        const cached = await cache.open(id, { size, checksum }, reader)
        if (cached !== undefined) return cached
        const source = sourceOf(this.#service, id, { size, checksum }, context.onBehalf, preferred)
        return (await cache.keep(id, source, reader)) ?? download.open(null)
      },
    }
  }

  /** What is there and what is to come. @throws {GlanceError} `forbidden`; `not_found` without a cache. */
  async list(context: RequestContext): Promise<{
    readonly cached: readonly CachedImage[]
    readonly queued: readonly string[]
  }> {
    const cache = await this.#require(context, 'cache_list')
    return { cached: await cache.list(), queued: await cache.queued() }
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
    await this.#expect(cache, id)
  }

  /** As {@link queue}, for v1: what there is no image for, or no active one, does not come. */
  async expect(context: RequestContext, id: string): Promise<void> {
    await this.#expect(await this.#require(context, 'cache_image'), id)
  }

  /** Takes an image off the queue, if it is there. @throws {GlanceError} `forbidden`; `not_found` without a cache. */
  async unqueue(context: RequestContext, id: string): Promise<void> {
    const cache = await this.#require(context, 'cache_delete')
    await cache.dequeue(id)
  }

  /** Removes the copy of an image, if there is one. @throws {GlanceError} `forbidden`; `not_found` without a cache. */
  async evict(context: RequestContext, id: string): Promise<void> {
    const cache = await this.#require(context, 'cache_delete')
    await cache.delete(id)
  }

  /** @throws {GlanceError} `forbidden`; `not_found` for what neither is an image nor was to come into the cache. */
  async delete(context: RequestContext, id: string): Promise<void> {
    const isKnown =
      (await this.#cache?.has(id)) === true || (await this.#cache?.queued())?.includes(id) === true
    const image = isKnown ? null : await findVisible(context, this.#service.database, id)
    const cache = await this.#require(context, 'cache_delete', image)
    await cache.dequeue(id)
    await cache.delete(id)
  }

  /** Forgets an image that is no more, or has no data any more. */
  async forget(id: string): Promise<void> {
    await this.#cache?.dequeue(id)
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
    const queued = target === 'cache' ? 0 : await cache.clearQueue()
    return { cached: target === 'queue' ? 0 : await cache.clear(), queued }
  }

  /** @throws {GlanceError} `forbidden`, `not_found`. */
  async clean(context: RequestContext): Promise<void> {
    await (await this.#require(context, 'cache_clean')).clean()
  }

  /** @throws {GlanceError} `forbidden`, `not_found`. */
  async prune(context: RequestContext): Promise<Pruned> {
    return (await this.#require(context, 'cache_prune')).prune()
  }

  /** As Glance without a database of all caches. @throws {GlanceError} always: `conflict` at the best. */
  async nodes(context: RequestContext, id: string): Promise<never> {
    const image = await findVisible(context, this.#service.database, id)
    await this.#require(context, 'list_cached_nodes', image)
    throw new GlanceError('conflict', 'nodes are known only to a cache in a central database')
  }

  /** Cleans up, and brings what waits in the queue into the cache, one after the other. */
  async prefetch(signal: AbortSignal): Promise<void> {
    await this.#cache?.clean()
    for (const id of (await this.#cache?.queued()) ?? []) await this.#fetch(id, signal)
  }

  /** Closes the cache. Nobody may read from it any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache?.[Symbol.asyncDispose]()
  }

  async #expect(cache: ImageCache, id: string): Promise<void> {
    if (!(await cache.enqueue(id))) return
    this.#service.background.start(signal => this.#fetch(id, signal))
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

  async #fetch(id: string, signal: AbortSignal): Promise<void> {
    const cache = this.#cache
    try {
      // It may have been taken off the queue again.
      if (cache === null || !(await cache.queued()).includes(id)) return
      await prefetch(this.#service, cache, id, signal)
    } catch (error) {
      if (!isGlanceError(error) && !signal.aborted) throw error
    }
  }
}

/** The data of an image, as long as it is what it is now; fetched in the name of whoever asked first. */
function sourceOf(
  service: Fetching,
  id: string,
  { size, checksum }: { readonly size: number | null; readonly checksum: string | null },
  onBehalf?: RequestContext['onBehalf'],
  preferred: readonly Store[] = [],
): CacheSource {
  return {
    whole: { size: size ?? 0, checksum },
    open: async signal => {
      const image = await service.database.images.find(id)
      const download =
        image === undefined ? null : dataOf({ signal, onBehalf }, service, image, preferred)
      if (download === null) throw new GlanceError('not_found', `the data of image ${id} is gone`)
      return await download.open(null)
    },
    isWanted: async () => {
      const whole = await wholeOf(service, id)
      return whole?.size === size && whole.checksum === checksum
    },
  }
}
