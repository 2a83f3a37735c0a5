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
  const openDatabase = await moduleOf(module)
  const naming = (error: unknown) => {
    const message = `data_api ${module}: ${messageOf(error)}`
    const code = isGlanceError(error) ? error.code : 'unavailable'
    return new GlanceError(code, message, { cause: error })
  }
  let database: unknown
  try {
    database = await opened(openDatabase(settings, options), patienceOf(settings), options)
  } catch (error) {
    if (options.signal?.aborted === true && error === options.signal.reason) throw error
    throw naming(error)
  }
  const missing = missingOf(database, PARTS)
  if (missing.length === 0) return database as Database // As far as can be seen; the suite sees the rest.
  throw naming(
    new GlanceError('usage', `what openDatabase opens has no ${missing.map(String).join(', ')}`),
  )
}

/** The function by which somebody else's driver opens databases, which is not called. @throws {GlanceError} `usage`. */
export async function moduleOf(module: string): Promise<DatabaseModule['openDatabase']> {
  return (await functionOf(module, {
    named: 'data_api',
    exporting: 'openDatabase',
    choices: 'simple, sqlite, postgresql, mysql',
  })) as DatabaseModule['openDatabase'] // What it opens is looked at.
}

/** As long as one may take that tries as often as ours do; undefined for ever. Milliseconds. */
function patienceOf({ poolTimeoutMs, maxRetries, retryIntervalMs }: ServerSettings) {
  return maxRetries < 0 ? undefined : poolTimeoutMs + maxRetries * retryIntervalMs
}

/**
 * Waits for what may never come, also when nothing else keeps the process, until `signal` fires or for so long.
 * @throws {GlanceError} `unavailable`.
 */
async function opened<T>(
  opening: Promise<T>,
  patienceMs: number | undefined,
  { signal }: Abortable,
): Promise<T> {
  const stop = new AbortController()
  let awake: NodeJS.Timeout | undefined
  const stopped = new Promise<never>((_, reject) => {
    const tooLong = () => {
      if (patienceMs === undefined) return
      const message = `openDatabase has opened nothing within ${patienceMs / 1000} s`
      reject(new GlanceError('unavailable', message))
    }
    awake = setInterval(tooLong, Math.min(patienceMs ?? LONGEST_MS, LONGEST_MS))
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

/** Longer than timers run is for ever. */
const LONGEST_MS = 2 ** 31 - 1

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
