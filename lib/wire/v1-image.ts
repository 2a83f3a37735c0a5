import type { IncomingHttpHeaders } from 'node:http'
import { GlanceError } from '../errors.ts'
import { type Image, isHollow } from '../image/image.ts'
import { isObject } from '../image/json.ts'
import { fromV1Headers } from './v1-headers.ts'
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
 * made it when both versions stood side by side. A size of 0 without a checksum is none: that of a record without data, or
 * one that the service could not find out; but not that of a hollow image. @throws {GlanceError} `corrupt`, naming the field.
 */
export function imageFromV1(document: unknown): Image {
  if (!isV1Record(document)) throw new GlanceError('corrupt', 'not a v1 image record')
  const { is_public: isPublic, properties, ...record } = document
  const known = ATTRIBUTES.map(name => [name, record[name]] as const)
  const image = imageFromV2({
    ...Object.fromEntries(known),
    visibility: isPublic === true ? 'public' : 'shared',
  })
  const custom = isObject(properties) ? Object.entries(properties) : []
  return {
    ...image,
    size: image.size === 0 && image.checksum === null && !isHollow(image) ? null : image.size,
    properties: new Map(
      custom.map(([name, value]) => [name, typeof value === 'string' ? value : null]),
    ),
  }
}

/**
 * Reads the headers with which v1 answers a HEAD, as Node.js gives them. What has no header is null.
 * @throws {GlanceError} `corrupt`, naming the field.
 */
export function imageFromV1Headers(headers: IncomingHttpHeaders): Image {
  const single = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  )
  const { attributes, properties } = fromV1Headers(single)
  const record = [...attributes].map(([name, value]) => [name, typed(name, value)] as const)
  return imageFromV1({
    ...Object.fromEntries(record),
    properties: Object.fromEntries(properties),
  })
}

/** The attributes that v1 and v2 have under the same name. */
const ATTRIBUTES = [
  'id',
  'name',
  'status',
  'protected',
  'owner',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'size',
  'virtual_size',
  'checksum',
  'created_at',
  'updated_at',
] as const

const FLAGS: ReadonlySet<string> = new Set(['is_public', 'protected', 'deleted'])
const COUNTS: ReadonlySet<string> = new Set(['min_disk', 'min_ram', 'size', 'virtual_size'])

/** What Python printed; a number that is none stays text, for which it is then told. */
function typed(name: string, value: string | null): unknown {
  if (FLAGS.has(name)) return value?.toLowerCase() === 'true'
  return value !== null && COUNTS.has(name) && /^\d+$/.test(value) ? Number(value) : value
}
