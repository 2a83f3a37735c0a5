import { join, resolve } from 'node:path'
import type { Database } from '../../database/database.ts'
import { openDatabase } from '../../database/open.ts'
import type { OpenOptions } from '../../database/settings.ts'
import { GlanceError } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import { makeDataFolder } from '../exclusive.ts'

/** Opens the database that the service uses, which is not yet migrated. @throws {GlanceError} as {@link openDatabase}. */
export async function openDatabaseOf(
  config: ServerConfig,
  options: OpenOptions = {},
): Promise<Database> {
  const { dataApi, connection, dataDir } = config
  if (connection !== null) return openDatabase({ ...config, connection }, options)
  requireConnection(dataApi)
  if (dataApi !== null && dataApi !== 'sqlite') {
    return openDatabase({ ...config, connection: '' }, options)
  }
  await makeDataFolder(dataDir)
  const path = join(resolve(dataDir), 'glance.sqlite')
  return openDatabase({ dataApi, connection: `sqlite:///${path}` })
}

/** Refuses a server of databases without its address. @throws {GlanceError} `usage`. */
export function requireConnection(dataApi: ServerConfig['dataApi']): void {
  if (dataApi !== 'postgresql' && dataApi !== 'mysql') return
  const message = `data_api is ${dataApi}, so [database] connection has to say where the database is`
  throw new GlanceError('usage', message)
}
