import { GlanceError } from '../../../errors.ts'
import { owns, requireMayWrite } from '../access.ts'
import type { RequestContext } from '../context.ts'
import { deleteImage } from '../images.ts'
import type { Service } from '../service.ts'
import { findImage } from './find.ts'

/**
 * Deletes the image and its data. @throws {GlanceError} `not_found`, also for somebody else's that is not public, and
 * when it is deleted already; `forbidden`.
 */
export async function removeImage(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<void> {
  requireMayWrite(context)
  const image = await findImage(context, service.database, id, 'delete_image')
  if (image.protected) throw new GlanceError('forbidden', 'image is protected')
  if (image.status === 'pending_delete') {
    throw new GlanceError('forbidden', `forbidden to delete a ${image.status} image.`)
  }
  if (image.status === 'deleted') throw new GlanceError('not_found', `image ${id} not found.`)
  if (!owns(context, image) && image.visibility !== 'public' && image.visibility !== 'community') {
    throw new GlanceError('not_found', `failed to find image to delete: ${id}`)
  }
  await deleteImage(context, service, id)
}
