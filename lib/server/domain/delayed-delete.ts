import type { ImageChange, ImageRecord } from '../../database/database.ts'
import type { ImageLocation } from '../../image/location.ts'
import type { Service } from './service.ts'

/** Whether the data at a location, which is to be deleted, is only marked. What others keep is never ours to delete. */
function waits({ delayedDelete, stores }: Service, location: ImageLocation): boolean {
  return delayedDelete && stores.of(location)?.writable === true
}

/**
 * What marks the data of those places that a change takes from an image, and unmarks that of places that it gives
 * back. Nothing for a change that is not about places.
 */
export function marked(
  service: Service,
  image: ImageRecord,
  { locations }: Pick<ImageChange, 'locations'>,
): Pick<ImageChange, 'removedLocations'> {
  if (locations === undefined) return {}
  const kept = new Set(locations.map(({ url }) => url))
  const removedAt = service.now()
  const removed = image.locations
    .filter(location => !kept.has(location.url) && waits(service, location))
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
