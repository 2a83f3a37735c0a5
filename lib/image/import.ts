import type { GlanceError } from '../errors.ts'

/** Glance's ways to import. */
export const IMPORT_METHODS = [
  'glance-direct',
  'web-download',
  'copy-image',
  'glance-download',
] as const
export type ImportMethodName = (typeof IMPORT_METHODS)[number]

/** What a client asks for by `POST /v2/images/{id}/import`. */
export interface ImportRequest {
  readonly method: ImportMethodRequest
  /** Null when it leaves the choice to us. */
  readonly stores: readonly string[] | null
  readonly allStores: boolean
  /** Whether all stores have to have the data, or as many as will. */
  readonly allStoresMustSucceed: boolean
  /** As it came. */
  readonly document: Readonly<Record<string, unknown>>
}

export type ImportMethodRequest =
  | { readonly name: 'glance-direct' | 'copy-image' }
  /** Not yet held to any form. */
  | { readonly name: 'web-download'; readonly uri: string }
  | { readonly name: 'glance-download'; readonly source: RemoteImage | GlanceError }

/** An image of the same cloud in another region. */
export interface RemoteImage {
  readonly region: string
  readonly imageId: string
  /** Of the endpoint: public, internal or admin. */
  readonly interface: string
}

/** What may be done to imported data on its way, in the order in which it is configured. */
export const IMPORT_PLUGINS = [
  'no_op',
  'inject_image_metadata',
  'image_decompression',
  'image_conversion',
] as const
export type ImportPluginName = (typeof IMPORT_PLUGINS)[number]

/** Formats that an image can be converted to. */
export const CONVERSION_FORMATS = ['qcow2', 'raw', 'vmdk'] as const
type ConversionFormat = (typeof CONVERSION_FORMATS)[number]

/** How data is brought in, and what is made of it on its way. */
export interface ImportRules {
  readonly methods: readonly ImportMethodName[]
  /** In the order in which they are at work. */
  readonly plugins: readonly ImportPluginName[]
  /** Custom properties that every imported image gets, but for those of users with one of the roles. */
  readonly inject: {
    readonly properties: ReadonlyMap<string, string>
    readonly ignoredRoles: readonly string[]
  }
  /** Into how many stores at once the data of one image is put. */
  readonly maxParallelStores: number
  /** What images are converted to. */
  readonly outputFormat: ConversionFormat
  /** How the names of custom properties begin that come with an image of another region. */
  readonly remoteProperties: readonly string[]
  /** Whether the data of a location that somebody adds is read to compute its digest. */
  readonly doSecureHash: boolean
  /** How often that is tried again. */
  readonly httpRetries: number
}
