import type { ImageRecord } from '../../../database/database.ts'
import { GlanceError } from '../../../errors.ts'
import type { ImageQuery } from '../../../image/query.ts'
import type { Action } from '../../policy/defaults.ts'
import { isAllowedOn, maySee, type Tables } from '../access.ts'
import type { RequestContext } from '../context.ts'
import { type ImagePage, listImages } from '../images.ts'
import { readable } from '../properties.ts'
import type { Service } from '../service.ts'

/**
 * The image as v1 finds it: administrators also see what was deleted.
 * @throws {GlanceError} `not_found`, and just so when the caller may not see it; `forbidden` by the policy.
 */
export async function findImage(
  context: RequestContext,
  tables: Tables,
  id: string,
  action: Action = 'get_image',
): Promise<ImageRecord> {
  const image = await tables.images.find(id, { deleted: context.isAdmin })
  if (image === undefined || !(await maySee(context, tables, image))) {
    throw new GlanceError('not_found', `image with identifier ${id} not found`)
  }
  await requireAllowed(context, action, image)
  return image
}

/** As {@link findImage}, without the properties that the caller may not read. */
export async function showRecord(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<ImageRecord> {
  return readable(context, await findImage(context, service.database, id))
}

/** As {@link listImages}, but a marker that the caller may not see is as good as none. */
export async function listRecords(
  context: RequestContext,
  service: Service,
  query: ImageQuery,
): Promise<ImagePage> {
  const { marker, deleted } = query
  if (marker !== null) {
    const image = await service.database.images.find(marker, { deleted: deleted !== undefined })
    if (image !== undefined && !(await maySee(context, service.database, image))) {
      throw new GlanceError('invalid', 'invalid marker. Image could not be found.')
    }
  }
  return listImages(context, service, query)
}

/** An image whose data is to be had. @throws {GlanceError} `not_found` when there is none; `forbidden`. */
export async function findActive(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<ImageRecord> {
  const image = await findImage(context, service.database, id)
  await requireAllowed(context, 'download_image', image)
  if (image.status === 'deactivated') {
    throw new GlanceError('forbidden', `image ${id} is deactivated`)
  }
  if (image.status !== 'active') throw new GlanceError('not_found', `image ${id} is not active`)
  return readable(context, image)
}

/** Unlike v2, which does not let on that there is an image that nobody may see. */
async function requireAllowed(
  context: RequestContext,
  action: Action,
  image: ImageRecord,
): Promise<void> {
  if (await isAllowedOn(context, action, image)) return
  throw new GlanceError('forbidden', `you are not authorized to complete ${action} action.`)
}
