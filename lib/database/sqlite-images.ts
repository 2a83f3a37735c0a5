import { sql } from 'kysely'
import { ROW_COLUMNS, type WholeImages } from './sql/whole-images.ts'

/** Images made to JSON by SQLite: each row it hands over takes longer than that, and so does each column. */
export const SQLITE_IMAGES: WholeImages = {
  image: sql.raw(
    `json_array(${[...ROW_COLUMNS.map(column => `images.${column}`), ...partsOf('images.id')].join()})`,
  ),
}

/** The expressions for the parts of the image that another one says the id of. */
function partsOf(id: string): readonly string[] {
  const tags = `select json_group_array(value) from image_tags where image_id = ${id}`
  const properties = `select json_group_array(json_array(name, value)) from image_properties where image_id = ${id}`
  const ordered = (table: string) =>
    `(select * from ${table} where image_id = ${id} order by position)`
  const locations = `select json_group_array(json_array(url, metadata)) from ${ordered('image_locations')}`
  const removed = `select json_group_array(json_array(url, metadata, removed_at)) from ${ordered('image_removed_locations')}`
  return [tags, properties, locations, removed].map(query => `(${query})`)
}
