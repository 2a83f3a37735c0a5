import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImageLocation } from '../../image/location.ts'
import type { Store } from '../../store/store.ts'
import {
  findChangeable,
  findVisible,
  requireAllowedOn,
  requireMayWrite,
  requireOwner,
} from './access.ts'
import { alterImage, forgetPlaces } from './alter.ts'
import type { RequestContext } from './context.ts'
import { requireUnused } from './data.ts'
import { marked, releasedBy } from './delayed-delete.ts'
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
 * when stores have no names; `conflict` for an unknown store, an image that is not active, and data that is used where it
 * is; `forbidden` for the last.
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
  if (!service.delayedDelete && image.locations.length > 1) {
    const there = image.locations.filter(location => stores.of(location) === store)
    await requireUnused(service, image, there.slice(0, 1), context.onBehalf)
  }
  const { before, after } = await alterImage(service, id, current => {
    requireOwner(context, current)
    const locations = withoutStore(service, current, store)
    return { locations, ...marked(service, current, { locations }) }
  })
  if (!store.writable) return
  for (const location of releasedBy(service, before, after)) {
    const forget = async () => await forgetPlaces(service, id, new Set([location.url]))
    try {
      await store.delete(location, { caller: context.onBehalf })
      await forget()
    } catch (error) {
      if (isGlanceError(error, 'not_found')) {
        await forget()
        throw error // As Glance: the location is gone, and the caller is told that the data was already.
      }
      service.report(error) // It is remembered for a scrubber or the next start.
    }
  }
}

/** @throws {GlanceError} as {@link deleteFromStore}. */
function withoutStore(
  { stores }: Service,
  image: ImageRecord,
  store: Store,
): readonly ImageLocation[] {
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
  const first = image.locations.find(location => stores.of(location) === store)
  if (first !== undefined) return image.locations.filter(({ url }) => url !== first.url)
  throw new GlanceError('not_found', `image ${image.id} is not stored in store ${store.id}.`)
}

/**
 * What takes time of a change that has to do with locations, to be done before the change is made: looks whether there
 * is data at new URLs. Null when there is nothing to do with locations.
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
  // All else that can be wrong with it comes first: a server is asked only for what can be done.
  await applyEdits(context, image, edits, service, null)
  return sizesOf(context, service, image, steps)
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
