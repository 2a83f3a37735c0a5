import { unfinishedTasks } from '../../image/task.ts'
import { deleteFrom, deleteStaged } from '../domain/data.ts'
import { deleteLeft, giveUp } from '../domain/deletion.ts'
import { isGettingData, LOCK } from '../domain/import-lock.ts'
import { recoverSaving } from '../domain/recover.ts'
import type { Service } from '../domain/service.ts'
import { queue, recoverTask } from './recover-imports.ts'

const PAGE = 100

/**
 * Puts right what a process that has ended left behind of one image, as the recovery at the start does of all, while
 * others go on. Nobody else may have begun anything with the image meanwhile.
 */
export async function recoverImage(service: Service, id: string): Promise<void> {
  const { database, staging } = service
  const image = await database.images.find(id)
  if (image === undefined) return await recoverGone(service, id)
  if (!isGettingData(image)) return await deleteLeft(service, id)
  await discardParts(service, id)
  const holder = image.properties.get(LOCK)
  const task = holder == null ? undefined : await database.tasks.find(holder)
  if (task !== undefined && (task.status === 'pending' || task.status === 'processing')) {
    await staging.recoverImage?.(task.id)
    await recoverTask(service, task)
  } else if (image.status === 'saving') {
    await recoverSaving(service, image)
  } else if (image.status === 'importing') {
    await queue(service, image)
  } else if (image.status === 'uploading' && image.size === null) {
    await deleteFrom(staging, staging.locate(id))
    await giveUp(service, id, 'uploading')
  }
  await deleteLeft(service, id)
}

/** The same for one that was deleted. */
async function recoverGone(service: Service, id: string): Promise<void> {
  const { database, staging } = service
  await discardParts(service, id)
  const tasks = await database.tasks.list(unfinishedTasks(PAGE))
  for (const task of tasks.filter(({ imageId }) => imageId === id)) {
    await staging.recoverImage?.(task.id)
    await recoverTask(service, task)
  }
  await deleteStaged(service, { id })
  await deleteLeft(service, id)
}

/** Removes what writes left that were cut off, which no place names. */
async function discardParts({ stores, staging, report }: Service, id: string): Promise<void> {
  for (const store of [...stores.writable, staging]) await store.recoverImage?.(id).catch(report)
}
