import type { ImageStatus } from '../image/status.ts'
import type { Statement, WholeImages } from './sql/whole-images.ts'

/** Rows of images with all that belongs to them, made to JSON by SQLite: each row it hands over takes longer than that. */
export const SQLITE_IMAGES: WholeImages = {
  find: (id, statuses) => ({
    text: `select images.*, ${partsOf('images.id')} as parts from images where id = ? and ${isOneOf(statuses)}`,
    parameters: [id, ...statuses],
  }),
  parts: (ids): Statement => ({
    text: `select wanted.value as id, ${partsOf('wanted.value')} as parts from json_each(?) as wanted`,
    parameters: [JSON.stringify(ids)],
  }),
}

/** The expression for a {@link PartsText} of the image that another one says the id of. */
function partsOf(id: string): string {
  const tags = `select json_group_array(value) from image_tags where image_id = ${id}`
  const properties = `select json_group_array(json_array(name, value)) from image_properties where image_id = ${id}`
  const ordered = (table: string) =>
    `(select * from ${table} where image_id = ${id} order by position)`
  const locations = `select json_group_array(json_array(url, metadata)) from ${ordered('image_locations')}`
  const removed = `select json_group_array(json_array(url, metadata, removed_at)) from ${ordered('image_removed_locations')}`
  return `json_array((${tags}), (${properties}), (${locations}), (${removed}))`
}

function isOneOf(statuses: readonly ImageStatus[]): string {
  return `status in (${statuses.map(() => '?').join(', ')})`
}
