import { isGlanceError } from '../../errors.ts'
import type { Location } from '../../store/store.ts'
import type { Service } from './service.ts'

/** Deletes what is stored there, if anything is. */
export async function deleteData({ store }: Service, location: Location): Promise<void> {
  try {
    await store.delete(location)
  } catch (error) {
    if (!isGlanceError(error, 'not_found')) throw error
  }
}
