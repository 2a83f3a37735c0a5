import type { Abortable } from '../../abort.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { ByteRange } from '../../stream/range.ts'

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

/** Where the data of an image is that is to be kept. */
export interface CacheSource {
  readonly whole: WholeData
  /** The data from its store, for as long as `signal` does not fire, whoever asked for it first. */
  open(signal: AbortSignal): Promise<Bytes>
  /** Whether the image still has that data. */
  isWanted(): Promise<boolean>
}

/** What is asked for in the name of one reader. */
export interface CacheReader extends Abortable {
  /** A part of the data from its store, for when there is no copy to read any further. */
  open(range: ByteRange): Promise<Bytes>
}

/** What pruning has removed. */
export interface Pruned {
  readonly files: number
  readonly bytes: number
}

/**
 * Keeps copies of whole images, so that their stores are not asked each time, and a queue of those that are to come.
 * Several processes may have the same one.
 */
export interface ImageCache extends AsyncDisposable {
  /** Those that are there whole, by their ids. */
  list(): Promise<readonly CachedImage[]>
  has(imageId: string): Promise<boolean>
  /**
   * The bytes, which counts as a hit. Undefined when they are not there, and while it is not proved that they are what
   * they have to be; a copy of other data is removed.
   */
  open(imageId: string, whole: WholeData, reader: CacheReader): Promise<Bytes | undefined>
  /**
   * Fetches the data and keeps a copy, once it is all there and what it has to be. Whoever asks while it is fetched
   * reads the same as it comes; it is fetched for as long as anybody reads. That a copy cannot be kept disturbs nobody.
   * Undefined when another process is at it. Rejects as `source` does when it cannot be opened.
   */
  keep(imageId: string, source: CacheSource, reader: CacheReader): Promise<Bytes | undefined>
  /**
   * As `keep`, for nobody who reads: whether there is a copy then, also of what another process fetches. Rejects with the
   * reason when `signal` fires.
   */
  fetch(imageId: string, source: CacheSource, signal: AbortSignal): Promise<boolean>
  /** Removes the copy; one that is being made comes to nothing. Does nothing when there is none. */
  delete(imageId: string): Promise<void>
  /** Resolves to how many there were. */
  clear(): Promise<number>
  /** Removes what was read the longest ago until there is no more than there may be. */
  prune(): Promise<Pruned>
  /** Removes what came to nothing, and what has not come any further for too long. Resolves to how many files. */
  clean(): Promise<number>
  /** The ids of those that are to come, in the order in which they were asked for. */
  queued(): Promise<readonly string[]>
  /** Resolves to whether it was neither there, nor on its way, nor in the queue. What is no id never is. */
  enqueue(imageId: string): Promise<boolean>
  /** Does nothing when it is not in the queue. */
  dequeue(imageId: string): Promise<void>
  /** Resolves to how many there were. */
  clearQueue(): Promise<number>
}
