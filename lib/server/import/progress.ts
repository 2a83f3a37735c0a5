import type { ImageRecord } from '../../database/database.ts'
import type { Properties } from '../../image/image.ts'
import { LOCK } from '../domain/import-lock.ts'

/** Names of stores with commas between: where data is still to be put, and where that failed. */
export const IMPORTING = 'os_glance_importing_to_stores'
export const FAILED = 'os_glance_failed_import'

/** As Glance, the lists stay with the image when they are empty. */
export function withStores(
  properties: Properties,
  list: typeof IMPORTING | typeof FAILED,
  stores: readonly string[],
): Properties {
  return merged(properties, list, names => [...names, ...stores])
}

export function withoutStores(
  properties: Properties,
  list: typeof IMPORTING | typeof FAILED,
  stores: readonly string[],
): Properties {
  return merged(properties, list, names => names.filter(name => !stores.includes(name)))
}

export function unlocked({ properties }: Pick<ImageRecord, 'properties'>): Properties {
  const left = new Map(properties)
  left.delete(LOCK)
  return left
}

function merged(
  properties: Properties,
  list: string,
  change: (names: readonly string[]) => readonly string[],
): Properties {
  const names = (properties.get(list) ?? '').split(',').filter(name => name !== '')
  return new Map(properties).set(list, [...new Set(change(names))].toSorted().join(','))
}
