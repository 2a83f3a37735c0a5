import { DataConnections } from '../../http/connections.ts'
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

/** A store for locations that have all that it takes to read them: the credentials, by Glance's defaults. */
export function readingSwift(id: string): Store {
  return new SwiftStore(id, swiftSettings({}), new Map(), new DataConnections())
}
