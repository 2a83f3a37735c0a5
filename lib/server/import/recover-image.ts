import { deleteFrom } from '../domain/data.ts'
import { giveUp } from '../domain/alter.ts'
import { recoverSaving } from '../domain/recover.ts'
import type { Service } from '../domain/service.ts'
import { LOCK } from '../domain/import-lock.ts'
import { queue, recoverTask } from './recover-imports.ts'

/**
 * Puts right what a process that has ended left behind of one image, as the recovery at the start does of all, while
 * others go on. Nobody else may have begun anything with the image meanwhile.
 */
export async function recoverImage(service: Service, id: string): Promise<void> {
  const { database, staging } = service
  const image = await database.images.find(id)
  if (image === undefined) return
  const holder = image.properties.get(LOCK)
  const task = holder == null ? undefined : await database.tasks.find(holder)
  if (task !== undefined && (task.status === 'pending' || task.status === 'processing')) {
    await recoverTask(service, task)
  } else if (image.status === 'saving') {
    await recoverSaving(service, image)
  } else if (image.status === 'importing') {
    await queue(service, image)
  } else if (image.status === 'uploading' && image.size === null) {
    await deleteFrom(staging, staging.locate(id))
    await giveUp(service, id, 'uploading')
  }
}
