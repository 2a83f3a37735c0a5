import { GlanceError, messageOf } from '../../errors.ts'
import { isImageId } from '../../image/image.ts'
import type { CachedImage, ImageCache, Pruned } from '../../server/cache/cache.ts'
import type { ServerConfig } from '../../server/config.ts'
import { cachedText, queuedText } from '../cache-table.ts'
import type { Command, CommandContext } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { countOf, formatBytes } from '../format.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import { serviceConfig, serviceDatabase } from '../service-database.ts'
import { openStoresOf } from '../service-stores.ts'

type CacheOptions = CommonOptions & ServiceOptions

interface OneImage extends CacheOptions {
  readonly image: string
}

const IMAGE = { type: 'string', describe: 'The id of the image' } as const

/** What all of these commands have in common. */
const COMMON = { positionals: {}, options: SERVICE, rows: 'rows' } as const

interface CacheListSummary {
  readonly cached: readonly CachedImage[]
  /** Ids. */
  readonly queued: readonly string[]
}

const list: Command<CacheOptions, never, CacheListSummary> = {
  ...COMMON,
  name: 'cache list',
  summary: 'List what is in the image cache of a service, and what is to come',
  // oxlint-disable-next-line require-yield
  async *run(options, context) {
    await using cache = await openCacheOf(await serviceConfig(options), context)
    return { cached: await cache.list(), queued: await cache.queued() }
  },
  exitStatus: () => EXIT_STATUS.done,
  views: {
    row: () => undefined,
    summary: ({ cached, queued }) => `${cachedText(cached)}\n${queuedText(queued)}`,
  },
}

const queue: Command<OneImage, never, { readonly image: string; readonly queued: boolean }> = {
  ...COMMON,
  name: 'cache queue',
  summary: 'Put an image on the queue of the image cache',
  positionals: { image: IMAGE },
  // oxlint-disable-next-line require-yield
  async *run(options, context) {
    const image = imageIdOf(options.image)
    await using cache = await openCacheOf(await serviceConfig(options), context)
    return { image, queued: await cache.enqueue(image) }
  },
  exitStatus: () => EXIT_STATUS.done,
  views: {
    row: () => undefined,
    summary: ({ image, queued }) =>
      queued
        ? `Queued image ${image} for caching`
        : `Image ${image} is cached, on its way or queued already`,
  },
}

interface CacheDeleteOptions extends CacheOptions {
  readonly image: string | undefined
  readonly allCached: boolean
  readonly allQueued: boolean
  readonly force: boolean
}

interface CacheDeleteSummary {
  /** Null for all. */
  readonly image: string | null
  /** How many were there. */
  readonly totals: { readonly cached: number; readonly queued: number }
}

const remove: Command<CacheDeleteOptions, never, CacheDeleteSummary> = {
  ...COMMON,
  name: 'cache delete',
  summary: 'Take an image, or all, out of the image cache and off its queue',
  positionals: { image: { ...IMAGE, demandOption: false } },
  options: {
    ...SERVICE,
    'all-cached': { type: 'boolean', default: false, describe: 'All that are in the cache' },
    'all-queued': { type: 'boolean', default: false, describe: 'All that are on the queue' },
    force: { alias: 'f', type: 'boolean', default: false, describe: 'Do not ask before' },
  },
  // oxlint-disable-next-line require-yield
  async *run(options, context) {
    const { allCached, allQueued, force } = options
    const isAll = allCached || allQueued
    if (isAll === (options.image !== undefined)) {
      throw new GlanceError('usage', 'give the id of an image, or --all-cached or --all-queued')
    }
    const image = options.image === undefined ? null : imageIdOf(options.image)
    await using cache = await openCacheOf(await serviceConfig(options), context)
    const all = [allCached ? 'cached' : [], allQueued ? 'queued' : []].flat().join(' and ')
    const named = image === null ? `all ${all} images` : `cached image ${image}`
    const answer = force || (await context.confirm(`Delete ${named}?`))
    if (answer === null) {
      throw new GlanceError(
        'usage',
        'nobody is there to be asked: give --force to delete all the same',
      )
    }
    if (!answer) return { image, totals: { cached: 0, queued: 0 } }
    if (image !== null) return { image, totals: await removeOne(cache, image) }
    const cached = allCached ? await cache.clear() : 0
    return { image, totals: { cached, queued: allQueued ? await cache.clearQueue() : 0 } }
  },
  exitStatus: () => EXIT_STATUS.done,
  views: {
    row: () => undefined,
    summary: ({ totals: { cached, queued } }) =>
      `Deleted ${cached} cached images and ${queued} queued images`,
  },
}

const prune: Command<CacheOptions, never, Pruned> = {
  ...COMMON,
  name: 'cache prune',
  summary: 'Delete from the image cache what was read the longest ago, down to its limit',
  // oxlint-disable-next-line require-yield
  async *run(options, context) {
    await using cache = await openCacheOf(await serviceConfig(options), context)
    return await cache.prune()
  },
  exitStatus: () => EXIT_STATUS.done,
  views: {
    row: () => undefined,
    summary: ({ files, bytes }) => `${countOf(files, 'image')} pruned (${formatBytes(bytes)})`,
  },
}

const clean: Command<CacheOptions, never, { readonly files: number }> = {
  ...COMMON,
  name: 'cache clean',
  summary: 'Delete from the image cache what came to nothing',
  // oxlint-disable-next-line require-yield
  async *run(options, context) {
    await using cache = await openCacheOf(await serviceConfig(options), context)
    return { files: await cache.clean() }
  },
  exitStatus: () => EXIT_STATUS.done,
  views: { row: () => undefined, summary: ({ files }) => `${countOf(files, 'file')} removed` },
}

interface PrefetchRow {
  readonly id: string
  /** `skipped`: there is no such image, or it is not active. */
  readonly status: 'cached' | 'skipped' | 'failed'
  /** Null unless it failed. */
  readonly error: string | null
}

type PrefetchSummary = Readonly<Record<'totals', Record<PrefetchRow['status'], number>>>

const fetchQueued: Command<CacheOptions, PrefetchRow, PrefetchSummary> = {
  ...COMMON,
  name: 'cache prefetch',
  summary: 'Bring the images on the queue into the image cache',
  rows: 'images',
  async *run(options, context) {
    const { log, signal } = context
    const config = await serviceConfig(options)
    await using cache = await openCacheOf(config, context)
    const { prefetch } = await import('../../server/cache/caching.ts')
    const { requireReady } = await import('../../server/ready-database.ts')
    await using database = await serviceDatabase(config, { wanted: false, signal })
    await requireReady(database)
    await using opened = await openStoresOf(config, context)
    const service = { database, stores: opened.stores }
    const totals = { cached: 0, skipped: 0, failed: 0 }
    for (const id of await cache.queued()) {
      const row = await prefetch(service, cache, id, signal).then(
        isThere => rowOf(id, isThere ? 'cached' : 'skipped'),
        (error: unknown) => {
          signal.throwIfAborted()
          return rowOf(id, 'failed', messageOf(error))
        },
      )
      if (row.error !== null) log.error(`${id}: ${row.error}`)
      totals[row.status] += 1
      yield row
    }
    return { totals }
  },
  exitStatus: ({ totals }) => (totals.failed === 0 ? EXIT_STATUS.done : EXIT_STATUS.differences),
  views: {
    row: ({ id, status }) => (status === 'failed' ? undefined : `${id}: ${status}`),
    summary: ({ totals: { cached, skipped, failed } }) =>
      `${countOf(cached, 'image')} cached, ${skipped} skipped, ${failed} failed`,
  },
}

/** All that there is to do with the image cache of a service, whether that runs or not. */
export const CACHE = { list, queue, remove, prune, clean, fetchQueued }

/** @throws {GlanceError} `usage` for a service without a cache. */
async function openCacheOf(
  config: ServerConfig,
  { program: { clock } }: CommandContext,
): Promise<ImageCache> {
  const { openCache } = await import('../../server/open-stores.ts')
  const cache = await openCache(config, () => clock.now())
  if (cache !== null) return cache
  throw new GlanceError('usage', 'image_cache_dir is not set: the service has no image cache')
}

async function removeOne(cache: ImageCache, id: string): Promise<CacheDeleteSummary['totals']> {
  const cached = Number(await cache.has(id))
  const queued = Number((await cache.queued()).includes(id))
  await cache.dequeue(id)
  await cache.delete(id)
  return { cached, queued }
}

function imageIdOf(text: string): string {
  if (isImageId(text)) return text
  throw new GlanceError('usage', `image ID '${text}' is not a valid UUID`)
}

function rowOf(
  id: string,
  status: PrefetchRow['status'],
  error: string | null = null,
): PrefetchRow {
  return { id, status, error }
}
