import { unreachable } from '../errors.ts'
import type { UriFilter } from '../http/uri-filter.ts'
import { FilesystemStore } from './filesystem.ts'
import { HttpStore } from './http.ts'
import { MemoryStore } from './memory.ts'
import type { Store } from './store.ts'
import type { SwiftSettings } from './swift/settings.ts'
import { SwiftStore } from './swift/swift.ts'
import { TenantSwiftStore } from './swift/tenant-store.ts'

/** A store as it is configured. */
export type StoreConfig =
  | {
      readonly type: 'file'
      readonly id: string
      /** The folder that holds the images' files; created when absent. */
      readonly datadir: string
    }
  | { readonly type: 'memory'; readonly id: string }
  | {
      readonly type: 'http'
      readonly id: string
      /** Which URLs it reads. */
      readonly filter: UriFilter
    }
  | { readonly type: 'swift'; readonly id: string; readonly settings: SwiftSettings }

/** @throws {GlanceError} `unavailable` when the store cannot be written to; `usage` when it is not set up rightly. */
export async function openStore(config: StoreConfig): Promise<Store> {
  switch (config.type) {
    case 'file':
      return FilesystemStore.open(config.id, config.datadir)
    case 'memory':
      return new MemoryStore(config.id)
    case 'http':
      return new HttpStore(config.id, config.filter)
    case 'swift':
      return config.settings.multiTenant
        ? TenantSwiftStore.open(config.id, config.settings)
        : SwiftStore.open(config.id, config.settings)
    default:
      return unreachable(config)
  }
}
