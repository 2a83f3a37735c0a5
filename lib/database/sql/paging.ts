import { type Expression, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { OrderStep } from '../order.ts'
import { type Engine, ordered } from './engine.ts'

type Condition = Expression<SqlBool>

type ColumnStep = OrderStep<string>

type Value = string | number | null

/** The row after which a page begins, by its columns. */
type Marker = Readonly<Record<string, Value>>

/** Which page of a listing is wanted. */
export interface PageOptions {
  /** Ends with a column on which nothing ties. */
  readonly order: readonly ColumnStep[]
  /** The columns of the order that may be null. */
  readonly nullable: ReadonlySet<string>
  /** Columns of which the listing has but one value, and that not null. */
  readonly fixed?: ReadonlySet<string>
  /** Null for the first page. */
  readonly marker: Marker | null
  readonly limit: number
}

/**
 * The rows of one page. What comes after a marker is read in stretches, each of which is one range of an index over the
 * columns of the order, so that a page costs the same however far into the listing it is, and however many rows tie.
 * To be called in a transaction that reads consistently.
 */
export function takePage<DB, TB extends keyof DB, Row>(
  engine: Engine,
  listing: SelectQueryBuilder<DB, TB, Row>,
  page: PageOptions,
): Promise<Row[]> {
  return takePageBy(engine, listing, page, rows => rows.execute())
}

/** As {@link takePage}, with what `read` answers for each of the queries, in its order. */
export async function takePageBy<DB, TB extends keyof DB, Columns, Row>(
  engine: Engine,
  listing: SelectQueryBuilder<DB, TB, Columns>,
  { order, nullable, fixed = new Set(), marker, limit }: PageOptions,
  read: (rows: SelectQueryBuilder<DB, TB, Columns>) => Promise<Row[]>,
): Promise<Row[]> {
  // What cannot differ is left out, since MariaDB takes no order from an index by which it finds just that.
  const sorted = (same: ReadonlyMap<string, Value>) => {
    const differs = ({ key }: ColumnStep) =>
      !fixed.has(key) && !(same.has(key) && (engine.knowsNull || same.get(key) !== null))
    return order
      .filter(differs)
      .reduce(
        (query, step) =>
          query.orderBy(sql.ref(step.key), ordered(engine, step, nullable.has(step.key))),
        listing,
      )
  }
  if (marker === null) return read(sorted(new Map()).limit(limit))
  const rows: Row[] = []
  for (const stretch of stretchesAfter(marker, order, nullable)) {
    if (rows.length === limit) break
    const found = sorted(stretch.same).where(conditionOf(stretch))
    rows.push(...(await read(found.limit(limit - rows.length))))
  }
  return rows
}

/** Rows that follow one another. */
interface Stretch {
  /** The columns in which they do not differ, and their values. */
  readonly same: ReadonlyMap<string, Value>
  /** Where they begin; null for all of them. */
  readonly after: Condition | null
}

/**
 * What comes after a marker, in order: first the rows that tie with it on every column but the last, then those that tie
 * on all but the last two, and so on. No row is in two of them.
 */
function stretchesAfter(
  marker: Marker,
  order: readonly ColumnStep[],
  nullable: ReadonlySet<string>,
): Stretch[] {
  const valueOf = (key: string) => marker[key] ?? null
  return order
    .map((step, i) => {
      const same = new Map(order.slice(0, i).map(({ key }) => [key, valueOf(key)]))
      return stretchesBeyond(step, valueOf(step.key), nullable.has(step.key), same)
    })
    .toReversed()
    .flat()
}

/** Null is lower than everything: everything else comes after it when ascending, nothing when descending. */
function stretchesBeyond(
  { key, direction }: ColumnStep,
  value: Value,
  isNullable: boolean,
  same: ReadonlyMap<string, Value>,
): Stretch[] {
  const column = sql.ref(key)
  if (direction === 'asc') {
    const after: Condition = value === null ? sql`${column} is not null` : sql`${column} > ${value}`
    return [{ same, after }]
  }
  if (value === null) return []
  const lower: Stretch = { same, after: sql`${column} < ${value}` }
  return isNullable ? [lower, { same: new Map([...same, [key, null]]), after: null }] : [lower]
}

function conditionOf({ same, after }: Stretch): Condition {
  const equal = Array.from(same, ([key, value]) =>
    value === null ? sql`${sql.ref(key)} is null` : sql`${sql.ref(key)} = ${value}`,
  )
  return sql`(${sql.join([...equal, ...(after === null ? [] : [after])], sql` and `)})`
}
