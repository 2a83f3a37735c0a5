import { join } from 'node:path'
import { GlanceError } from '../errors.ts'
import { STORE_TYPES, type StoreConfig } from '../store/open.ts'
import type { ServerConfig } from './config.ts'
import { checkStoreIds } from './store-settings.ts'

/** A store as it is configured, and what the API tells of it. */
interface NamedConfig extends StoreConfig {
  readonly description: string | null
  readonly weight: number
}

/** What the configuration says of stores, or implies. */
export interface StoreConfigs {
  readonly all: readonly NamedConfig[]
  /** The id of the one that data goes to unless somebody chooses. */
  readonly defaultId: string
  /** Whether the API tells of them (`enabled_backends`). */
  readonly named: boolean
}

/** @throws {GlanceError} `usage` for stores that do not belong together. */
export function storeConfigs(config: ServerConfig): StoreConfigs {
  const { enabledBackends, defaultBackend, imports } = config
  const { filter } = imports
  if (enabledBackends.length === 0) {
    const defaultId = config.store
    const types = [defaultId, ...config.furtherStores.filter(type => type !== defaultId)]
    const all = types.map(type => {
      const options = optionsOf(type, config)
      return { id: type, type, options, filter, description: null, weight: 0 }
    })
    return { all, defaultId, named: false }
  }
  checkStoreIds(enabledBackends)
  const first = enabledBackends.find(({ id }) => id === defaultBackend)
  if (first === undefined || STORE_TYPES[first.type]?.isReadOnly === true) {
    const message = `[glance_store] default_backend: expected one of enabled_backends that can be written to`
    throw new GlanceError('usage', `${message}, found '${defaultBackend ?? ''}'`)
  }
  const all = enabledBackends.map(({ id, type, description = null, weight = 0, ...settings }) => ({
    id,
    type,
    description,
    weight,
    filter,
    options: withFolder(settings.options ?? {}, settings.datadir ?? null),
  }))
  return { all, defaultId: first.id, named: true }
}

/** What is set of the one store of a type. Options of all of them stand side by side: each takes its own. */
function optionsOf(
  type: string,
  { storeOptions, storeDir, dataDir }: ServerConfig,
): Readonly<Record<string, string>> {
  const own = STORE_TYPES[type]?.options
  if (own === undefined) return storeOptions
  const options = Object.fromEntries(
    Object.entries(storeOptions).filter(([option]) => own.includes(option)),
  )
  if (type !== 'file') return options
  const isElsewhere = options['filesystem_store_datadirs'] !== undefined
  return withFolder(options, storeDir ?? (isElsewhere ? null : join(dataDir, 'images')))
}

function withFolder(
  options: Readonly<Record<string, string>>,
  folder: string | null,
): Readonly<Record<string, string>> {
  return folder === null ? options : { ...options, filesystem_store_datadir: folder }
}
