import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { functionOf, missingOf } from '../module.ts'
import type { Database } from './database.ts'
import type { ServerSettings } from './settings.ts'

/** What somebody else's driver is told: the connection as it was written, and how patient it may be. */
export interface ModuleSettings extends ServerSettings {
  readonly connection: string
}

/**
 * What a module with a driver exports: a function that opens the database, which is not yet migrated. It promises what
 * {@link Database} does, and what it throws that somebody may act on are `GlanceError`s.
 */
export interface DatabaseModule {
  openDatabase(settings: ModuleSettings, options: Abortable): Promise<Database>
}

/**
 * Opens a database by somebody else's driver, which `module` is found by as by {@link functionOf}.
 * @throws {GlanceError} `usage` when there is no such module or no driver in it; what the driver itself throws.
 */
export async function openModule(
  module: string,
  settings: ModuleSettings,
  options: Abortable,
): Promise<Database> {
  const openDatabase = (await functionOf(module, {
    named: 'data_api',
    exporting: 'openDatabase',
    choices: 'simple, sqlite, postgresql, mysql',
  })) as DatabaseModule['openDatabase'] // What it opens is looked at.
  const naming = (error: unknown) => {
    const message = `data_api ${module}: ${messageOf(error)}`
    const code = isGlanceError(error) ? error.code : 'unavailable'
    return new GlanceError(code, message, { cause: error })
  }
  let database: unknown
  try {
    database = await openDatabase(settings, options)
  } catch (error) {
    throw naming(error)
  }
  const missing = missingOf(database, PARTS)
  if (missing.length === 0) return database as Database // As far as can be seen; the suite sees the rest.
  throw naming(
    new GlanceError('usage', `what openDatabase opens has no ${missing.map(String).join(', ')}`),
  )
}

/** What every database has; the last as a method. */
const PARTS = [
  'images',
  'members',
  'tasks',
  'metadefs',
  'migrate',
  'transaction',
  Symbol.asyncDispose,
] as const
