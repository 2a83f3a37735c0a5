import { GlanceError, isGlanceError } from '../../errors.ts'
import { isImageId } from '../../image/image.ts'
import type { Task, TaskType } from '../../image/task.ts'
import { requireMayWrite } from '../domain/access.ts'
import { alterImage } from '../domain/alter.ts'
import type { RequestContext } from '../domain/context.ts'
import { bringing } from '../domain/deletion.ts'
import { LOCK } from '../domain/import-lock.ts'
import { createImage, deleteImage, type NewImage } from '../domain/images.ts'
import { endTask, newTask } from '../domain/tasks.ts'
import { runImport } from './flow.ts'
import { refusalOf } from './foreign-task.ts'
import type { Importer } from './importer.ts'

/** What an old-style import is to make, once it is known to be sound. */
export interface LegacyImport {
  readonly url: string
  readonly image: NewImage
}

/**
 * Begins a task of the old API, which goes on in the background: it creates an image and downloads its data, and deletes
 * the image again when that fails. `read` makes sense of the input and is asked in the background, so that what it
 * throws becomes the message of the task. Tasks of the other types are kept, and fail.
 * @throws {GlanceError} `forbidden`; `invalid` for a URL that must not be fetched.
 */
export async function startTask(
  context: RequestContext,
  importer: Importer,
  type: TaskType,
  input: Task['input'],
  read: (input: Task['input']) => LegacyImport,
): Promise<Task> {
  requireMayWrite(context)
  const { service, fetcher } = importer
  if (type === 'import') {
    const { import_from: url } = input
    if (typeof url !== 'string' || !/^https?:\/\//.test(url)) {
      throw new GlanceError('invalid', 'the given uri is not valid: it has to be one of http')
    }
    await fetcher.check(url)
  }
  const { image_id: given } = input
  const imageId = typeof given === 'string' && isImageId(given) ? given : null
  const task = newTask(context, service, type, imageId, input)
  await service.database.tasks.insert(task)
  service.background.start(async signal => {
    try {
      if (type !== 'import') throw await refusalOf(service, type, input)
      await runLegacyImport(context, importer, task, read(input), signal)
    } catch (error) {
      const isForeseen = isGlanceError(error)
      await endTask(service, task.id, { message: isForeseen ? error.message : 'internal error' })
      if (!isForeseen) throw error
    }
  })
  return task
}

async function runLegacyImport(
  context: RequestContext,
  importer: Importer,
  task: Task,
  { url, image: wanted }: LegacyImport,
  signal: AbortSignal,
): Promise<void> {
  const { service } = importer
  const image = await createImage(context, service, wanted)
  // Together with the lock, so that recovery knows whose the image is.
  await alterImage(service, image.id, async ({ properties }, { tasks }) => {
    await tasks.update(task.id, { imageId: image.id, updatedAt: service.now() }, ['pending'])
    return { properties: new Map(properties).set(LOCK, task.id) }
  })
  const request = {
    method: { name: 'web-download', uri: url },
    allStoresMustSucceed: true,
  } as const
  const job = {
    task,
    imageId: image.id,
    request,
    stores: [service.stores.default],
    context: { roles: context.roles },
    credentials: { token: null, catalog: null },
  }
  await bringing(service, image.id, async () => await runImport(importer, job, signal))
  const ended = await service.database.tasks.find(task.id)
  if (ended?.status !== 'failure') return
  await deleteImage(context, service, image.id).catch((error: unknown) => {
    if (!isGlanceError(error)) throw error // One that is protected stays, without data.
  })
}
