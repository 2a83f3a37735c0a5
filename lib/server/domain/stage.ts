import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { limitSize } from '../../stream/limit-size.ts'
import { alterImage, giveUp, requireTransition } from './alter.ts'
import { findChangeable, requireMayWrite } from './access.ts'
import type { RequestContext } from './context.ts'
import { deleteStaged } from './data.ts'
import { requireWithinLimits } from './project-limits.ts'
import type { Service } from './service.ts'
import { requireRoom } from './storage-quota.ts'
import { maximum, tooLarge } from './upload.ts'

/**
 * Keeps data of a queued image until it is imported. `size` in bytes, null when unknown. When it rejects, the image is
 * queued again, without data. @throws {GlanceError} `not_found`, `forbidden`; `conflict` when it is not queued;
 * `over_limit`; `corrupt` for another size; `gone` when the image was deleted meanwhile; `unavailable`.
 */
export async function stageImage(
  context: RequestContext,
  service: Service,
  id: string,
  data: Bytes,
  size: number | null,
): Promise<void> {
  requireMayWrite(context)
  await requireWithinLimits(context, service, { image_stage_total: 0 })
  const { staging } = service
  const image = await findChangeable(context, service.database, id)
  requireTransition(image, 'uploading')
  if (size !== null && size > maximum(service)) throw tooLarge(service)
  const room = await requireRoom(context, service, id, size)
  await alterImage(service, id, () => ({ status: 'uploading' }))
  let staged: Awaited<ReturnType<typeof staging.add>> | undefined
  try {
    await requireWithinLimits(context, service, { image_count_uploading: 0 })
    const limited = limitSize(data, Math.min(room, maximum(service)))
    staged = await staging.add(id, limited, size, { signal: context.signal })
    const stagedSize = staged.size
    await alterImage(service, id, ({ status }) => {
      if (status === 'uploading') return { size: stagedSize }
      throw new GlanceError('conflict', `image ${id} is ${status}, not uploading`)
    })
  } catch (error) {
    if (staged !== undefined) await deleteStaged(service, image)
    await giveUp(service, id, 'uploading')
    if (staged === undefined || !isGlanceError(error, 'not_found', 'conflict')) throw error
    throw new GlanceError('gone', `image ${id} was deleted while it was staged`, { cause: error })
  }
}
