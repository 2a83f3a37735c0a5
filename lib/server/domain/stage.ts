import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { limitSize } from '../../stream/limit-size.ts'
import { alterImage, requireTransition } from './alter.ts'
import { findChangeable, requireMayWrite } from './access.ts'
import type { RequestContext } from './context.ts'
import { deleteStaged } from './data.ts'
import { giveUp } from './deletion.ts'
import { requireWithinLimits } from './project-limits.ts'
import type { Service } from './service.ts'
import { requireRoom } from './storage-quota.ts'
import { maximum, tooLarge } from './upload.ts'

/**
 * Keeps data of a queued image until it is imported. `size` in bytes, null when unknown. When it rejects, the image is
 * queued again, without data; once the database is there again, when it is away. @throws {GlanceError} `not_found`, `forbidden`; `conflict` when it is not queued;
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
  await service.undoing.settle(id)
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
    const hasData = staged !== undefined
    await service.undoing.undo(id, isAgain => undoStaging(service, id, { hasData, isAgain }))
    if (staged === undefined || !isGlanceError(error, 'not_found', 'conflict')) throw error
    throw new GlanceError('gone', `image ${id} was deleted while it was staged`, { cause: error })
  }
}

/** First from the image, then its data, then back to the queue: no image says that there is data which is gone. */
async function undoStaging(
  service: Service,
  id: string,
  { hasData, isAgain }: { readonly hasData: boolean; readonly isAgain: boolean },
): Promise<void> {
  if (hasData) {
    const isOurs = await emptied(service, id)
    // By now it may be at its import.
    if (isAgain && !isOurs) return
    await deleteStaged(service, { id })
  }
  await giveUp(service, id, 'uploading')
}

/** Whether the image was being staged, or is gone; it has no size then. */
async function emptied(service: Service, id: string): Promise<boolean> {
  try {
    const { before } = await alterImage(service, id, ({ status }) =>
      status === 'uploading' ? { size: null } : null,
    )
    return before.status === 'uploading'
  } catch (error) {
    if (!isGlanceError(error, 'not_found')) throw error
    return true
  }
}
