import { isGlanceError } from '../errors.ts'
import type { UriFilter } from '../http/uri-filter.ts'
import type { ServiceAccount } from '../keystone/trust.ts'
import { DisabledStore } from './disabled.ts'
import { FilesystemStore } from './filesystem.ts'
import {
  dataFolders,
  FILESYSTEM_OPTIONS,
  filesystemSettings,
  readMounts,
} from './filesystem-settings.ts'
import { HTTP_SCHEMES, HttpStore } from './http.ts'
import { HTTP_OPTIONS, httpSettings } from './http-settings.ts'
import { FILE_SCHEMES } from './location.ts'
import { MemoryStore } from './memory.ts'
import { openModule } from './module.ts'
import type { StoreOptions } from './options.ts'
import { RBD_SCHEMES } from './rbd/location.ts'
import { RBD_OPTIONS, rbdSettings, readingSettings } from './rbd/settings.ts'
import { RbdStore } from './rbd/store.ts'
import { S3_SCHEMES } from './s3/location.ts'
import { readingS3Settings, S3_OPTIONS, s3Settings } from './s3/settings.ts'
import { S3Store } from './s3/store.ts'
import type { Store } from './store.ts'
import { SWIFT_SCHEMES } from './swift/location.ts'
import { openSwift, readingSwift } from './swift/open.ts'
import { SWIFT_OPTIONS, swiftProperties, swiftSettings } from './swift/settings.ts'

/** A store as it is configured. */
export interface StoreConfig {
  readonly id: string
  /** One of {@link STORE_TYPES}, or the path or name of a module with somebody else's store. */
  readonly type: string
  readonly options: StoreOptions
  /** Which URLs are read that users give. */
  readonly filter: UriFilter
  /** Opens the account of the service itself at Keystone. Not set where it has none. */
  readonly service?: (() => Promise<ServiceAccount>) | undefined
}

/** What there is to know of the stores of a type. */
export interface StoreType {
  /** What Glance calls it besides. */
  readonly aliases: readonly string[]
  /** Glance's options of it. */
  readonly options: readonly string[]
  /** Whether it has nowhere to put data. */
  readonly isReadOnly?: boolean
  /** The schemes of its URLs. */
  readonly schemes: readonly string[]
  /** @throws {GlanceError} `usage` for a wrong option, which it names; `unavailable` when it cannot be written to. */
  open(config: StoreConfig): Promise<Store>
  /**
   * A store for what is there already, however it is configured; without it such a store can do nothing.
   * @throws {GlanceError} `usage` where too little is right even for that.
   */
  reading?(config: StoreConfig): Store | Promise<Store>
  /** Rejects for what is wrong with options and the files that they name; makes nothing and asks nobody. @throws {GlanceError} `usage`. */
  check(config: StoreConfig): Promise<void>
  /** The folders of this machine that have its data. */
  folders?(options: StoreOptions): readonly string[]
  /** How it is set up, under the names of `/v2/info/stores/detail`. */
  properties?(options: StoreOptions): Readonly<Record<string, unknown>>
}

/** Our stores, by what they are called in the configuration. */
export const STORE_TYPES: Readonly<Record<string, StoreType>> = {
  file: {
    aliases: ['filesystem'],
    options: FILESYSTEM_OPTIONS,
    schemes: FILE_SCHEMES,
    open: ({ id, options }) => FilesystemStore.open(id, filesystemSettings(options)),
    reading: ({ id, options }) => {
      const folders = foldersOf('file', options).map(path => ({ path, priority: 0 }))
      return FilesystemStore.reading(id, { folders })
    },
    check: async ({ options }) => {
      const { metadataFile = null } = filesystemSettings(options)
      if (metadataFile !== null) await readMounts(metadataFile)
    },
    folders: options => dataFolders(options).map(({ path }) => path),
    properties: options => {
      const { folders, chunkSize, thin } = filesystemSettings(options)
      const [only, ...others] = folders
      const data_dir = others.length === 0 ? only?.path : undefined // As Glance, which then has none.
      return { data_dir: data_dir ?? null, chunk_size: chunkSize, thin_provisioning: thin }
    },
  },
  http: {
    aliases: ['https'],
    options: HTTP_OPTIONS,
    schemes: HTTP_SCHEMES,
    isReadOnly: true,
    open: ({ id, filter, options }) => HttpStore.open(id, filter, httpSettings(options)),
    reading: ({ id, filter }) => new HttpStore(id, filter, null),
    check: async ({ id, filter, options }) =>
      closed(await HttpStore.open(id, filter, httpSettings(options))),
  },
  memory: {
    aliases: [],
    options: [],
    schemes: ['memory'],
    open: async ({ id }) => new MemoryStore(id),
    check: async () => {},
  },
  swift: {
    aliases: [],
    options: SWIFT_OPTIONS,
    schemes: SWIFT_SCHEMES,
    open: ({ id, options, service }) => openSwift(id, swiftSettings(options), service ?? null),
    reading: ({ id, options }) => readingSwift(id, options),
    check: async ({ id, options }) => closed(await openSwift(id, swiftSettings(options), null)),
    properties: options => swiftProperties(swiftSettings(options)),
  },
  s3: {
    aliases: [],
    options: S3_OPTIONS,
    schemes: S3_SCHEMES,
    open: ({ id, options }) => S3Store.open(id, s3Settings(options)),
    reading: ({ id, options }) => S3Store.open(id, readingS3Settings(options)),
    check: async ({ id, options }) => closed(await S3Store.open(id, s3Settings(options))),
    properties: options => {
      const { largeObjectSize, largeObjectChunkSize, threadPools } = s3Settings(options)
      return {
        s3_store_large_object_size: largeObjectSize, // As Glance: bytes, where the options are MiB.
        s3_store_large_object_chunk_size: largeObjectChunkSize,
        s3_store_thread_pools: threadPools,
      }
    },
  },
  rbd: {
    aliases: [],
    options: RBD_OPTIONS,
    schemes: RBD_SCHEMES,
    open: ({ id, options }) => RbdStore.open(id, rbdSettings(options)),
    reading: ({ id, options }) => RbdStore.reading(id, readingSettings(options)),
    check: ({ options }) => RbdStore.check(rbdSettings(options)),
    properties: options => {
      const { chunkSize, pool, thinProvisioning } = rbdSettings(options)
      return { chunk_size: chunkSize, pool, thin_provisioning: thinProvisioning }
    },
  },
}

/** Whose type it is that Glance or we call so; undefined for what may be a module. */
export function typeNamed(name: string): string | undefined {
  const found = Object.entries(STORE_TYPES).find(
    ([type, { aliases }]) => type === name || aliases.includes(name),
  )
  return found?.[0]
}

/** The types that there are, for a message. */
export function typeChoices(): string {
  return Object.keys(STORE_TYPES).join(', ')
}

/** @throws {GlanceError} `usage` for a wrong configuration; `unavailable` when the store cannot be written to. */
export async function openStore(config: StoreConfig): Promise<Store> {
  const { id, type, options } = config
  const own = STORE_TYPES[type]
  return own === undefined
    ? await openModule(type, { id, options }, typeChoices())
    : await own.open(config)
}

/**
 * What is wrong with the settings of a store of ours, as far as that can be told without making anything or asking
 * anybody. @throws {GlanceError} `usage`.
 */
export async function checkStore(config: StoreConfig): Promise<void> {
  await STORE_TYPES[config.type]?.check(config)
}

async function closed(store: Store): Promise<void> {
  await store[Symbol.asyncDispose]()
}

/** As {@link openStore}, but a store that is configured wrongly or cannot be written to is one that takes no data. */
export async function openOrDisable(config: StoreConfig): Promise<Store> {
  try {
    return await openStore(config)
  } catch (error) {
    if (!isGlanceError(error, 'usage', 'unavailable')) throw error
    return new DisabledStore(config.id, error, await readerFor(config))
  }
}

/** Null where nothing can be read either. */
async function readerFor(config: StoreConfig): Promise<Store | null> {
  try {
    return (await STORE_TYPES[config.type]?.reading?.(config)) ?? null
  } catch (error) {
    if (!isGlanceError(error, 'usage')) throw error
    return null
  }
}

/** The folders of this machine that have the data of such a store; none for one that is configured wrongly. */
export function foldersOf(type: string, options: StoreOptions): readonly string[] {
  try {
    return STORE_TYPES[type]?.folders?.(options) ?? []
  } catch (error) {
    if (!isGlanceError(error, 'usage')) throw error
    return []
  }
}

/** How such a store is set up, as the API tells it; nothing of one that is configured wrongly. */
export function propertiesOf(
  type: string,
  options: StoreOptions,
): Readonly<Record<string, unknown>> {
  try {
    return STORE_TYPES[type]?.properties?.(options) ?? {}
  } catch (error) {
    if (!isGlanceError(error, 'usage')) throw error
    return {}
  }
}
