import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
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
 * Opens a database by somebody else's driver: `module` is the path of a file, absolute or beginning with `./` or `../`, a
 * `file:` URL, or the name of a package that is installed with this program.
 * @throws {GlanceError} `usage` when there is no such module or no driver in it; what the driver itself throws.
 */
export async function openModule(
  module: string,
  settings: ModuleSettings,
  options: Abortable,
): Promise<Database> {
  const { openDatabase } = await load(module)
  const naming = (error: unknown) => {
    const message = `data_api ${module}: ${messageOf(error)}`
    const code = isGlanceError(error) ? error.code : 'unavailable'
    return new GlanceError(code, message, { cause: error })
  }
  let database: unknown
  try {
    database = await opened(openDatabase(settings, options), options)
  } catch (error) {
    if (options.signal?.aborted === true && error === options.signal.reason) throw error
    throw naming(error)
  }
  const missing = PARTS.filter(part => !has(database, part))
  if (missing.length === 0) return database as Database // As far as can be seen; the suite sees the rest.
  throw naming(
    new GlanceError('usage', `what openDatabase opens has no ${missing.map(String).join(', ')}`),
  )
}

/** Waits for what may never come, also when nothing else keeps the process, until `signal` fires. */
async function opened<T>(opening: Promise<T>, { signal }: Abortable): Promise<T> {
  const awake = setInterval(() => {}, 1 << 30)
  const stop = new AbortController()
  const stopped = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { signal: stop.signal })
    if (signal?.aborted === true) onAbort()
  })
  try {
    return await Promise.race([opening, stopped])
  } finally {
    clearInterval(awake)
    stop.abort()
  }
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

async function load(module: string): Promise<DatabaseModule> {
  let exported: unknown
  try {
    exported = await import(
      /^(?:\/|\.\.?\/)/.test(module) ? pathToFileURL(resolve(module)).href : module
    )
  } catch (error) {
    // Else it is something that the module itself imports.
    const isOurs = messageOf(error).endsWith(`imported from ${fileURLToPath(import.meta.url)}`)
    const isMissing =
      isOurs && error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    const message = isMissing
      ? `data_api ${module}: expected simple, sqlite, postgresql, mysql or a module, and there is none of that name: ${messageOf(error)}`
      : `data_api ${module}: the module cannot be loaded: ${messageOf(error)}`
    throw new GlanceError('usage', message, { cause: error })
  }
  if (isDriver(exported)) return exported
  throw new GlanceError(
    'usage',
    `data_api ${module}: the module has to export a function openDatabase, which it does not`,
  )
}

function isDriver(exported: unknown): exported is DatabaseModule {
  return has(exported, 'openDatabase') && typeof exported.openDatabase === 'function'
}

function has<K extends PropertyKey>(value: unknown, key: K): value is Record<K, unknown> {
  return typeof value === 'object' && value !== null && key in value
}
