import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImageLocation } from '../../image/location.ts'
import type { Caller, Location, Store, StoreCall } from '../../store/store.ts'
import { settledImage } from './alter.ts'
import type { Service } from './service.ts'

/**
 * Deletes the data at places that no image names any more. What others keep, and what no store knows, is let be. What
 * cannot be deleted is reported and stays, for a scrubber to find: whoever asked has what it asked for.
 */
export async function deleteReleased(
  service: Pick<Service, 'stores' | 'report'>,
  locations: readonly ImageLocation[],
  caller?: Caller,
): Promise<void> {
  for (const location of locations) {
    const store = service.stores.of(location)
    if (store?.writable === true) await deleteIfPossible(service, store, location, { caller })
  }
}

/**
 * Rejects while data of the image at one of these places is used where it is, such as by clones, and so could not be
 * deleted. What cannot be found out is let be. @throws {GlanceError} `conflict`.
 */
export async function requireUnused(
  { stores }: Pick<Service, 'stores'>,
  { id }: Pick<ImageRecord, 'id'>,
  locations: readonly ImageLocation[],
  caller?: Caller,
): Promise<void> {
  for (const location of locations) {
    await stores
      .of(location)
      ?.requireUnused?.(location, { caller })
      .catch((error: unknown) => {
        if (!isGlanceError(error, 'conflict')) return
        const message = `image ${id} could not be deleted because it is in use: ${error.message}`
        throw new GlanceError('conflict', message, { cause: error })
      })
  }
}

/** Deletes what waits to be imported, as far as that is possible. */
export async function deleteStaged(
  service: Pick<Service, 'staging' | 'report'>,
  { id }: Pick<ImageRecord, 'id'>,
): Promise<void> {
  await deleteIfPossible(service, service.staging, service.staging.locate(id))
}

/** As {@link deleteFrom}; that it is not possible is reported. */
export async function deleteIfPossible(
  { report }: Pick<Service, 'report'>,
  store: Store,
  location: Location,
  call: StoreCall = {},
): Promise<void> {
  await deleteFrom(store, location, call).catch(report)
}

/** As {@link deleteIfPossible}, but what the image names, or keeps until it is scrubbed, is let be. */
export async function deleteUnlessNamed(
  service: Pick<Service, 'database' | 'report'>,
  imageId: string,
  store: Store,
  location: Location,
  call: StoreCall = {},
): Promise<void> {
  const image = await settledImage(service, imageId)
  const named = image === undefined ? [] : [...image.locations, ...image.removedLocations]
  if (named.some(({ url }) => url === location.url)) return
  await deleteIfPossible(service, store, location, call)
}

/** Deletes what the store has there, if anything. */
export async function deleteFrom(
  store: Store,
  location: Location,
  call: StoreCall = {},
): Promise<void> {
  try {
    await store.delete(location, call)
  } catch (error) {
    if (!isGlanceError(error, 'not_found')) throw error
  }
}
