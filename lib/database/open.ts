import { GlanceError } from '../errors.ts'
import { parseConnection } from './connection.ts'
import type { Database } from './database.ts'
import { moduleOf, openModule } from './module.ts'
import { completeSettings, type OpenOptions, type ServerSettings } from './settings.ts'

/** Our drivers; any other name is that of a module. */
const DATA_APIS = ['simple', 'sqlite', 'postgresql', 'mysql'] as const

export interface DatabaseSettings extends Partial<ServerSettings> {
  /**
   * `simple`, `sqlite`, `postgresql`, `mysql`, or somebody else's driver as {@link openModule} finds it; null for what
   * the connection says.
   */
  readonly dataApi: string | null
  /** Where the database is, as {@link parseConnection} takes it; for somebody else's driver as that takes it. */
  readonly connection: string
}

/**
 * Opens the database, which is not yet migrated. @throws {GlanceError} `usage`, `unavailable`, `corrupt`,
 * `unsupported`.
 */
export async function openDatabase(
  { dataApi, connection: url, ...given }: DatabaseSettings,
  options: OpenOptions = {},
): Promise<Database> {
  const settings = completeSettings(given)
  if (dataApi === 'simple') {
    const { SimpleDatabase } = await import('./simple/simple.ts')
    return new SimpleDatabase()
  }
  if (dataApi !== null && isModule(dataApi)) {
    return openModule(dataApi, { connection: url, ...settings }, options)
  }
  const connection = parseConnection(url)
  const { engine } = connection
  if (dataApi !== null && dataApi !== engine) {
    throw new GlanceError('usage', `data_api is ${dataApi}, and the connection is one of ${engine}`)
  }
  if (connection.engine === 'sqlite') {
    const { openSqlite } = await import('./sqlite.ts')
    return openSqlite(connection.path, { report: options.report })
  }
  if (connection.ignored.length > 0) {
    options.notice?.(`connection: ${connection.ignored.join(', ')} ignored: nothing here needs it`)
  }
  if (connection.engine === 'postgresql') {
    const { openPostgres } = await import('./postgres.ts')
    return openPostgres(connection, settings, options)
  }
  const { openMysql } = await import('./mysql.ts')
  return openMysql(connection, settings, options)
}

/** Refuses a driver that there is not, and opens nothing. @throws {GlanceError} `usage`. */
export async function checkDriver(dataApi: string): Promise<void> {
  if (isModule(dataApi)) await moduleOf(dataApi)
}

/** Whether it is none of our drivers. */
function isModule(dataApi: string): boolean {
  return !DATA_APIS.some(name => name === dataApi)
}
