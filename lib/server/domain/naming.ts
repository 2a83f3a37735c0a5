import type { ImageLocation } from '../../image/location.ts'
import type { Store, StoredData } from '../../store/store.ts'
import type { Stores } from './stores.ts'

/**
 * Whether a location may be that of what there is in a store. One place has many spellings, such as with a password of
 * yesterday or through another mount: what mentions the id is only told from it where it is in another store for sure.
 */
export function namesData(
  stores: Stores,
  location: ImageLocation,
  store: Store,
  { id, location: found }: StoredData,
): boolean {
  const { url } = found
  if (!location.url.toLowerCase().includes(id)) return false
  if (location.url === url) return true
  if (store.holds(location)) return store.areApart?.(location, found) !== true
  const isElsewhere = stores.all.some(other => other.store.holds(location))
  return !isElsewhere || mayBeSame(location.url, url)
}

/**
 * Whether two stores may reach one place by these URLs, by different accounts of a server, say: they are alike in what
 * comes last, a container and an object. Where nothing but the place is in them, they are the same or not.
 */
function mayBeSame(one: string, other: string): boolean {
  const [first, second] = [partsOf(one), partsOf(other)]
  const isPlain = first.scheme === second.scheme && first.isPlain && second.isPlain
  return isPlain ? one === other : first.tail === second.tail
}

function partsOf(url: string) {
  const [, scheme = '', rest = ''] = /^([^:]*):\/*(.*)$/s.exec(url) ?? []
  const isPlain = !rest.includes('@')
  return { scheme, isPlain, tail: rest.split('/').slice(-2).join('/').toLowerCase() }
}
