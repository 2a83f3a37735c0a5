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
  const clear = (table: keyof typeof TABLES) =>
    sql.deleteFrom(TABLES[table]).where('image_id', '=', id).execute()
  if (tags !== undefined) await clear('tags')
  if (properties !== undefined) await clear('properties')
  if (locations !== undefined) await clear('locations')
  if (removedLocations !== undefined) await clear('removedLocations')
  await insertParts(sql, [{ id, ...parts }])
}

const TABLES = {
  tags: 'image_tags',
  properties: 'image_properties',
  locations: 'image_locations',
  removedLocations: 'image_removed_locations',
} as const

/** Writes the parts of images that have none yet, or none of these. */
export async function insertParts(
  sql: Sql,
  images: readonly (Partial<ImageParts> & { readonly id: string })[],
): Promise<void> {
  const tags = images.flatMap(({ id, tags = [] }) =>
    Array.from(new Set(tags), value => ({ image_id: id, value })),
  )
  for (const rows of batches(tags)) await sql.insertInto('image_tags').values(rows).execute()
  const properties = images.flatMap(({ id, properties = [] }) =>
    Array.from(properties, ([name, value]) => ({ image_id: id, name, value })),
  )
  for (const rows of batches(properties)) {
    await sql.insertInto('image_properties').values(rows).execute()
  }
  const locations = images.flatMap(({ id, locations = [] }) =>
    locations.map((location, position) => locationToRow(id, location, position)),
  )
  for (const rows of batches(locations)) {
    await sql.insertInto('image_locations').values(rows).execute()
  }
  const removed = images.flatMap(({ id, removedLocations = [] }) =>
    removedLocations.map((location, position) => removedToRow(id, location, position)),
  )
  for (const rows of batches(removed)) {
    await sql.insertInto('image_removed_locations').values(rows).execute()
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

export function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let start = 0; start < items.length; start += BATCH) yield items.slice(start, start + BATCH)
}
