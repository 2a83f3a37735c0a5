import type { Kysely } from 'kysely'
import type { SchemaLoss } from '../database.ts'
import type { Engine } from './engine.ts'

/** One version of the schema: how it is made of the one before, and the other way round. */
export interface Migration {
  up(db: Kysely<unknown>, engine: Engine): Promise<void>
  /** Keeps of the rows all that the version before has a place for. */
  down(db: Kysely<unknown>, engine: Engine): Promise<void>
  /** What {@link down} would lose of the rows that are there. */
  losses(db: Kysely<unknown>): Promise<readonly SchemaLoss[]>
}

/** So many rows, called `what`, or nothing when there are none. */
export function lossOf(what: string, rows: number): readonly SchemaLoss[] {
  return rows === 0 ? [] : [{ what, rows }]
}
