import type { ImageRecord } from '../../database/database.ts'
import { isGlanceError } from '../../errors.ts'
import type { ImageLocation } from '../../image/location.ts'
import type { Location, Store } from '../../store/store.ts'
import type { Service } from './service.ts'

/** Deletes what is kept there, if anything is. What others keep, and what no store knows, is let be. */
export async function deleteData({ stores }: Service, location: ImageLocation): Promise<void> {
  const store = stores.of(location)
  if (store?.writable === true) await deleteFrom(store, location)
}

/** Deletes the data of an image wherever it is, also where it waits to be imported or deleted. */
export async function deleteAllData(service: Service, image: ImageRecord): Promise<void> {
  await deleteStaged(service, image)
  const { locations, removedLocations } = image
  for (const location of [...locations, ...removedLocations]) await deleteData(service, location)
}

/** Deletes what waits to be imported. */
export async function deleteStaged(
  { staging }: Service,
  { id }: Pick<ImageRecord, 'id'>,
): Promise<void> {
  await deleteFrom(staging, staging.locate(id))
}

/** Deletes what the store has there, if anything. */
export async function deleteFrom(store: Store, location: Location): Promise<void> {
  try {
    await store.delete(location)
  } catch (error) {
    if (!isGlanceError(error, 'not_found')) throw error
  }
}
