import { type Kysely, type RawBuilder, sql } from 'kysely'

/** How many rows a table of any version of the schema has; `which` says of which they are. */
export async function rowsIn(
  db: Kysely<unknown>,
  table: string,
  which: RawBuilder<unknown> = sql`1 = 1`,
): Promise<number> {
  const counting = sql<{ rows: number | string }>`
    select count(*) as ${sql.id('rows')} from ${sql.table(table)} where ${which}`
  const [counted] = (await counting.execute(db)).rows
  return Number(counted?.rows) // Some engines answer it as text.
}
