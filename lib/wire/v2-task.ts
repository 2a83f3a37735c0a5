import { GlanceError } from '../errors.ts'
import { isImageId } from '../image/image.ts'
import {
  type Task,
  TASK_SORT_KEYS,
  TASK_STATUSES,
  TASK_TYPES,
  type TaskQuery,
  type TaskSortKey,
  type TaskType,
} from '../image/task.ts'
import { shown } from './shown.ts'
import { isObject } from '../image/json.ts'
import { formatTime, type V2Document } from './v2-image.ts'
import { type PageSizes, parseDirection, parseLimit } from './paging.ts'

/** A task as `/v2/tasks/{id}` shows it. */
export function taskToV2(task: Task): Record<string, unknown> {
  return {
    ...taskStub(task),
    input: task.input,
    result: task.result,
    message: task.message,
    ...(task.imageId !== null && { image_id: task.imageId }),
    ...(task.requestId !== null && { request_id: task.requestId }),
    ...(task.userId !== null && { user_id: task.userId }),
  }
}

/** A task as a listing shows it. */
export function taskStub(task: Task): Record<string, unknown> {
  return {
    id: task.id,
    type: task.type,
    status: task.status,
    owner: task.owner,
    created_at: formatTime(task.createdAt),
    updated_at: formatTime(task.updatedAt),
    ...(task.expiresAt !== null && { expires_at: formatTime(task.expiresAt) }),
    self: `/v2/tasks/${task.id}`,
    schema: '/v2/schemas/task',
  }
}

/** A task as `/v2/images/{id}/tasks` shows it: as Glance, a row of its database, times without a zone. */
export function taskRow(task: Task): Record<string, unknown> {
  return {
    id: task.id,
    type: task.type,
    status: task.status,
    owner: task.owner,
    expires_at: task.expiresAt === null ? null : rowTime(task.expiresAt),
    created_at: rowTime(task.createdAt),
    updated_at: rowTime(task.updatedAt),
    deleted_at: null,
    deleted: false,
    image_id: task.imageId,
    request_id: task.requestId,
    user_id: task.userId,
    input: task.input,
    result: task.result,
    message: task.message,
  }
}

function rowTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}.000000`
}

/** Reads what follows the `?` of `/v2/tasks`. @throws {GlanceError} `invalid`. */
export function parseTaskQuery(
  params: URLSearchParams,
  { limitDefault, limitMax }: PageSizes,
): TaskQuery {
  const status = params.get('status')
  const known = TASK_STATUSES.find(known => known === status)
  if (status && known === undefined) throw invalid(`Invalid status value: ${status}`)
  const type = params.get('type')
  if (type && type !== 'import') throw invalid(`Invalid type value: ${type}`)
  const marker = params.get('marker')
  if (marker && !isImageId(marker)) throw invalid('Invalid marker format')
  return {
    owner: null,
    imageId: null,
    type: type ? 'import' : null,
    statuses: known === undefined ? null : [known],
    sortKey: sortKeyOf(params.get('sort_key')),
    sortDirection: parseDirection(params.get('sort_dir') ?? 'desc'),
    limit: Math.min(parseLimit(params.get('limit')) ?? limitDefault, limitMax),
    marker, // As Glance: an empty one is no task's.
  }
}

/** What a client asks for by `POST /v2/tasks`. @throws {GlanceError} `invalid`. */
export function parseNewTask(body: unknown): {
  readonly type: TaskType
  readonly input: V2Document
} {
  const document = isObject(body) ? body : {}
  for (const name of ['type', 'input']) {
    if (!(name in document)) throw invalid(`Task '${name}' is required`)
  }
  const { type, input } = document
  const known = TASK_TYPES.find(known => known === type)
  if (known === undefined) {
    throw invalid(`Provided object does not match schema 'task': there is no type ${shown(type)}`)
  }
  if (!isObject(input)) throw invalid("Provided object does not match schema 'task': input")
  return { type: known, input }
}

function sortKeyOf(key: string | null): TaskSortKey {
  const known = TASK_SORT_KEYS.find(known => known === (key ?? 'created_at'))
  if (known === undefined) throw invalid(`Sort key supplied was not valid: ${key}`)
  return known
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
