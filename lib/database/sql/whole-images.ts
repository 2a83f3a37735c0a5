import { CompiledQuery, type Selectable } from 'kysely'
import type { ImageStatus } from '../../image/status.ts'
import type { ImageRecord } from '../database.ts'
import { withParts } from './parts.ts'
import { imageFromRow, type ImageParts, locationFromRow, removedFromRow } from './rows.ts'
import type { Sql, Tables } from './tables.ts'

type ImageRow = Selectable<Tables['images']>

/** A statement of an engine's own, and what it is for. */
export interface Statement {
  readonly text: string
  readonly parameters: readonly unknown[]
}

/** How an engine reads images with their parts, which come as {@link PartsText} in a column `parts`. */
export interface WholeImages {
  /** The row of an image that is in one of these statuses. */
  find(id: string, statuses: readonly ImageStatus[]): Statement
  /** The parts alone, and in the column `id` of which image. */
  parts(ids: readonly string[]): Statement
}

/** JSON: tags; names and values of properties; URLs and metadata of locations; the same of removed ones, and when. */
type PartsText = string

/** The image, if it is in one of these statuses: by one statement where the engine has one for that. */
export async function findImage(
  sql: Sql,
  whole: WholeImages | undefined,
  id: string,
  statuses: readonly ImageStatus[],
): Promise<ImageRecord | undefined> {
  if (whole === undefined) {
    const image = sql.selectFrom('images').selectAll().where('id', '=', id)
    const [found] = await withParts(sql, await image.where('status', 'in', statuses).execute())
    return found
  }
  const [row] = await run<ImageRow & { parts: PartsText }>(sql, whole.find(id, statuses))
  return row && imageFromRow(row, partsFrom(id, row.parts))
}

/** The images of these rows, in their order. */
export async function imagesOf(
  sql: Sql,
  whole: WholeImages | undefined,
  rows: readonly ImageRow[],
): Promise<ImageRecord[]> {
  if (whole === undefined || rows.length === 0) return await withParts(sql, rows)
  const found = await run<{ id: string; parts: PartsText }>(
    sql,
    whole.parts(rows.map(({ id }) => id)),
  )
  const texts = new Map(found.map(({ id, parts }) => [id, parts]))
  return rows.map(row => imageFromRow(row, partsFrom(row.id, texts.get(row.id))))
}

async function run<Row>(sql: Sql, { text, parameters }: Statement): Promise<readonly Row[]> {
  const { rows } = await sql.executeQuery(CompiledQuery.raw(text, [...parameters]))
  return rows as Row[] // As the engine's statement has it.
}

function partsFrom(id: string, text: PartsText | undefined): ImageParts {
  if (text === undefined) throw new TypeError(`image ${id} was asked for and has no parts`)
  const [tags, properties, locations, removed] = JSON.parse(text) as [
    string[],
    [string, string | null][],
    [url: string, metadata: string][],
    [url: string, metadata: string, removedAt: string][],
  ] // As the engine's statement makes it.
  return {
    tags: tags.toSorted(),
    properties: new Map(properties),
    locations: locations.map(([url, metadata]) => locationFromRow({ url, metadata })),
    removedLocations: removed.map(([url, metadata, removed_at]) =>
      removedFromRow({ url, metadata, removed_at }),
    ),
  }
}
