import { existsSync } from 'node:fs'
import { GlanceError } from '../errors.ts'
import type { ServerConfig } from '../server/config.ts'
import type { Searched, SearchedService } from '../server/domain/orphans.ts'
import type { Store } from '../store/store.ts'
import type { Log } from './log.ts'

/** The stores of a service that can be looked through, with that for what waits to be imported. */
export async function searchedStores(
  config: ServerConfig,
  { stores }: Pick<SearchedService, 'stores'>,
  { log, opened }: { readonly log: Log; readonly opened: (store: Store) => void },
): Promise<readonly Searched[]> {
  const places: Searched[] = []
  for (const { store } of stores.all) {
    if (!store.writable) continue // What others keep is theirs.
    if (isSearchable(store)) places.push({ store, isStaging: false })
    else log.warning(`store ${store.id} cannot be looked through`)
  }
  const { openStaging, stagingFolder } = await import('../server/open-stores.ts')
  const folder = stagingFolder(config)
  if (folder !== null && existsSync(folder)) {
    const store = await openStaging(config)
    opened(store)
    if (isSearchable(store)) places.push({ store, isStaging: true })
  }
  return places
}

function isSearchable(store: Store): store is Searched['store'] {
  return store.list !== undefined
}

/** @throws {GlanceError} `usage` for the name of a store that there is not, or that cannot be looked through. */
export function checkStores(named: readonly string[], places: readonly Searched[]): void {
  const ids = places.map(({ store }) => store.id)
  const unknown = named.find(id => !ids.includes(id))
  if (unknown === undefined) return
  const message = `--delete-orphans: expected one of ${ids.join(', ')}, found '${unknown}'`
  throw new GlanceError('usage', message)
}
