import { unreachable } from '../errors.ts'
import { FilesystemStore } from './filesystem.ts'
import { MemoryStore } from './memory.ts'
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

/** @throws {GlanceError} `unavailable` when the store cannot be written to. */
export async function openStore(config: StoreConfig): Promise<Store> {
  switch (config.type) {
    case 'file':
      return FilesystemStore.open(config.id, config.datadir)
    case 'memory':
      return new MemoryStore(config.id)
    default:
      return unreachable(config)
  }
}
