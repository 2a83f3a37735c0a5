import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImageLocation } from '../../image/location.ts'
import {
  findChangeable,
  findVisible,
  requireAllowedOn,
  requireMayWrite,
  requireOwner,
} from './access.ts'
import type { RequestContext } from './context.ts'
import { deleteData } from './data.ts'
import { marked, waits } from './delayed-delete.ts'
import type { ImageEdit } from '../../image/edit.ts'
import { applyEdits } from './edit.ts'
import { isLocationEdit, type SizesByUrl, sizesOf } from './edit-locations.ts'
import type { Service } from './service.ts'
import { requireRoom } from './storage-quota.ts'

/** Where the data of an image is, in the order in which it is tried; of a deactivated image for administrators only. */
export function placesOf(
  context: RequestContext,
  { stores }: Service,
  image: ImageRecord,
): readonly ImageLocation[] {
  if (image.status === 'deactivated' && !context.isAdmin) return []
  return stores.arranged(image.locations)
}

/** Where the data is, for services that read it there. @throws {GlanceError} `not_found`, `forbidden`. */
export async function listLocations(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<readonly ImageLocation[]> {
  const image = await findVisible(context, service.database, id)
  await requireAllowedOn(context, 'fetch_image_location', image)
  return service.stores.arranged(image.locations)
}

/**
 * Deletes the copy of the data that one store has. @throws {GlanceError} `not_found`, also when the store has none and
 * when stores have no names; `conflict` for an unknown store and an image that is not active; `forbidden` for the last.
 */
export async function deleteFromStore(
  context: RequestContext,
  service: Service,
  storeId: string,
  id: string,
): Promise<void> {
  requireMayWrite(context)
  const { stores } = service
  if (!stores.named) throw new GlanceError('not_found', 'the resource could not be found.')
  const store = stores.find(storeId)
  if (store === undefined) {
    throw new GlanceError(
      'conflict',
      `the selected store ${storeId} is not available on this node.`,
    )
  }
  const image = await findVisible(context, service.database, id)
  await requireAllowedOn(context, 'get_image_location', image)
  await requireAllowedOn(context, 'delete_image_location', image)
  requireOwner(context, image)
  if (image.status !== 'active') {
    throw new GlanceError(
      'conflict',
      "it's not allowed to remove image data from store if image status is not 'active'",
    )
  }
  if (image.locations.length === 1) {
    throw new GlanceError(
      'forbidden',
      'cannot delete image data from the only store containing it. Consider deleting the image instead.',
    )
  }
  const index = image.locations.findIndex(location => stores.of(location) === store)
  if (index < 0)
    throw new GlanceError('not_found', `image ${id} is not stored in store ${storeId}.`)
  await removeLocation(service, image, index)
}

/**
 * What takes time of a change that has to do with locations, to be done before the change is made: looks whether there
 * is data at new URLs, and deletes that of locations to be removed. Null when there is nothing to do with locations.
 * @throws {GlanceError} as the change itself; `invalid` for a URL without data; `over_limit`.
 */
export async function prepareLocations(
  context: RequestContext,
  service: Service,
  id: string,
  edits: readonly ImageEdit[],
): Promise<SizesByUrl | null> {
  const steps = edits.filter(isLocationEdit)
  if (steps.length === 0) return null
  const image = await findChangeable(context, service.database, id)
  // All else that can be wrong with it comes first: a server is asked, and data deleted, only for what can be done.
  const { locations = image.locations } = await applyEdits(context, image, edits, service, null)
  const sizes = await sizesOf(context, service, image, steps)
  const change = await applyEdits(context, image, edits, service, sizes)
  await requireRoomToPlace(context, service, image, change)
  const kept = new Set(locations.map(({ url }) => url))
  for (const location of image.locations) {
    if (!kept.has(location.url) && !waits(service, location)) await deleteData(service, location)
  }
  return sizes
}

/** As Glance: each place counts for the quota, whoever keeps it. @throws {GlanceError} `over_limit`. */
export async function requireRoomToPlace(
  context: RequestContext,
  service: Pick<Service, 'database' | 'limits'>,
  { id, ...image }: ImageRecord,
  { size = image.size, locations = [] }: Partial<Pick<ImageRecord, 'size' | 'locations'>>,
): Promise<void> {
  if (locations.length <= image.locations.length) return
  await requireRoom(context, service, id, size === null ? null : size * locations.length)
}

/** Deletes the data first, unless that is to wait, so that a crash in between leaves a location that can be removed again. */
async function removeLocation(service: Service, image: ImageRecord, index: number): Promise<void> {
  const location = image.locations[index]
  if (location === undefined) throw new TypeError(`image ${image.id} has no location ${index}`)
  const store = service.stores.of(location)
  let missing: unknown
  if (store?.writable === true && !waits(service, location)) {
    try {
      await store.delete(location)
    } catch (error) {
      if (!isGlanceError(error, 'not_found')) throw error
      missing = error
    }
  }
  await service.database.transaction(async tables => {
    const current = (await tables.images.find(image.id)) ?? image
    const locations = current.locations.filter(({ url }) => url !== location.url)
    const change = { locations, ...marked(service, current, { locations }) }
    await tables.images.update(image.id, { ...change, updatedAt: service.now() }, ['active'])
  })
  // As Glance: the location is gone, and the caller is told that the data was already.
  if (missing !== undefined) throw missing
}
