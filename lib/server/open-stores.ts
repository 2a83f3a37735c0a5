import { join, resolve } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import { DisabledStore } from '../store/disabled.ts'
import { FilesystemStore } from '../store/filesystem.ts'
import { makeFolder } from '../store/folder.ts'
import { MemoryStore } from '../store/memory.ts'
import { openOrDisable, propertiesOf } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { wholeOf } from './cache/caching.ts'
import { FileCache } from './cache/file-cache.ts'
import { sparing } from './cache/sparing.ts'
import type { ServerConfig } from './config.ts'
import type { Service } from './domain/service.ts'
import { type ConfiguredStore, Stores } from './domain/stores.ts'
import { serviceAccount } from './open-keystone.ts'
import { storeConfigs } from './store-configs.ts'

/** Where data waits between `stage` and `import`; a name that no other store may have. */
const STAGING = 'os_glance_staging_store'

/**
 * Opens the stores of a service. One that is configured wrongly, or cannot be written to, only takes no data, and
 * `report` is told why. `opened` is told of each, so that what was opened can be closed when another fails; `asUsed` is
 * what the service then uses of it.
 * @throws {GlanceError} `usage` for stores that do not belong together.
 */
export async function openStores(
  config: ServerConfig,
  {
    opened,
    asUsed,
    report,
  }: {
    opened: (store: Store) => void
    asUsed?: (store: Store) => Store
    report: (error: unknown) => void
  },
): Promise<Stores> {
  const { all, defaultId, named } = storeConfigs(config)
  const service = serviceAccount(config)
  const stores: ConfiguredStore[] = []
  for (const settings of all) {
    const store = await openOrDisable({ ...settings, service })
    opened(store)
    const isDisabled = store instanceof DisabledStore
    if (isDisabled) {
      const message = `store ${store.id} takes no images: ${store.reason}`
      report(new GlanceError('usage', message))
    }
    const { type, options, description, weight } = settings
    const properties = propertiesOf(type, options)
    const used = asUsed?.(store) ?? store
    stores.push({ store: used, type, description, weight, properties, isDisabled })
  }
  return new Stores(stores, defaultId, named)
}

/** Opens the store in which data is staged: in memory when the images are there only, else in a folder. */
export async function openStaging(config: ServerConfig): Promise<Store> {
  const folder = stagingFolder(config)
  return folder === null ? new MemoryStore(STAGING) : await openFolder(STAGING, folder)
}

/** Where data is staged; null for a service that does it in memory. */
export function stagingFolder({ dataApi, dataDir, stagingDir }: ServerConfig): string | null {
  if (stagingDir === null && dataApi === 'simple') return null
  return stagingDir ?? join(dataDir, 'staging')
}

/**
 * Opens the cache of a service as it is; null for one without. `report` is told of what goes wrong with it while
 * somebody reads. @throws {GlanceError} `unavailable`.
 */
export async function openCache(
  config: ServerConfig,
  now: () => Date,
  report?: (error: unknown) => void,
): Promise<FileCache | null> {
  const {
    imageCacheDir,
    imageCacheMaxSize: maxSize,
    imageCacheStallTime,
    imageCacheSqliteDb,
  } = config
  if (imageCacheDir === null) return null
  const path = resolve(imageCacheDir)
  await makeFolder(path).catch((cause: unknown) => {
    const message = `the image cache ${path} cannot be made: ${messageOf(cause)}`
    throw new GlanceError('unavailable', message, { cause })
  })
  const index = join(path, imageCacheSqliteDb)
  const stallMs = imageCacheStallTime * 1000
  return await FileCache.open(path, { index, maxSize, stallMs, now, report })
}

/**
 * As {@link openCache}, of a service that has recovered: what an earlier one left there is put right, but by a process that
 * shares it, which leaves that to another.
 */
export async function openCacheAnew(
  config: ServerConfig,
  service: Service,
  isShared = false,
): Promise<FileCache | null> {
  const report = sparing(service.report, service.now)
  const cache = await openCache(config, service.now, report)
  if (!isShared) await cache?.recover(id => wholeOf(service, id))
  return cache
}

async function openFolder(id: string, path: string): Promise<Store> {
  return await FilesystemStore.open(id, { folders: [{ path, priority: 0 }] })
}
