import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GlanceError } from '../errors.ts'
import type { ServerConfig } from '../server/config.ts'

/** @throws {GlanceError} `usage` where a database would be imported into itself. */
export async function requireOther(
  url: string,
  { connection, dataDir }: Pick<ServerConfig, 'connection' | 'dataDir'>,
): Promise<void> {
  const { parseConnection } = await import('../database/connection.ts')
  const placeOf = (url: string) => {
    const place = parseConnection(url)
    if (place.engine === 'sqlite') return resolve(place.path)
    const { engine, host, port, socket, database } = place
    return JSON.stringify([engine, socket ?? [host, port], database])
  }
  const own = connection ?? `sqlite:///${join(resolve(dataDir), 'glance.sqlite')}`
  // Somebody else's driver has URLs of its own.
  const isOurs = /^(?:sqlite|postgres|mysql|mariadb)/.test(own)
  if (!isOurs || placeOf(own) !== placeOf(url)) return
  const message =
    'this is the database of the service itself: give it one of its own, by --config or --data-dir'
  throw new GlanceError('usage', message)
}

/** Where a service finds the data of images: schemes of URLs, and folders of files as URLs without a slash at their end. */
export async function placesOf(
  config: ServerConfig,
): Promise<{ readonly schemes: ReadonlySet<string>; readonly folders: ReadonlySet<string> }> {
  const [{ foldersOf, STORE_TYPES }, { storeConfigs }] = await Promise.all([
    import('../store/open.ts'),
    import('../server/store-configs.ts'),
  ])
  const { all } = storeConfigs(config)
  const folders = all.flatMap(({ type, options }) => foldersOf(type, options))
  return {
    schemes: new Set(all.flatMap(({ type }) => STORE_TYPES[type]?.schemes ?? [])),
    folders: new Set(folders.map(folder => pathToFileURL(resolve(folder)).href)),
  }
}
