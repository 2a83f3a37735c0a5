import type { Abortable } from '../abort.ts'
import type { Database } from '../database/database.ts'
import { GlanceError } from '../errors.ts'

/**
 * Sees to it that the tables of a database are those that we use: makes them so with `autoCreate`, and else only looks.
 * @throws {GlanceError} `conflict`, naming the command that makes them so; as `Database.migrate`.
 */
export async function readyDatabase(
  database: Database,
  autoCreate: boolean,
  options: Abortable = {},
): Promise<void> {
  if (autoCreate) await database.migrate(options)
  else await requireReady(database)
}

/** @throws {GlanceError} as {@link readyDatabase}. */
export async function requireReady({ schema }: Database): Promise<void> {
  if (schema === undefined) return
  const version = await schema.version()
  const latest = schema.versions.length
  if (version === latest) return
  const sync = "'glance-replicator db sync', given the same configuration,"
  const message =
    version === 0
      ? `the database is empty: ${sync} makes its tables`
      : `the database has version ${version} of the schema, and ${latest} is used: ${sync} brings it there`
  throw new GlanceError('conflict', message)
}
