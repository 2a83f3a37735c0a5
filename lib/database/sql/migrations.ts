import type { Migration } from './migration.ts'
import { images } from './migrations/0001-images.ts'
import { metadefs } from './migrations/0002-metadefs.ts'
import { tasks } from './migrations/0003-tasks.ts'
import { nullProperties } from './migrations/0004-null-properties.ts'
import { removedLocations } from './migrations/0005-removed-locations.ts'
import { filters } from './migrations/0006-filters.ts'

/** Every version of the schema, by name, in order. What one that was released makes never changes. */
export const MIGRATIONS: readonly (readonly [name: string, migration: Migration])[] = [
  ['0001-images', images],
  ['0002-metadefs', metadefs],
  ['0003-tasks', tasks],
  ['0004-null-properties', nullProperties],
  ['0005-removed-locations', removedLocations],
  ['0006-filters', filters],
]

/** The tables of every version, those that a migration makes for a moment too; none is before one that refers to it. */
export const TABLES: readonly string[] = [
  'image_removed_locations',
  'image_properties_before',
  'image_properties_anew',
  'tasks',
  'metadef_parts',
  'metadef_resource_types',
  'metadef_namespaces',
  'image_members',
  'image_locations',
  'image_tags',
  'image_properties',
  'images',
]
