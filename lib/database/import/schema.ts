import { GlanceError } from '../../errors.ts'

/** The tables of a database and their columns, by name. */
export type Columns = ReadonlyMap<string, ReadonlySet<string>>

/** A Glance's database, as far as its columns tell. */
export interface GlanceSchema {
  readonly columns: Columns
  /** The releases that have such columns, such as `Folsom (2012.2)`. */
  readonly release: string
}

/** What each release brought, latest first: a column, or a table when the column is null. */
const RELEASES: readonly (readonly [release: string, table: string, column: string | null])[] = [
  ['2024.1 or later', 'cached_images', null],
  ['Wallaby (2021.1) to 2023.2', 'tasks', 'image_id'],
  ['Rocky (2018.2) to Victoria (2020.2)', 'images', 'os_hidden'],
  ['Ocata (2017.1) to Queens (2018.1)', 'images', 'visibility'],
  ['Juno (2014.2) to Newton (2016.2)', 'metadef_namespaces', null],
  ['Icehouse (2014.1)', 'images', 'virtual_size'],
  ['Havana (2013.2)', 'image_locations', 'meta_data'],
  ['Grizzly (2013.1)', 'image_locations', null],
  ['Folsom (2012.2)', 'image_tags', null],
]

/** What Glance of any release since Folsom has, without which there is nothing to be read. */
const NEEDED = {
  images: ['id', 'name', 'status', 'size', 'owner', 'created_at', 'updated_at', 'deleted'],
  image_properties: ['image_id', 'name', 'value', 'deleted'],
  image_members: ['id', 'image_id', 'member', 'can_share', 'deleted'],
  image_tags: ['image_id', 'value', 'deleted'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/**
 * Holds a database to what a Glance's has. It is told by its columns, since what a version is called says little of
 * what is there half way through an upgrade. @throws {GlanceError} `unsupported`.
 */
export function recognise(columns: Columns): GlanceSchema {
  const images = columns.get('images')
  if (images === undefined) throw none('it has no table images')
  if (!images.has('deleted') && columns.has('image_removed_locations')) {
    throw none("it is one of this program's own")
  }
  if (columns.has('image_properties') && !columns.has('image_tags')) {
    throw new GlanceError(
      'unsupported',
      'the database is of a Glance before Folsom (2012.2): its own glance-manage db_sync has to bring it there first',
    )
  }
  const absent = Object.keys(NEEDED).find(table => !columns.has(table))
  if (absent !== undefined) throw none(`it has no table ${absent}`)
  for (const [table, names] of Object.entries(NEEDED)) {
    const missing = names.find(name => columns.get(table)?.has(name) !== true)
    if (missing !== undefined) throw none(`its table ${table} has no column ${missing}`)
  }
  if (!images.has('is_public') && !images.has('visibility')) {
    throw none('its images are neither is_public nor have a visibility')
  }
  if (!images.has('location') && !columns.has('image_locations')) {
    throw none('its images have no locations')
  }
  return { columns, release: releaseOf(columns) }
}

/** The release that brought the latest of what is there. */
function releaseOf(columns: Columns): string {
  const found = RELEASES.find(([, table, column]) => {
    const there = columns.get(table)
    return there !== undefined && (column === null || there.has(column))
  })
  return found?.[0] ?? 'Folsom (2012.2)'
}

function none(why: string): GlanceError {
  return new GlanceError('unsupported', `this is no database of a Glance: ${why}`)
}
