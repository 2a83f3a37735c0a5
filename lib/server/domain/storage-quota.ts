import type { Database } from '../../database/database.ts'
import { requireStorage } from '../quota/storage.ts'
import type { RequestContext } from './context.ts'
import type { Limits } from './service.ts'

/**
 * The bytes that the caller's project may still store, data of the image itself left out. `size` of what is wanted,
 * null when unknown. @throws {GlanceError} `over_limit` when that is too little.
 */
export function requireRoom(
  { project }: Pick<RequestContext, 'project'>,
  { database, limits }: { readonly database: Pick<Database, 'images'>; readonly limits: Limits },
  imageId: string,
  size: number | null,
): Promise<number> {
  return requireStorage(database.images, limits.projectStorage, { project, image: imageId, size })
}
