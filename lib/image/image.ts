import type { Digest } from './digest.ts'
import type { ImageStatus } from './status.ts'

export const VISIBILITIES = ['public', 'private', 'shared', 'community'] as const
export type Visibility = (typeof VISIBILITIES)[number]

/** Glance's default `container_formats`. */
export const CONTAINER_FORMATS = [
  'ami',
  'ari',
  'aki',
  'bare',
  'ovf',
  'ova',
  'docker',
  'compressed',
] as const

/** Glance's default `disk_formats`. */
export const DISK_FORMATS = [
  'ami',
  'ari',
  'aki',
  'vhd',
  'vhdx',
  'vmdk',
  'raw',
  'qcow2',
  'vdi',
  'iso',
  'ploop',
] as const

/**
 * Custom properties, keys verbatim. A Map, because the keys are the user's. A property may be there without a value,
 * which v1 allows for any of them, and v2 for those whose schema says so, such as `kernel_id`.
 */
export type Properties = ReadonlyMap<string, string | null>

/** One image's metadata, as both API versions and every endpoint understand it. Immutable. */
export interface Image {
  /** UUID, verbatim; the key by which the images of two endpoints are matched. */
  readonly id: string
  readonly name: string | null
  readonly status: ImageStatus
  readonly visibility: Visibility
  /** `os_hidden`: left out of listings unless asked for. */
  readonly hidden: boolean
  /** Cannot be deleted while true. */
  readonly protected: boolean
  /** Project; null when no project owns it. */
  readonly owner: string | null
  readonly containerFormat: string | null
  readonly diskFormat: string | null
  /** GiB. */
  readonly minDisk: number
  /** MiB. */
  readonly minRam: number
  /** Bytes; null until data is stored. */
  readonly size: number | null
  /** Bytes that the disk inside takes up when written out; null when nobody looked. */
  readonly virtualSize: number | null
  /** Lower-case hex MD5. */
  readonly checksum: string | null
  /** os_hash_algo and os_hash_value; null from servers before v2.7. */
  readonly digest: Digest | null
  /** Ascending, each once. */
  readonly tags: readonly string[]
  readonly properties: Properties
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Whether there are bytes that somebody may be able to read. */
export function hasData(image: Image): boolean {
  return image.status === 'active' || image.status === 'deactivated'
}

/** In place of an owner, in what is to be written: the service is left to say, and takes whoever creates the image. */
export const ANY_OWNER = ''

/**
 * Whether there is nothing behind it, and never was: v1 makes images of size 0 active without formats, which Nova used
 * for the snapshots of servers that boot from volumes. All that they have is their properties.
 */
export function isHollow(image: Image): boolean {
  const lacksFormat = image.diskFormat === null || image.containerFormat === null
  return hasData(image) && image.size === 0 && lacksFormat
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The form that Glance demands of an image's id (etc/schema-image.json). */
export function isImageId(text: string): boolean {
  return UUID.test(text)
}

/** The order of image ids in a sorted listing: by code unit, as every database orders ASCII. */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
