import { join } from 'node:path'
import { GlanceError, unreachable } from '../errors.ts'
import { openStore, type StoreConfig } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import type { ImageCache } from './cache/cache.ts'
import { wholeOf } from './cache/caching.ts'
import { FileCache } from './cache/file-cache.ts'
import type { ServerConfig } from './config.ts'
import type { Service } from './domain/service.ts'
import { type ConfiguredStore, Stores } from './domain/stores.ts'
import { checkStoreIds, type StoreSettings } from './store-settings.ts'

/** Where data waits between `stage` and `import`; a name that no other store may have. */
const STAGING = 'os_glance_staging_store'

/**
 * Opens the stores of a service. `opened` is told of each, so that what was opened can be closed when another fails.
 * @throws {GlanceError} `usage`; `unavailable` when a store cannot be written to.
 */
export async function openStores(
  config: ServerConfig,
  opened: (store: Store) => void,
): Promise<Stores> {
  const { enabledBackends, defaultBackend } = config
  const open = async (settings: StoreConfig): Promise<Store> => {
    const store = await openStore(settings)
    opened(store)
    return store
  }
  if (enabledBackends.length === 0) {
    const only = { store: await open(onlyStore(config)), ...UNNAMED }
    const http = {
      store: await open({ type: 'http', id: 'http', filter: config.imports.filter }),
      ...UNNAMED,
    }
    return new Stores([only, http], only.store.id, false)
  }
  checkStoreIds(enabledBackends)
  const first = enabledBackends.find(({ id }) => id === defaultBackend)
  if (first === undefined || first.type === 'http') {
    const message = `[glance_store] default_backend: expected one of enabled_backends that can be written to`
    throw new GlanceError('usage', `${message}, found '${defaultBackend ?? ''}'`)
  }
  const stores: ConfiguredStore[] = []
  for (const settings of enabledBackends) {
    const storeConfig = configOf(settings, config)
    stores.push({
      store: await open(storeConfig),
      type: settings.type,
      description: settings.description ?? null,
      weight: settings.weight ?? 0,
      properties: propertiesOf(storeConfig),
    })
  }
  return new Stores(stores, first.id, true)
}

/** Opens the store in which data is staged: in memory when the images are there only, else in a folder. */
export async function openStaging({ dataApi, dataDir, stagingDir }: ServerConfig): Promise<Store> {
  if (stagingDir === null && dataApi === 'simple') return openStore({ type: 'memory', id: STAGING })
  const datadir = stagingDir ?? join(dataDir, 'staging')
  return openStore({ type: 'file', id: STAGING, datadir })
}

/** Opens the cache of a service that has recovered; null for one without. @throws {GlanceError} `unavailable`. */
export async function openCache(
  { imageCacheDir: datadir, imageCacheMaxSize: maxSize }: ServerConfig,
  service: Service,
): Promise<ImageCache | null> {
  if (datadir === null) return null
  const store = await openStore({ type: 'file', id: 'cache', datadir })
  const { now } = service
  return FileCache.open(store, datadir, id => wholeOf(service, id), { maxSize, now })
}

/** What nobody is told of a store without a name. */
const UNNAMED = { type: '', description: null, weight: 0, properties: {} } as const

function onlyStore({ store, storeDir, dataDir }: ServerConfig): StoreConfig {
  if (store === 'memory') return { type: 'memory', id: 'memory' }
  return { type: 'file', id: 'file', datadir: storeDir ?? join(dataDir, 'images') }
}

function configOf(
  { id, type, datadir }: StoreSettings,
  { imports: { filter } }: ServerConfig,
): StoreConfig {
  switch (type) {
    case 'memory':
      return { type, id }
    case 'http':
      return { type, id, filter }
    case 'file':
      if (datadir !== undefined && datadir !== null) return { type, id, datadir }
      throw new GlanceError('usage', `[${id}] filesystem_store_datadir: has to be set`)
    default:
      return unreachable(type)
  }
}

/** As `/v2/info/stores/detail` tells them. */
function propertiesOf(config: StoreConfig): Readonly<Record<string, unknown>> {
  if (config.type !== 'file') return {}
  // Of how Glance's own file store works, what holds for ours: the size of a write, and that zeros are written.
  return { data_dir: config.datadir, chunk_size: 1024 * 1024, thin_provisioning: false }
}
