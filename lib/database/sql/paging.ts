import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { OrderStep } from '../order.ts'
import { type Engine, ordered } from './engine.ts'

type Condition = Expression<SqlBool>

type ColumnStep = OrderStep<string>

/** The row after which a page begins, by its columns. */
export type Marker = Readonly<Record<string, string | number | null>>

/** Which page of a listing is wanted. */
export interface PageOptions {
  /** Ends with a column on which nothing ties. */
  readonly order: readonly ColumnStep[]
  /** The columns of the order that may be null. */
  readonly nullable: ReadonlySet<string>
  /** Null for the first page. */
  readonly marker: Marker | null
  readonly limit: number
}

/**
 * The rows of one page. What comes after a marker is read in stretches, each of which is one range of an index over the
 * columns of the order, so that a page costs the same however far into the listing it is, and however many rows tie.
 * To be called in a transaction that reads consistently.
 */
export async function takePage<DB, TB extends keyof DB, Row>(
  engine: Engine,
  listing: SelectQueryBuilder<DB, TB, Row>,
  { order, nullable, marker, limit }: PageOptions,
): Promise<Row[]> {
  const sorted = order.reduce(
    (query, step) =>
      query.orderBy(sql.ref(step.key), ordered(engine, step, nullable.has(step.key))),
    listing,
  )
  if (marker === null) return sorted.limit(limit).execute()
  const rows: Row[] = []
  for (const stretch of stretchesAfter(marker, order, nullable)) {
    if (rows.length === limit) break
    rows.push(
      ...(await sorted
        .where(stretch)
        .limit(limit - rows.length)
        .execute()),
    )
  }
  return rows
}

/**
 * What comes after a marker, in order: first the rows that tie with it on every column but the last, then those that tie
 * on all but the last two, and so on. No row is in two of them.
 */
function stretchesAfter(
  marker: Marker,
  order: readonly ColumnStep[],
  nullable: ReadonlySet<string>,
): Condition[] {
  return order
    .flatMap((step, i) => {
      const ties = order.slice(0, i).map(({ key }) => equals(key, marker[key] ?? null))
      return beyond(step, marker[step.key] ?? null, nullable.has(step.key))
        .toReversed()
        .map(after => sql<SqlBool>`(${sql.join([...ties, after], sql` and `)})`)
    })
    .toReversed()
}

function equals(key: string, value: string | number | null): Condition {
  return value === null
    ? sql<SqlBool>`${sql.ref(key)} is null`
    : sql<SqlBool>`${sql.ref(key)} = ${value}`
}

/** Null is lower than everything: everything else comes after it when ascending, nothing when descending. */
function beyond(
  { key, direction }: ColumnStep,
  value: string | number | null,
  isNullable: boolean,
): Condition[] {
  const column = sql.ref(key)
  if (direction === 'asc') {
    return [value === null ? sql`${column} is not null` : sql`${column} > ${value}`]
  }
  if (value === null) return []
  return [sql`${column} < ${value}`, ...(isNullable ? [equals(key, null)] : [])]
}
