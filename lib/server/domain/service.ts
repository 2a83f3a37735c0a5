import type { Database } from '../../database/database.ts'
import type { FormatRules } from '../../format/verdict.ts'
import type { DigestAlgorithm } from '../../image/digest.ts'
import type { Store } from '../../store/store.ts'
import type { ProjectLimits } from '../quota/project-limits.ts'

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

/** What the service works with. */
export interface Service {
  readonly database: Database
  readonly store: Store
  readonly limits: Limits
  /** Null while nobody limits projects. */
  readonly projectLimits: ProjectLimits | null
  /** What image data has to be like. */
  readonly formats: FormatRules
  /** Of `os_hash_algo`; MD5 is computed besides. */
  readonly hashingAlgorithm: DigestAlgorithm
  /** The time of day. */
  readonly now: () => Date
}
