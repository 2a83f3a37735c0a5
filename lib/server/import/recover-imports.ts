import type { ImageRecord } from '../../database/database.ts'
import { everything } from '../../image/query.ts'
import { type Task, unfinishedTasks } from '../../image/task.ts'
import { deleteData, deleteFrom } from '../domain/data.ts'
import type { Service } from '../domain/service.ts'
import { endTask } from '../domain/tasks.ts'
import { storesIn } from './lock.ts'
import { IMPORTING, LOCK, unlocked, withoutStores } from './progress.ts'

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

async function recoverTask(service: Service, task: Task): Promise<void> {
  const { staging, stores } = service
  const { imageId } = task
  const image = imageId === null ? undefined : await service.database.images.find(imageId)
  if (image?.properties.get(LOCK) === task.id) {
    for (const store of stores.writable) {
      const wasToHave = !stores.named || storesIn(task).includes(store.id)
      const has = image.locations.some(location => stores.of(location) === store)
      if (wasToHave && !has) await deleteFrom(store, store.locate(image.id))
    }
    if (image.status === 'importing') await queue(service, image)
    else {
      const properties = stores.named
        ? withoutStores(unlocked(image), IMPORTING, storesIn(task))
        : unlocked(image)
      const change = { properties, updatedAt: service.now() }
      await service.database.images.update(image.id, change, [image.status])
    }
  }
  await deleteFrom(staging, staging.locate(task.id))
  if (image !== undefined && image.status !== 'uploading') {
    await deleteFrom(staging, staging.locate(image.id))
  }
  await endTask(service, task.id, { message: 'Error: the service was stopped' })
}

async function queue(service: Service, image: ImageRecord): Promise<void> {
  for (const location of image.locations) await deleteData(service, location)
  await deleteFrom(service.staging, service.staging.locate(image.id))
  const properties = service.stores.named
    ? withoutStores(
        unlocked(image),
        IMPORTING,
        service.stores.all.map(({ store }) => store.id),
      )
    : unlocked(image)
  const change = {
    status: 'queued',
    size: null,
    virtualSize: null,
    checksum: null,
    digest: null,
    locations: [],
    properties,
    updatedAt: service.now(),
  } as const
  await service.database.images.update(image.id, change, ['importing'])
}

/** Images whose data was being staged wait for it again. */
async function recoverStaging({ database, staging, now }: Service): Promise<void> {
  let marker: string | null = null
  for (;;) {
    const query = { ...everything(['uploading'], PAGE), marker }
    const images = await database.images.list(query)
    for (const { id, size } of images) {
      if (size !== null) continue
      await deleteFrom(staging, staging.locate(id))
      await database.images.update(id, { status: 'queued', updatedAt: now() }, ['uploading'])
    }
    // One that has just been queued is a good marker as well: it is still there.
    marker = images.at(-1)?.id ?? null
    if (images.length < PAGE) break
  }
  await staging.recover()
}
