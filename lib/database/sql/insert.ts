import { GlanceError, isGlanceError } from '../../errors.ts'
import { repeatedId } from '../batches.ts'
import type { ImageRecord } from '../database.ts'
import { requireImageFits } from '../fits.ts'
import { batches, insertParts } from './parts.ts'
import { imageToRow } from './rows.ts'
import { type Access, atomically, reading } from './transactions.ts'

/** Inserts the images, all or none. @throws {GlanceError} `duplicate`, which names an id that is taken; `invalid`. */
export async function insertBatch(access: Access, images: readonly ImageRecord[]): Promise<void> {
  for (const image of images) requireImageFits(image)
  try {
    await atomically(access, async tx => {
      for (const batch of batches(images)) {
        const rows = batch.map(image => imageToRow({ ...image, deletedAt: deletedAt(image) }))
        await tx.insertInto('images').values(rows).execute()
      }
      await insertParts(
        tx,
        images.filter(({ status }) => status !== 'deleted'),
      )
    })
  } catch (error) {
    if (!isGlanceError(error, 'duplicate')) throw error
    const taken = await takenId(access, images)
    throw new GlanceError('duplicate', `image ${taken} already exists`, { cause: error })
  }
}

function deletedAt({ status, deletedAt, updatedAt }: ImageRecord): Date | null {
  const isGone = status === 'pending_delete' || status === 'deleted'
  return deletedAt ?? (isGone ? updatedAt : null)
}

/** The first of the images whose id another has, since the engine does not say which it is. */
async function takenId(
  access: Access,
  images: readonly ImageRecord[],
): Promise<string | undefined> {
  if (images.length > 1) {
    const ids = images.map(({ id }) => id)
    const rows = await reading(access, sql =>
      sql.selectFrom('images').select('id').where('id', 'in', ids).execute(),
    )
    const taken = new Set(rows.map(({ id }) => id))
    const found = ids.find(id => taken.has(id)) ?? repeatedId(images)
    if (found !== undefined) return found
  }
  return images[0]?.id
}
