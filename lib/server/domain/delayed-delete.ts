import type { ImageChange, ImageRecord } from '../../database/database.ts'
import type { ImageLocation } from '../../image/location.ts'
import { AT_ONCE } from './deletion.ts'
import type { Service } from './service.ts'

/** Whether the data at a location, which is to be deleted, is only marked. What others keep is never ours to delete. */
function waits(service: Service, location: ImageLocation): boolean {
  return service.delayedDelete && isOurs(service, location)
}

function isOurs({ stores }: Service, location: ImageLocation): boolean {
  return stores.of(location)?.writable === true
}

/**
 * What remembers that the data is to be deleted of those places that a change takes from an image, and forgets it of places that it gives
 * back. Nothing for a change that is not about places.
 */
export function marked(
  service: Service,
  image: ImageRecord,
  { locations }: Pick<ImageChange, 'locations'>,
): Pick<ImageChange, 'removedLocations'> {
  if (locations === undefined) return {}
  const kept = new Set(locations.map(({ url }) => url))
  const removedAt = service.delayedDelete ? service.now() : AT_ONCE
  const removed = image.locations
    .filter(location => !kept.has(location.url) && isOurs(service, location))
    .map(location => ({ ...location, removedAt }))
  const before = image.removedLocations.filter(({ url }) => !kept.has(url))
  return { removedLocations: [...before, ...removed] }
}

/** The places that an image is no longer at, and whose data does not wait. */
export function releasedBy(
  service: Service,
  before: ImageRecord,
  after: ImageRecord,
): readonly ImageLocation[] {
  const kept = new Set(after.locations.map(({ url }) => url))
  return before.locations.filter(location => !kept.has(location.url) && !waits(service, location))
}
