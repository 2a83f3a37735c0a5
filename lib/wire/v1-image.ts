import { GlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { isObject } from '../image/json.ts'
import { imageFromV2, type V2Document } from './v2-image.ts'

/**
 * Whether this is a record of the v1 API's detailed listing, as the original replicator dumps it: in a v2 document
 * `properties` and `is_public` could only be somebody's custom properties, which are text.
 */
export function isV1Record(document: unknown): document is V2Document {
  return (
    isObject(document) &&
    (typeof document['is_public'] === 'boolean' || isObject(document['properties']))
  )
}

/**
 * Reads a record of `GET /v1/images/detail`. What v1 knows only as not public becomes `shared`, as Glance itself
 * made it when both versions stood side by side; a property without a value becomes the empty text that v2 shows.
 * @throws {GlanceError} `corrupt`, naming the field.
 */
export function imageFromV1(document: unknown): Image {
  if (!isV1Record(document)) throw new GlanceError('corrupt', 'not a v1 image record')
  const {
    is_public: isPublic,
    properties,
    deleted: _,
    deleted_at: __,
    location: ___,
    ...base
  } = document
  const custom = isObject(properties) ? properties : {}
  return imageFromV2({
    ...Object.fromEntries(
      Object.entries(custom).map(([key, value]) => [key, typeof value === 'string' ? value : null]),
    ),
    ...base,
    visibility: isPublic === true ? 'public' : 'shared',
  })
}
