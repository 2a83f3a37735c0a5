import { Migrator } from 'kysely'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import { images } from './migrations/0001-images.ts'
import { metadefs } from './migrations/0002-metadefs.ts'
import { tasks } from './migrations/0003-tasks.ts'
import { nullProperties } from './migrations/0004-null-properties.ts'
import { removedLocations } from './migrations/0005-removed-locations.ts'
import { filters } from './migrations/0006-filters.ts'
import type { Engine } from './engine.ts'
import type { Access } from './transactions.ts'

/** Every version of the schema, by name, in order. One that was released never changes. */
const migrationsFor = (engine: Engine) => ({
  '0001-images': images(engine),
  '0002-metadefs': metadefs,
  '0003-tasks': tasks(engine),
  '0004-null-properties': nullProperties,
  '0005-removed-locations': removedLocations,
  '0006-filters': filters(engine),
})

/**
 * Brings the schema to the last version, all or nothing. Several processes may do so at once: the first does the
 * work and the others wait. @throws {GlanceError} `unsupported` when a later version of this program made it.
 */
export async function migrateToLatest({ sql, engine }: Access): Promise<void> {
  const provider = { getMigrations: async () => migrationsFor(engine) }
  const { error } = await new Migrator({ db: sql, provider }).migrateToLatest()
  if (error === undefined) return
  if (isGlanceError(error)) throw error
  const message = `the database schema cannot be brought to this version: ${messageOf(error)}`
  throw new GlanceError('unsupported', message, { cause: error })
}
