import type { RawBuilder, SelectQueryBuilder, Selectable } from 'kysely'
import type { ImageRecord } from '../database.ts'
import type { OrderStep } from '../order.ts'
import { withParts } from './parts.ts'
import { imageFromRow, type ImageParts, locationFromRow, removedFromRow } from './rows.ts'
import type { Sql, Tables } from './tables.ts'

type ImageRow = Selectable<Tables['images']>

/** How an engine reads images with their parts, which is to have null first in ascending order. */
export interface WholeImages {
  /** The expression for the {@link ImageText} of a row of `images`. */
  readonly image: RawBuilder<ImageText>
}

/**
 * JSON of one list: the columns of the row, in the order of {@link ROW_COLUMNS}; then tags; names and values of
 * properties; URLs and metadata of locations; the same of removed ones, and when.
 */
type ImageText = string

/** What an {@link ImageText} begins with. */
export const ROW_COLUMNS = [
  'id',
  'name',
  'status',
  'visibility',
  'os_hidden',
  'protected',
  'owner',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'created_at',
  'updated_at',
  'deleted_at',
] as const satisfies readonly (keyof ImageRow)[]

type ValuesOf<Columns extends readonly (keyof ImageRow)[]> = {
  -readonly [I in keyof Columns]: ImageRow[Columns[I]]
}

type ImageList = [
  ...row: ValuesOf<typeof ROW_COLUMNS>,
  tags: string[],
  properties: [string, string | null][],
  locations: [url: string, metadata: string][],
  removed: [url: string, metadata: string, removedAt: string][],
]

type ImageRows = SelectQueryBuilder<Tables, 'images', unknown>

/** The images that a query for them finds, in its order: in one statement where the engine can. */
export async function readImages(
  sql: Sql,
  whole: WholeImages | undefined,
  images: ImageRows,
): Promise<ImageRecord[]> {
  if (whole === undefined) return await withParts(sql, await images.selectAll().execute())
  return await readWhole(whole, images)
}

/**
 * Those of `all` that a query finds, which has them in this order. An engine that sorts makes the text of more images
 * than it answers, unless the query is done with that by then.
 */
export function readSorted(
  all: ImageRows,
  whole: WholeImages,
  query: ImageRows,
  order: readonly OrderStep[],
): Promise<ImageRecord[]> {
  const found = all.where('id', 'in', query.select('id'))
  const sorted = order.reduce((images, { key, direction }) => images.orderBy(key, direction), found)
  return readWhole(whole, sorted)
}

async function readWhole({ image }: WholeImages, images: ImageRows): Promise<ImageRecord[]> {
  const found = await images.select(image.as('image')).execute()
  return found.map(each => imageFromText(each.image))
}

function imageFromText(text: ImageText): ImageRecord {
  const [
    id,
    name,
    status,
    visibility,
    os_hidden,
    isProtected,
    owner,
    container_format,
    disk_format,
    min_disk,
    min_ram,
    size,
    virtual_size,
    checksum,
    os_hash_algo,
    os_hash_value,
    created_at,
    updated_at,
    deleted_at,
    tags,
    properties,
    locations,
    removed,
  ] = JSON.parse(text) as ImageList // As the engine's expression makes it.
  return imageFromRow(
    {
      id,
      name,
      status,
      visibility,
      os_hidden,
      protected: isProtected,
      owner,
      container_format,
      disk_format,
      min_disk,
      min_ram,
      size,
      virtual_size,
      checksum,
      os_hash_algo,
      os_hash_value,
      created_at,
      updated_at,
      deleted_at,
    },
    {
      tags: tags.length > 1 ? tags.toSorted() : tags,
      properties: properties.length === 0 ? NO_PROPERTIES : new Map(properties),
      locations: locations.map(([url, metadata]) => locationFromRow({ url, metadata })),
      removedLocations: removed.map(([url, metadata, removed_at]) =>
        removedFromRow({ url, metadata, removed_at }),
      ),
    },
  )
}

/** One for all: a Map takes more room than all else that such an image has. */
const NO_PROPERTIES: ImageParts['properties'] = new Map()
