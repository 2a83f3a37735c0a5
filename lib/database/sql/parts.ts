import type { Selectable } from 'kysely'
import type { ImageRecord } from '../database.ts'
import {
  imageFromRow,
  type ImageParts,
  locationFromRow,
  locationToRow,
  removedFromRow,
  removedToRow,
} from './rows.ts'
import type { Sql, Tables } from './tables.ts'

/** How many rows one statement names or writes: well under the parameters that engines allow. */
const BATCH = 1000

/** The images of these rows, in their order: one query for the tags of a whole page, and so on. */
export async function withParts(
  sql: Sql,
  rows: readonly Selectable<Tables['images']>[],
): Promise<ImageRecord[]> {
  const images: ImageRecord[] = []
  for (const batch of batches(rows)) {
    const ids = batch.map(row => row.id)
    const parts = await partsOf(sql, ids)
    images.push(...batch.map(row => imageFromRow(row, parts(row.id))))
  }
  return images
}

async function partsOf(sql: Sql, ids: readonly string[]): Promise<(id: string) => ImageParts> {
  const tags = sql.selectFrom('image_tags').selectAll().where('image_id', 'in', ids)
  const properties = sql.selectFrom('image_properties').selectAll().where('image_id', 'in', ids)
  const locations = sql.selectFrom('image_locations').selectAll().where('image_id', 'in', ids)
  const removed = sql.selectFrom('image_removed_locations').selectAll().where('image_id', 'in', ids)
  const tagsOf = byImage(await tags.execute())
  const propertiesOf = byImage(await properties.execute())
  const locationsOf = byImage(await locations.orderBy('position').execute())
  const removedOf = byImage(await removed.orderBy('position').execute())
  return id => ({
    tags: Array.from(tagsOf(id), row => row.value).toSorted(),
    properties: new Map(propertiesOf(id).map(row => [row.name, row.value])),
    locations: locationsOf(id).map(locationFromRow),
    removedLocations: removedOf(id).map(removedFromRow),
  })
}

function byImage<T extends { image_id: string }>(rows: readonly T[]): (id: string) => readonly T[] {
  const found = new Map<string, T[]>()
  for (const row of rows) {
    const others = found.get(row.image_id)
    if (others === undefined) found.set(row.image_id, [row])
    else others.push(row)
  }
  return id => found.get(id) ?? []
}

/** Writes those parts that are given, in place of what there was. */
export async function replaceParts(
  sql: Sql,
  id: string,
  parts: Partial<ImageParts>,
): Promise<void> {
  const { tags, properties, locations, removedLocations } = parts
  if (tags !== undefined) {
    await sql.deleteFrom('image_tags').where('image_id', '=', id).execute()
    for (const batch of batches([...new Set(tags)])) {
      const rows = batch.map(value => ({ image_id: id, value }))
      await sql.insertInto('image_tags').values(rows).execute()
    }
  }
  if (properties !== undefined) {
    await sql.deleteFrom('image_properties').where('image_id', '=', id).execute()
    for (const batch of batches([...properties])) {
      const rows = batch.map(([name, value]) => ({ image_id: id, name, value }))
      await sql.insertInto('image_properties').values(rows).execute()
    }
  }
  if (locations !== undefined) {
    await sql.deleteFrom('image_locations').where('image_id', '=', id).execute()
    const rows = locations.map((location, position) => locationToRow(id, location, position))
    for (const batch of batches(rows)) {
      await sql.insertInto('image_locations').values(batch).execute()
    }
  }
  if (removedLocations !== undefined) {
    await sql.deleteFrom('image_removed_locations').where('image_id', '=', id).execute()
    const rows = removedLocations.map((removed, position) => removedToRow(id, removed, position))
    for (const batch of batches(rows)) {
      await sql.insertInto('image_removed_locations').values(batch).execute()
    }
  }
}

/** Removes all that belongs to some images but their rows. */
export async function dropParts(sql: Sql, ids: readonly string[]): Promise<void> {
  for (const table of PARTS) await sql.deleteFrom(table).where('image_id', 'in', ids).execute()
}

const PARTS = [
  'image_tags',
  'image_properties',
  'image_locations',
  'image_removed_locations',
  'image_members',
] as const

function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += BATCH) yield items.slice(start, start + BATCH)
}
