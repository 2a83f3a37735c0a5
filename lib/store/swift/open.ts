import { DataConnections } from '../../http/connections.ts'
import type { StoreOptions } from '../options.ts'
import type { Store } from '../store.ts'
import { swiftSettings, type SwiftSettings } from './settings.ts'
import { SwiftStore } from './swift.ts'
import { TenantSwiftStore } from './tenant-store.ts'

/** @throws {GlanceError} `usage` for settings by which nothing can be written. */
export async function openSwift(id: string, settings: SwiftSettings): Promise<Store> {
  return settings.multiTenant
    ? await TenantSwiftStore.open(id, settings)
    : await SwiftStore.open(id, settings)
}

/** A store for locations that have the credentials themselves, by those of the options that are not wrong. */
export function readingSwift(id: string, options: StoreOptions): Store {
  const usable = Object.entries(options).filter(
    ([name, value]) => !NAMING_OTHERS.includes(name) && isUsable({ [name]: value }),
  )
  const settings = swiftSettings(Object.fromEntries(usable))
  return new SwiftStore(id, settings, new Map(), new DataConnections())
}

/** By which locations would have no credentials. */
const NAMING_OTHERS: readonly string[] = ['swift_store_multi_tenant', 'swift_store_config_file']

function isUsable(options: StoreOptions): boolean {
  try {
    swiftSettings(options)
    return true
  } catch {
    return false
  }
}
