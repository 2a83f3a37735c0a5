import { type Expression, type SqlBool, sql } from 'kysely'
import type { OrderStep } from '../order.ts'

type Condition = Expression<SqlBool>

type ColumnStep = OrderStep<string>

/** The row after which a page begins, by its columns. */
export type Marker = Readonly<Record<string, string | number | null>>

/**
 * Whether a row comes after `marker`. Each step has the form `key >= value AND (key > value OR …the next step)`: the
 * first half lets the engine start at the right place of an index, however far into the listing that is.
 * `nullable` are the columns that may be null.
 */
export function isAfter(
  order: readonly ColumnStep[],
  marker: Marker,
  nullable: ReadonlySet<string>,
): Condition {
  const [step, ...rest] = order
  if (step === undefined) return NEVER // The marker itself.
  const value = marker[step.key] ?? null
  const beyond =
    value === null ? beyondNull(step) : beyondValue(step, value, nullable.has(step.key))
  if (rest.length === 0) return beyond.strictly
  const next = either(beyond.strictly, isAfter(rest, marker, nullable))
  return beyond.orEqual === null ? next : sql<SqlBool>`(${beyond.orEqual} and ${next})`
}

interface Beyond {
  readonly strictly: Condition
  /** Null when every row is. */
  readonly orEqual: Condition | null
}

/** Null is lower than everything: everything else comes after it when ascending, nothing when descending. */
function beyondNull({ key, direction }: ColumnStep): Beyond {
  const column = sql.ref(key)
  if (direction === 'asc') return { strictly: sql<SqlBool>`${column} is not null`, orEqual: null }
  return { strictly: NEVER, orEqual: sql<SqlBool>`${column} is null` }
}

function beyondValue(
  { key, direction }: ColumnStep,
  value: string | number,
  isNullable: boolean,
): Beyond {
  const column = sql.ref(key)
  if (direction === 'asc') {
    return {
      strictly: sql<SqlBool>`${column} > ${value}`,
      orEqual: sql<SqlBool>`${column} >= ${value}`,
    }
  }
  const strictly = sql<SqlBool>`${column} < ${value}`
  const orEqual = sql<SqlBool>`${column} <= ${value}`
  if (!isNullable) return { strictly, orEqual }
  const missing = sql<SqlBool>`${column} is null`
  return { strictly: either(strictly, missing), orEqual: either(orEqual, missing) }
}

function either(one: Condition, other: Condition): Condition {
  return sql<SqlBool>`(${one} or ${other})`
}

const NEVER = sql<SqlBool>`1 = 0`
