import type { MemberStatus } from './member.ts'
import type { ImageStatus } from './status.ts'
import type { Visibility } from './image.ts'

/** What a listing may be sorted by, in the API's names. */
export const SORT_KEYS = [
  'name',
  'status',
  'container_format',
  'disk_format',
  'size',
  'id',
  'created_at',
  'updated_at',
] as const
export type SortKey = (typeof SORT_KEYS)[number]
export type SortDirection = 'asc' | 'desc'

export const COMPARISONS = ['eq', 'neq', 'lt', 'lte', 'gt', 'gte'] as const
export type Comparison = (typeof COMPARISONS)[number]

/** Text columns, by their API names, that take one value or several. */
export type TextField =
  | 'name'
  | 'id'
  | 'status'
  | 'container_format'
  | 'disk_format'
  | 'checksum'
  | 'os_hash_algo'
  | 'os_hash_value'
  | 'owner'
/** Columns that hold whole numbers, by their API names. */
export type NumberField = 'size' | 'virtual_size' | 'min_disk' | 'min_ram'

/** One condition on an image; a listing shows the images that meet all of its conditions. */
export type ImageCondition =
  | { readonly type: 'text'; readonly field: TextField; readonly in: readonly string[] }
  | {
      readonly type: 'number'
      readonly field: NumberField
      readonly comparison: 'eq' | 'gte' | 'lte'
      readonly value: number
    }
  | {
      readonly type: 'time'
      readonly field: 'created_at' | 'updated_at'
      readonly comparison: Comparison
      readonly value: Date
    }
  | { readonly type: 'protected'; readonly value: boolean }
  | { readonly type: 'tag'; readonly value: string }
  | { readonly type: 'property'; readonly name: string; readonly value: string }

/** What is wanted of a listing, as far as a service may be able to filter by itself. */
export interface ImageHint {
  /** All of them are wanted. */
  readonly conditions: readonly ImageCondition[]
  /** Null: any. */
  readonly visibility: Visibility | null
  /** Null: hidden or not. */
  readonly hidden: boolean | null
}

/**
 * Who is asking, as far as it decides what a listing shows (glance/db/sqlalchemy/api.py): an administrator sees
 * all; anybody else sees public and community images, those of their project, and the shared ones of which the
 * project is a member with `memberStatus`.
 */
export interface Viewer {
  readonly isAdmin: boolean
  readonly project: string | null
}

/** A page of images that is wanted. */
export interface ImageQuery {
  readonly viewer: Viewer
  /**
   * `null`: all, without other projects' community images (also for an administrator); `all`: those as well;
   * `non_public`: all but public ones; else only this visibility.
   */
  readonly visibility: Visibility | 'all' | 'non_public' | null
  readonly memberStatus: MemberStatus | 'all'
  /** Only the hidden ones, or only the others; null: both. */
  readonly hidden: boolean | null
  readonly conditions: readonly ImageCondition[]
  /** In order of weight; ids that tie are ordered by `created_at` and `id` in the direction of the first. */
  readonly sort: readonly { readonly key: SortKey; readonly direction: SortDirection }[]
  /** How many at the most. */
  readonly limit: number
  /** The id of the image after which the page begins; `not_found` when it is not there. */
  readonly marker: string | null
  /**
   * Whether deleted images count: as if they were not there (the default); `marker`: the page may begin after one;
   * `listed`: it may, and they are listed, and killed ones too.
   */
  readonly deleted?: 'marker' | 'listed' | undefined
}

/** A query for every image of these statuses, for the service itself. */
export function everything(statuses: readonly ImageStatus[], limit: number): ImageQuery {
  return {
    viewer: { isAdmin: true, project: null },
    visibility: 'all',
    memberStatus: 'all',
    hidden: null,
    conditions: [{ type: 'text', field: 'status', in: statuses }],
    sort: [{ key: 'id', direction: 'asc' }],
    limit,
    marker: null,
  }
}
