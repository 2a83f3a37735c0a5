import { unreachable } from '../../errors.ts'
import type { Image } from '../../image/image.ts'
import type { Member } from '../../image/member.ts'
import type {
  Comparison,
  ImageCondition,
  ImageQuery,
  NumberField,
  SortKey,
  TextField,
} from '../../image/query.ts'
import type { ImageStatus } from '../../image/status.ts'
import type { OrderStep } from '../order.ts'

/** Statuses of images that are in no listing unless they are asked for. */
const UNLISTED: ReadonlySet<ImageStatus> = new Set(['deleted', 'pending_delete', 'killed'])

/** Whether a listing shows `image`, whose members are `members`. */
export function matches(query: ImageQuery, image: Image, members: readonly Member[]): boolean {
  return (
    (query.deleted === 'listed' || !UNLISTED.has(image.status)) &&
    (query.hidden === null || image.hidden === query.hidden) &&
    isVisible(query, image, members) &&
    isWanted(query, image) &&
    query.conditions.every(condition => meets(condition, image))
  )
}

/** Negative when `a` comes before `b`. Null is lower than everything; text is compared by code point. */
export function compareBy(order: readonly OrderStep[], a: Image, b: Image): number {
  for (const { key, direction } of order) {
    const difference = compareValues(SORTED[key](a), SORTED[key](b))
    if (difference !== 0) return direction === 'asc' ? difference : -difference
  }
  return 0
}

function isVisible(
  { viewer, memberStatus }: ImageQuery,
  image: Image,
  members: readonly Member[],
): boolean {
  if (viewer.isAdmin || image.visibility === 'public' || image.visibility === 'community')
    return true
  if (viewer.project === null) return false
  if (image.owner === viewer.project) return true
  const member = members.find(({ memberId }) => memberId === viewer.project)
  return (
    image.visibility === 'shared' &&
    member !== undefined &&
    (memberStatus === 'all' || member.status === memberStatus)
  )
}

function isWanted({ viewer, visibility }: ImageQuery, image: Image): boolean {
  if (visibility === 'all') return true
  if (visibility === 'non_public') return image.visibility !== 'public'
  if (visibility !== null) return image.visibility === visibility
  return (
    image.visibility !== 'community' || (viewer.project !== null && image.owner === viewer.project)
  )
}

function meets(condition: ImageCondition, image: Image): boolean {
  switch (condition.type) {
    case 'text': {
      const value = TEXT[condition.field](image)
      return value !== null && condition.in.includes(value)
    }
    case 'number': {
      const value = NUMBER[condition.field](image)
      return value !== null && COMPARE[condition.comparison](value, condition.value)
    }
    case 'time': {
      const value = condition.field === 'created_at' ? image.createdAt : image.updatedAt
      return COMPARE[condition.comparison](value.getTime(), condition.value.getTime())
    }
    case 'protected':
      return image.protected === condition.value
    case 'tag':
      return image.tags.includes(condition.value)
    case 'property':
      return image.properties.get(condition.name) === condition.value
    default:
      return unreachable(condition)
  }
}

/** Null is lower than everything; text is compared by code point. */
export function compareValues(a: string | number | null, b: string | number | null): number {
  if (a === b) return 0
  if (a === null) return -1
  if (b === null) return 1
  if (typeof a === 'string' && typeof b === 'string') {
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) // UTF-8 has the order of the code points.
  }
  return a < b ? -1 : 1
}

const COMPARE = {
  eq: (a, b) => a === b,
  neq: (a, b) => a !== b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
} as const satisfies Record<Comparison, (a: number, b: number) => boolean>

const TEXT = {
  name: image => image.name,
  id: image => image.id,
  status: image => image.status,
  container_format: image => image.containerFormat,
  disk_format: image => image.diskFormat,
  checksum: image => image.checksum,
  os_hash_algo: image => image.digest?.algorithm ?? null,
  os_hash_value: image => image.digest?.value ?? null,
  owner: image => image.owner,
} as const satisfies Record<TextField, (image: Image) => string | null>

const NUMBER = {
  size: image => image.size,
  virtual_size: image => image.virtualSize,
  min_disk: image => image.minDisk,
  min_ram: image => image.minRam,
} as const satisfies Record<NumberField, (image: Image) => number | null>

const SORTED = {
  name: TEXT.name,
  status: TEXT.status,
  container_format: TEXT.container_format,
  disk_format: TEXT.disk_format,
  size: NUMBER.size,
  id: TEXT.id,
  created_at: image => image.createdAt.getTime(),
  updated_at: image => image.updatedAt.getTime(),
} as const satisfies Record<SortKey, (image: Image) => string | number | null>
