/** Glance's kinds of tasks: the old way to import, the new one, and the registering of a location. */
export const TASK_TYPES = ['import', 'api_image_import', 'location_import'] as const
export type TaskType = (typeof TASK_TYPES)[number]

export const TASK_STATUSES = ['pending', 'processing', 'success', 'failure'] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]

type JsonObject = Readonly<Record<string, unknown>>

/** Work on an image that goes on after the request for it was answered. */
export interface Task {
  readonly id: string
  readonly type: TaskType
  readonly status: TaskStatus
  /** Project; null when nobody is known. */
  readonly owner: string | null
  readonly imageId: string | null
  /** Of the request that wanted it. */
  readonly requestId: string | null
  readonly userId: string | null
  /** What was asked for. */
  readonly input: JsonObject
  /** What came of it; null until it succeeds. */
  readonly result: JsonObject | null
  /** For people: how far it is, or why it failed. */
  readonly message: string
  readonly createdAt: Date
  readonly updatedAt: Date
  /** When it will be forgotten; null until it has ended. */
  readonly expiresAt: Date | null
}

/** What tasks may be sorted by, in the API's names. */
export const TASK_SORT_KEYS = [
  'id',
  'type',
  'status',
  'owner',
  'expires_at',
  'created_at',
  'updated_at',
] as const
export type TaskSortKey = (typeof TASK_SORT_KEYS)[number]

/** A page of tasks that is wanted. What is null does not matter. */
export interface TaskQuery {
  readonly owner: string | null
  readonly imageId: string | null
  readonly type: TaskType | null
  readonly statuses: readonly TaskStatus[] | null
  /** Tasks that tie are ordered by `created_at` and `id`. What is not known comes first when ascending. */
  readonly sortKey: TaskSortKey
  readonly sortDirection: 'asc' | 'desc'
  readonly limit: number
  /** The id of the task after which the page begins. */
  readonly marker: string | null
}

/** A query for the first tasks of an image, oldest first. */
export function tasksOfImage(imageId: string): TaskQuery {
  return { ...everyTask, imageId }
}

/** A query for tasks that have not ended, oldest first. */
export function unfinishedTasks(limit: number): TaskQuery {
  return { ...everyTask, statuses: ['pending', 'processing'], limit }
}

const everyTask: TaskQuery = {
  owner: null,
  imageId: null,
  type: null,
  statuses: null,
  sortKey: 'created_at',
  sortDirection: 'asc',
  limit: 1000,
  marker: null,
}
