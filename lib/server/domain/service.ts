import type { Database, ImageRecord } from '../../database/database.ts'
import type { FormatRules } from '../../format/verdict.ts'
import type { DigestAlgorithm } from '../../image/digest.ts'
import type { Store } from '../../store/store.ts'
import type { ProjectLimits } from '../quota/project-limits.ts'
import type { Parts } from './parts.ts'
import type { Stores } from './stores.ts'
import type { Undoing } from './undoing.ts'

/** How much the service takes; a negative number means as much as anybody likes. */
export interface Limits {
  /** Bytes in one image. */
  readonly imageSize: number
  /** Custom properties of one image. */
  readonly properties: number
  /** Tags of one image. */
  readonly tags: number
  /** Members of one image. */
  readonly members: number
  /** Places where the data of one image is kept. */
  readonly locations: number
  /** Bytes of all images of one project. */
  readonly projectStorage: number
}

/** What the API says about where data is. */
interface LocationSettings {
  /** Whether locations are shown, and may be changed. */
  readonly shown: boolean
  /** Whether the first one is shown as `direct_url`. */
  readonly directUrl: boolean
}

/** Work for nobody who waits. It deals with its own failures, and leaves nothing half-done when the signal fires. */
export type BackgroundWork = (signal: AbortSignal) => Promise<void>

/** Does work after the request for it was answered. */
export interface Background {
  start(work: BackgroundWork): void
}

/** What the service works with. */
export interface Service {
  readonly database: Database
  readonly stores: Stores
  /** Where data waits to be imported. */
  readonly staging: Store
  /** Where uploads that go on where they broke off have what has come; null where none are offered. */
  readonly parts: Parts | null
  readonly locations: LocationSettings
  readonly background: Background
  /** Of images whose data came to nothing. */
  readonly undoing: Undoing
  /** Whether data of what is deleted is only marked, for somebody to delete it later. */
  readonly delayedDelete: boolean
  /** How long a task that has ended is remembered. Milliseconds. */
  readonly taskTimeToLiveMs: number
  readonly limits: Limits
  /** Null while nobody limits projects. */
  readonly projectLimits: ProjectLimits | null
  /** What image data has to be like. */
  readonly formats: FormatRules
  /** Of `os_hash_algo`; MD5 is computed besides. */
  readonly hashingAlgorithm: DigestAlgorithm
  /** Drops the copies of an image's data that are kept near at hand, also one that is being made. */
  readonly forget: (imageId: string) => Promise<void>
  /**
   * Told of each change of an image that this process makes, in their order: before it is in force, and what this
   * returns is called when it is. One that comes to nothing may be made again, which is told again.
   */
  readonly onAltering?: ((before: ImageRecord, after: ImageRecord) => () => void) | undefined
  /** Told of what went wrong where nobody waits for it. */
  readonly report: (error: unknown) => void
  /** The time of day. */
  readonly now: () => Date
}
