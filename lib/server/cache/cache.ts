import type { Abortable } from '../../abort.ts'
import type { Bytes } from '../../stream/bytes.ts'

/** A copy of an image's data, near at hand. */
export interface CachedImage {
  readonly imageId: string
  /** How often it was read. */
  readonly hits: number
  readonly lastAccessed: Date
  readonly lastModified: Date
  /** Bytes. */
  readonly size: number
}

/** What data has to be to be kept. */
export interface WholeData {
  /** Bytes. */
  readonly size: number
  /** Hex MD5; null when it is not known. */
  readonly checksum: string | null
}

/** Keeps copies of whole images, so that their stores are not asked each time. */
export interface ImageCache {
  /** Those that are there whole. */
  list(): readonly CachedImage[]
  has(imageId: string): boolean
  /** The bytes, which counts as a hit. Undefined when they are not there; a copy of other data is removed. */
  open(imageId: string, whole: WholeData, options?: Abortable): Promise<Bytes | undefined>
  /**
   * Passes the data on and keeps a copy, once it has ended and is what it has to be, if `isWanted` says that the image
   * still has that data. That a copy cannot be kept does not disturb who reads.
   */
  keep(imageId: string, data: Bytes, whole: WholeData, isWanted: () => Promise<boolean>): Bytes
  /** Removes the copy; one that is being made comes to nothing. Does nothing when there is none. */
  delete(imageId: string): Promise<void>
  clear(): Promise<void>
  /** Removes what was read the longest ago until there is no more than there may be. */
  prune(): Promise<{ readonly files: number; readonly bytes: number }>
  /** Removes what copies that were cut off left behind. */
  clean(): Promise<void>
}
