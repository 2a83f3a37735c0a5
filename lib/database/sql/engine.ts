import { type Expression, type OrderByModifiers, type RawBuilder, sql } from 'kysely'
import type { Database } from '../database.ts'
import type { OrderStep } from '../order.ts'
import type { Outages } from './away.ts'
import type { WholeImages } from './whole-images.ts'

/**
 * What SQL engines differ in, beyond what their kysely dialects see to. Those spell statements, refuse text with NUL,
 * map errors to `GlanceError`s, and make every column of text compare by its bytes and `text` hold any length, so that
 * migrations say `varchar(255)` and `text` for all engines. `serializable` transactions are serial with each other.
 */
export interface Engine {
  readonly name: 'sqlite' | 'postgresql' | 'mysql'
  /** Whether null comes last in ascending order, unless ORDER BY and index say otherwise: for us it comes first. */
  readonly nullsLast: boolean
  /** Whether it sees that rows do not differ in a column that is asked to be null. */
  readonly knowsNull: boolean
  /**
   * What follows a table in FROM so that it is read by an index, its primary key when null, where the engine would not
   * do so by itself: one without statistics takes any index for a good one.
   */
  readonly hint: (index: string | null) => RawBuilder<unknown>
  /** What follows the table in CREATE INDEX so that rows are found by a column and a text that may be of any length. */
  readonly textIndex: (column: string, text: string) => RawBuilder<unknown>
  /** The expression for the part of the database that our tables are in, where a database has such parts. */
  readonly ourPart: RawBuilder<string> | null
  /** The statement that drops an index. */
  readonly dropIndex: (index: string, table: string) => RawBuilder<unknown>
  /** How many more times something is tried that was `Undone`. */
  readonly retries: number
  /**
   * The first statements of a transaction that may be undone: one lets in any number at the same time, the other waits
   * until it is the only one and keeps others out. Undefined for an engine that lets in one at a time.
   */
  readonly gate?: { readonly together: string; readonly alone: string }
  /** How images are read with all their parts at once, by an engine to which that is cheaper than a query for each kind. */
  readonly whole?: WholeImages
  /** Told when it is `Away`; undefined for one that is never. */
  readonly outages?: Outages
  /** What is closed with the database. kysely closes its driver only once that was used. */
  readonly pool?: AsyncDisposable
  /** As {@link Database.hold}. */
  readonly hold?: Database['hold']
}

/** How a listing is ordered by one step, of which `nullable` says whether its column can be null. */
export function ordered(
  { nullsLast }: Engine,
  { direction }: OrderStep<string>,
  nullable: boolean,
): OrderByModifiers {
  if (!nullsLast || !nullable) return direction
  return direction === 'asc' ? by => by.asc().nullsFirst() : by => by.desc().nullsLast()
}

/** The columns of an index from which listings are read in either direction, of which `nullable` can be null. */
export function indexed(
  { nullsLast }: Engine,
  columns: Iterable<string>,
  nullable: ReadonlySet<string>,
): Expression<never> {
  return sql.join(
    Array.from(columns, column =>
      nullsLast && nullable.has(column) ? sql`${sql.ref(column)} nulls first` : sql.ref(column),
    ),
  ) as RawBuilder<never>
}
