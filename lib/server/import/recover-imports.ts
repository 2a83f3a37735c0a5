import type { ImageRecord } from '../../database/database.ts'
import { everything } from '../../image/query.ts'
import { type Task, unfinishedTasks } from '../../image/task.ts'
import { alterImage } from '../domain/alter.ts'
import {
  deleteFrom,
  deleteIfPossible,
  deleteReleased,
  deleteStaged,
  deleteUnlessNamed,
} from '../domain/data.ts'
import { giveUp } from '../domain/deletion.ts'
import { isGettingData, LOCK } from '../domain/import-lock.ts'
import type { Service } from '../domain/service.ts'
import { endTask } from '../domain/tasks.ts'
import { storesIn } from './lock.ts'
import { IMPORTING, unlocked, withoutStores } from './progress.ts'

const PAGE = 100

/**
 * Puts right what a service that was killed left behind of imports: tasks that were at work have failed, images that
 * were to become active wait for their data again, and what there is of it is removed. What is staged and whole stays.
 * To be called before any request is taken.
 */
export async function recoverImports(service: Service): Promise<void> {
  for (;;) {
    const tasks = await service.database.tasks.list(unfinishedTasks(PAGE))
    for (const task of tasks) await recoverTask(service, task)
    if (tasks.length < PAGE) break
  }
  for (;;) {
    const { images } = service.database
    const cutOff = await images.list(everything(['importing'], PAGE))
    for (const image of cutOff) await queue(service, image)
    if (cutOff.length < PAGE) break
  }
  await recoverStaging(service)
}

/** The task has failed; what it has made of its image is undone, and the image free again. */
export async function recoverTask(service: Service, task: Task): Promise<void> {
  const { staging, stores } = service
  const { imageId } = task
  const image = imageId === null ? undefined : await service.database.images.find(imageId)
  if (image?.properties.get(LOCK) === task.id) {
    for (const store of stores.writable) {
      const wasToHave = !stores.named || task.type === 'import' || storesIn(task).includes(store.id)
      const has = image.locations.some(location => stores.of(location) === store)
      if (wasToHave && !has) {
        const ours = { onlyOf: image }
        await deleteUnlessNamed(service, image.id, store, store.locate(image.id), ours)
      }
    }
    if (image.status === 'importing') await queue(service, image)
    else {
      await alterImage(service, image.id, current => ({
        properties: stores.named
          ? withoutStores(unlocked(current), IMPORTING, storesIn(task))
          : unlocked(current),
      }))
    }
    if (task.type === 'import') await deleteUnfinished(service, image.id)
  }
  await deleteFrom(staging, staging.locate(task.id))
  if (image !== undefined && image.status !== 'uploading') {
    await deleteFrom(staging, staging.locate(image.id))
  }
  await endTask(service, task.id, { message: 'Error: the service was stopped' })
}

/** An image that the task made has to go with it, unless it is active already or somebody has protected it. */
async function deleteUnfinished(service: Service, imageId: string): Promise<void> {
  await alterImage(service, imageId, image =>
    image.status === 'queued' && !image.protected ? { status: 'deleted' } : null,
  )
}

/** First from the image, then its data, then back to the queue: cut off in between, the image is found again. */
export async function queue(service: Service, image: ImageRecord): Promise<void> {
  await alterImage(service, image.id, () => ({ locations: [] }))
  await deleteReleased(service, image.locations)
  await deleteStaged(service, image)
  const all = service.stores.all.map(({ store }) => store.id)
  await alterImage(service, image.id, current => ({
    status: 'queued',
    properties: service.stores.named
      ? withoutStores(unlocked(current), IMPORTING, all)
      : unlocked(current),
  }))
}

/** Images whose data was being staged wait for it again. */
async function recoverStaging(service: Service): Promise<void> {
  const { database, staging } = service
  let marker: string | null = null
  for (;;) {
    const query = { ...everything(['uploading'], PAGE), marker }
    const images = await database.images.list(query)
    for (const { id, size } of images) {
      if (size !== null) continue
      await deleteFrom(staging, staging.locate(id))
      await giveUp(service, id, 'uploading')
    }
    // One that has just been queued is a good marker as well: it is still there.
    marker = images.at(-1)?.id ?? null
    if (images.length < PAGE) break
  }
  await staging.recover()
  await discardStaged(service)
}

/** Deletes what is staged of images that do not wait for their import any more; what is of no image we know is let be. */
async function discardStaged({ database, staging, report }: Service): Promise<void> {
  if (staging.list === undefined) return
  for await (const { id, location } of staging.list()) {
    const image = await database.images.find(id, { deleted: true })
    if (image === undefined || isGettingData(image)) continue
    await deleteIfPossible({ report }, staging, location)
  }
}
