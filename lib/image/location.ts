import type { Digest } from './digest.ts'

/** Where one copy of an image's data is kept. */
export interface ImageLocation {
  /** In the form of the store that wrote it, such as `file:///var/lib/glance/images/<id>`. */
  readonly url: string
  /** Location metadata; `store` names the store when there are several. */
  readonly metadata: Readonly<Record<string, unknown>>
}

/** A place that an image is no longer at, and whose data is to be deleted later. */
export interface RemovedLocation extends ImageLocation {
  readonly removedAt: Date
}

/** A location that somebody registers. */
export interface NewLocation extends ImageLocation {
  /** What its data is said to be; null when nothing is said. */
  readonly validation: ValidationData | null
}

/** Digests that whoever registers a location vouches for, as they were typed. */
export interface ValidationData {
  /** MD5; null when it is not said. */
  readonly checksum: string | null
  readonly digest: Digest
}

/** One step of a change to where an image's data is. A position counts from 0, or is `-` for the end. */
export type LocationEdit =
  | { readonly type: 'add_location'; readonly position: string; readonly location: NewLocation }
  | { readonly type: 'remove_location'; readonly position: string }
  | { readonly type: 'replace_locations'; readonly locations: readonly NewLocation[] }
