import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { SortKey } from '../../image/query.ts'
import type { OrderStep } from '../order.ts'
import type { Tables } from './tables.ts'

type Images = ExpressionBuilder<Tables, 'images'>
type Condition = Expression<SqlBool>

/** The values by which a page's marker is sorted. */
export type Marker = Readonly<Record<SortKey, string | number | null>>

/**
 * Whether a row comes after `marker`. Each step has the form `key >= value AND (key > value OR …the next step)`: the
 * first half lets the engine start at the right place of an index, however far into the listing that is.
 */
export function isAfter(images: Images, order: readonly OrderStep[], marker: Marker): Condition {
  const [step, ...rest] = order
  if (step === undefined) return NEVER // The marker itself.
  const value = marker[step.key]
  const beyond = value === null ? beyondNull(images, step) : beyondValue(images, step, value)
  if (rest.length === 0) return beyond.strictly
  return images.and([
    ...beyond.orEqual,
    images.or([beyond.strictly, isAfter(images, rest, marker)]),
  ])
}

interface Beyond {
  readonly strictly: Condition
  /** Nothing when every row is. */
  readonly orEqual: readonly Condition[]
}

/** Null is lower than everything: everything else comes after it when ascending, nothing when descending. */
function beyondNull(images: Images, { key, direction }: OrderStep): Beyond {
  if (direction === 'asc') return { strictly: images(key, 'is not', null), orEqual: [] }
  return { strictly: NEVER, orEqual: [images(key, 'is', null)] }
}

function beyondValue(
  images: Images,
  { key, direction }: OrderStep,
  value: string | number,
): Beyond {
  if (direction === 'asc') {
    return { strictly: images(key, '>', value), orEqual: [images(key, '>=', value)] }
  }
  if (!NULLABLE.has(key)) {
    return { strictly: images(key, '<', value), orEqual: [images(key, '<=', value)] }
  }
  const missing = images(key, 'is', null)
  return {
    strictly: images.or([images(key, '<', value), missing]),
    orEqual: [images.or([images(key, '<=', value), missing])],
  }
}

const NULLABLE: ReadonlySet<SortKey> = new Set(['name', 'container_format', 'disk_format', 'size'])
const NEVER = sql<SqlBool>`1 = 0`
