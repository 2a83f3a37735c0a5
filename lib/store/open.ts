import { unreachable } from '../errors.ts'
import type { UriFilter } from '../http/uri-filter.ts'
import { FilesystemStore } from './filesystem.ts'
import { HttpStore } from './http.ts'
import { MemoryStore } from './memory.ts'
import type { S3Settings } from './s3/settings.ts'
import { S3Store } from './s3/store.ts'
import type { Store } from './store.ts'

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
  | { readonly type: 's3'; readonly id: string; readonly settings: S3Settings }

/** @throws {GlanceError} `unavailable` when the store cannot be written to. */
export async function openStore(config: StoreConfig): Promise<Store> {
  switch (config.type) {
    case 'file':
      return FilesystemStore.open(config.id, config.datadir)
    case 'memory':
      return new MemoryStore(config.id)
    case 'http':
      return new HttpStore(config.id, config.filter)
    case 's3':
      return S3Store.open(config.id, config.settings)
    default:
      return unreachable(config)
  }
}
