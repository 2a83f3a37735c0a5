import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImageLocation } from '../../image/location.ts'
import { findVisible, requireAdmin, requireMayWrite } from './access.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/** Where the data of an image is, in the order in which it is tried; of a deactivated image for administrators only. */
export function placesOf(
  context: RequestContext,
  { stores }: Service,
  image: ImageRecord,
): readonly ImageLocation[] {
  if (image.status === 'deactivated' && !context.isAdmin) return []
  return stores.arranged(image.locations)
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
  requireAdmin(context, 'delete_image_location')
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

/** Deletes the data first, so that a crash in between leaves a location that can be removed again. */
async function removeLocation(service: Service, image: ImageRecord, index: number): Promise<void> {
  const location = image.locations[index]
  if (location === undefined) throw new TypeError(`image ${image.id} has no location ${index}`)
  const store = service.stores.of(location)
  let missing: unknown
  if (store?.writable === true) {
    try {
      await store.delete(location)
    } catch (error) {
      if (!isGlanceError(error, 'not_found')) throw error
      missing = error
    }
  }
  await service.database.transaction(async tables => {
    const { locations } = (await tables.images.find(image.id)) ?? { locations: [] }
    const left = locations.filter(({ url }) => url !== location.url)
    const change = { locations: left, updatedAt: service.now() }
    await tables.images.update(image.id, change, ['active'])
  })
  // As Glance: the location is gone, and the caller is told that the data was already.
  if (missing !== undefined) throw missing
}
