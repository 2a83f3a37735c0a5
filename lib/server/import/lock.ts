import type { Database, ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Properties } from '../../image/image.ts'
import type { Task } from '../../image/task.ts'
import { alterImage, type Decision } from '../domain/alter.ts'
import { LOCK } from '../domain/import-lock.ts'
import type { Service } from '../domain/service.ts'
import { endTask } from '../domain/tasks.ts'
import { FAILED, IMPORTING, withoutStores } from './progress.ts'

/** How long a task may say nothing before another may take its image. Milliseconds; twice for one that waits. */
const EXPIRY_MS = 60 * 60 * 1000

type Tables = Pick<Database, 'images' | 'tasks'>

const BUSY = 'image has active task'

/** Refuses an image that a task is at work on. @throws {GlanceError} `conflict`. */
export async function requireNoTask(
  service: Service,
  image: ImageRecord,
  { tables = service.database, refusal = BUSY }: { tables?: Tables; refusal?: string } = {},
): Promise<void> {
  const holder = image.properties.get(LOCK) ?? null
  if (holder === null || (await isDead(service, holder, tables))) return
  throw new GlanceError('conflict', refusal)
}

export interface LockOptions {
  /** Throws unless the image, as it is when the task gets it, is what the task is for. */
  readonly admit: (image: ImageRecord) => void
  /** What is said when another task has it. */
  readonly refusal?: string
}

/**
 * Gives the image to a task, which is kept as well. A task that died with the image is ended, and what it left behind
 * of its progress removed. The lock keeps other tasks away, and nobody else: an upload may still be faster, so what a
 * task does to the image it decides upon the image as it is then.
 * @throws {GlanceError} `conflict`, `not_found`; what `admit` throws.
 */
export async function lockImage(
  service: Service,
  task: Task,
  imageId: string,
  { admit, refusal = BUSY }: LockOptions,
): Promise<void> {
  await service.undoing.settle(imageId)
  await alterImage(service, imageId, async (image, tables) => {
    await requireNoTask(service, image, { tables, refusal })
    admit(image)
    const properties = await withoutDead(service, image, tables)
    await tables.tasks.insert(task)
    return { properties: new Map(properties).set(LOCK, task.id) }
  })
}

/**
 * Changes an image that a task has locked, and does something else `alongside`: both or neither.
 * @throws {GlanceError} `gone` when it is not there; `conflict` when another task has it, and for a status that it may
 * not become.
 */
export async function editLocked(
  service: Service,
  locked: Locked,
  change: (image: ImageRecord) => Decision,
  alongside: (tables: Database) => Promise<void> = async () => {},
): Promise<ImageRecord> {
  const edit = async (image: ImageRecord, tables: Database) => {
    const decision = change(requireLocked(image, locked))
    await alongside(tables)
    return decision
  }
  return (await alterImage(service, locked.imageId, edit, deleted)).after
}

/** @throws {GlanceError} as {@link editLocked}. */
export function requireLocked(
  image: ImageRecord | undefined,
  { imageId, taskId }: Locked,
): ImageRecord {
  if (image === undefined) throw deleted(imageId)
  if (image.properties.get(LOCK) === taskId) return image
  throw new GlanceError('conflict', `another task has image ${imageId} now`)
}

function deleted(imageId: string): GlanceError {
  return new GlanceError('gone', `image ${imageId} has been deleted`)
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
