import type { Database, ImageChange, ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Properties } from '../../image/image.ts'
import type { Task } from '../../image/task.ts'
import type { Service } from '../domain/service.ts'
import { endTask } from '../domain/tasks.ts'
import { FAILED, IMPORTING, LOCK, withoutStores } from './progress.ts'

/** How long a task may say nothing before another may take its image. Milliseconds; twice for one that waits. */
const EXPIRY_MS = 60 * 60 * 1000

type Tables = Pick<Database, 'images' | 'tasks'>

/** Refuses an image that a task is at work on. @throws {GlanceError} `conflict`. */
export async function requireNoTask(
  service: Service,
  image: ImageRecord,
  tables: Tables = service.database,
): Promise<void> {
  const holder = image.properties.get(LOCK) ?? null
  if (holder === null || (await isDead(service, holder, tables))) return
  throw new GlanceError('conflict', 'image has active task')
}

/**
 * Gives the image to a task, which is kept as well. A task that died with the image is ended, and what it left behind
 * of its progress removed. @throws {GlanceError} `conflict`, `not_found`.
 */
export async function lockImage(service: Service, task: Task, imageId: string): Promise<void> {
  await service.database.transaction(async tables => {
    const image = await tables.images.find(imageId)
    if (image === undefined) throw new GlanceError('not_found', `no image found with ID ${imageId}`)
    await requireNoTask(service, image, tables)
    const properties = await withoutDead(service, image, tables)
    await tables.tasks.insert(task)
    const change = { properties: new Map(properties).set(LOCK, task.id), updatedAt: service.now() }
    await tables.images.update(imageId, change, [image.status])
  })
}

/**
 * Changes an image that a task has locked, and does something else `alongside`: both or neither.
 * @throws {GlanceError} `gone` when it is not there; `conflict` when another task has it.
 */
export async function editLocked(
  { database, now }: Service,
  { imageId, taskId }: Locked,
  change: (image: ImageRecord) => Omit<ImageChange, 'updatedAt'>,
  alongside: (tables: Database) => Promise<void> = async () => {},
): Promise<ImageRecord> {
  return database.transaction(async tables => {
    const image = requireLocked(await tables.images.find(imageId), { imageId, taskId })
    const changed = { ...change(image), updatedAt: now() }
    await alongside(tables)
    return tables.images.update(image.id, changed, [image.status])
  })
}

/** @throws {GlanceError} as {@link editLocked}. */
export function requireLocked(
  image: ImageRecord | undefined,
  { imageId, taskId }: Locked,
): ImageRecord {
  if (image === undefined) throw new GlanceError('gone', `image ${imageId} has been deleted`)
  if (image.properties.get(LOCK) === taskId) return image
  throw new GlanceError('conflict', `another task has image ${imageId} now`)
}

/** An image and the task that has it. */
export interface Locked {
  readonly imageId: string
  readonly taskId: string
}

async function isDead(service: Service, taskId: string, { tasks }: Tables): Promise<boolean> {
  const task = await tasks.find(taskId)
  if (task === undefined) return true
  const age = service.now().getTime() - task.updatedAt.getTime()
  return age >= (task.status === 'pending' ? 2 * EXPIRY_MS : EXPIRY_MS)
}

async function withoutDead(
  service: Service,
  { properties }: ImageRecord,
  { tasks }: Tables,
): Promise<Properties> {
  const dead = await tasks.find(properties.get(LOCK) ?? '')
  if (dead === undefined) return properties
  const outcome = { message: 'Expired lock preempted' }
  await endTask(service, dead.id, outcome, { tasks }).catch((error: unknown) => {
    if (!isGlanceError(error, 'conflict')) throw error // It has ended already.
  })
  const stores = storesIn(dead)
  return withoutStores(withoutStores(properties, IMPORTING, stores), FAILED, stores)
}

/** Names of the stores that an import is for. */
export function storesIn({ input }: Task): readonly string[] {
  const { backend } = input
  return Array.isArray(backend) ? backend.filter(name => typeof name === 'string') : []
}
