import { GlanceError } from '../../errors.ts'
import type { ImageStatus } from '../../image/status.ts'
import { alterImage } from './alter.ts'
import { findChangeable, requireMayWrite } from './access.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/** Keeps everybody but administrators from downloading the image. Does nothing when it is so already. */
export async function deactivateImage(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<void> {
  await change(context, service, id, 'deactivate', 'active', 'deactivated')
}

/** Undoes {@link deactivateImage}. Does nothing when the image is active already. */
export async function reactivateImage(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<void> {
  await change(context, service, id, 'reactivate', 'deactivated', 'active')
}

async function change(
  context: RequestContext,
  service: Service,
  id: string,
  action: 'deactivate' | 'reactivate',
  from: ImageStatus,
  to: ImageStatus,
): Promise<void> {
  requireMayWrite(context)
  await findChangeable(context, service.database, id, { action })
  await alterImage(service, id, ({ status }) => {
    if (status === to) return null
    if (status === from) return { status: to }
    throw new GlanceError('forbidden', `not allowed to ${action} image in status '${status}'`)
  })
}
