import { randomUUID } from 'node:crypto'
import type { Database } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { type Task, type TaskQuery, tasksOfImage, type TaskType } from '../../image/task.ts'
import { findVisible, requireAllowed } from './access.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/**
 * The page that is asked for, of the tasks of the caller's project, or for an administrator of all.
 * @throws {GlanceError} `forbidden`, also for a marker that is another project's; `invalid` for a bad one.
 */
export async function listTasks(
  context: RequestContext,
  service: Service,
  query: TaskQuery,
): Promise<readonly Task[]> {
  await requireTaskAccess(context)
  const { tasks } = service.database
  await tasks.deleteExpired(service.now())
  if (query.marker !== null) {
    const marker = await tasks.find(query.marker)
    if (marker === undefined) {
      throw new GlanceError('invalid', `task with the given id ${query.marker} was not found`)
    }
    requireVisible(context, marker)
  }
  if (context.isAdmin) return tasks.list(query)
  return context.project === null ? [] : tasks.list({ ...query, owner: context.project })
}

/** @throws {GlanceError} `forbidden`, also for the task of another project; `not_found`, also for one that has expired. */
export async function showTask(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<Task> {
  await requireTaskAccess(context)
  const task = await service.database.tasks.find(id)
  if (task === undefined || isExpired(service, task)) {
    throw new GlanceError('not_found', `could not find task ${id}`)
  }
  requireVisible(context, task)
  return task
}

/** All that the caller began to do with an image, or for an administrator anybody. @throws {GlanceError} `not_found`. */
export async function listImageTasks(
  context: RequestContext,
  service: Service,
  imageId: string,
): Promise<readonly Task[]> {
  await findVisible(context, service.database, imageId)
  const { tasks } = service.database
  await tasks.deleteExpired(service.now())
  const found: Task[] = []
  for (let query = tasksOfImage(imageId); ;) {
    const page = await tasks.list(query)
    found.push(...page.filter(task => isVisible(context, task)))
    const last = page.at(-1)
    if (last === undefined || page.length < query.limit) return found
    query = { ...query, marker: last.id }
  }
}

function isVisible({ isAdmin, project }: RequestContext, { owner }: Task): boolean {
  return isAdmin || (project !== null && owner === project)
}

/** @throws {GlanceError} `forbidden`. */
function requireVisible(context: RequestContext, task: Task): void {
  if (isVisible(context, task)) return
  throw new GlanceError('forbidden', `forbidding request, task ${task.id} is not visible`)
}

/** The old API, for administrators unless the policy says otherwise. @throws {GlanceError} `forbidden`. */
export async function requireTaskAccess(context: RequestContext): Promise<void> {
  await requireAllowed(context, 'tasks_api_access')
}

/** How many characters are kept of a request's id, which a caller may have made longer than a database has room for. */
const KEPT = 255

/** A task that the caller wants done, not yet begun. */
export function newTask(
  context: RequestContext,
  service: Service,
  type: TaskType,
  imageId: string | null,
  input: Task['input'],
): Task {
  const now = service.now()
  return {
    id: randomUUID(),
    type,
    status: 'pending',
    owner: context.project,
    imageId,
    requestId: context.requestId.slice(0, KEPT),
    userId: context.user,
    input,
    result: null,
    message: '',
    createdAt: now,
    updatedAt: now,
    expiresAt: null,
  }
}

/**
 * Ends a task, unless somebody else has; `message` is for people, and may quote what others sent: a NUL character, which
 * no database keeps, is replaced.
 */
export async function endTask(
  service: Service,
  id: string,
  outcome:
    { readonly result: Task['result']; readonly message?: string } | { readonly message: string },
  { tasks }: Pick<Database, 'tasks'> = service.database,
): Promise<void> {
  const now = service.now()
  const status = 'result' in outcome ? 'success' : 'failure'
  const expiresAt = new Date(now.getTime() + service.taskTimeToLiveMs)
  const message = (outcome.message ?? '').replaceAll('\0', '\uFFFD')
  const change = { ...outcome, message, status, expiresAt, updatedAt: now } as const
  await tasks.update(id, change, ['pending', 'processing'])
}

/** Lets be that somebody else has ended a task, or that it is gone. @throws what else the error is. */
export function unlessEnded(error: unknown): void {
  if (!isGlanceError(error, 'conflict', 'not_found')) throw error
}

function isExpired(service: Service, { expiresAt }: Task): boolean {
  return expiresAt !== null && expiresAt < service.now()
}
