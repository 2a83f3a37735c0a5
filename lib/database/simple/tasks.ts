import { GlanceError } from '../../errors.ts'
import type { Task, TaskQuery, TaskSortKey, TaskStatus } from '../../image/task.ts'
import type { PurgeOptions, TaskChange, TaskTable } from '../database.ts'
import { requireTaskFits } from '../fits.ts'
import type { Access } from './rows.ts'

export class SimpleTasks implements TaskTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async find(id: string): Promise<Task | undefined> {
    return this.#access.rows().tasks.get(id)
  }

  async list(query: TaskQuery): Promise<readonly Task[]> {
    const { tasks } = this.#access.rows()
    const marker = query.marker === null ? null : tasks.get(query.marker)
    if (marker === undefined) throw notFound(query.marker)
    return [...tasks.values()]
      .filter(task => matches(query, task))
      .filter(task => marker === null || compare(query, task, marker) > 0)
      .toSorted((a, b) => compare(query, a, b))
      .slice(0, query.limit)
  }

  async insert(task: Task): Promise<void> {
    requireTaskFits(task)
    await this.#access.write(({ tasks }) => {
      if (tasks.has(task.id)) throw new GlanceError('duplicate', `task ${task.id} already exists`)
      tasks.set(task.id, structuredClone(task))
    })
  }

  update(id: string, change: TaskChange, from: readonly TaskStatus[]): Promise<Task> {
    return this.#access.write(({ tasks }) => {
      const task = tasks.get(id)
      if (task === undefined) throw notFound(id)
      if (!from.includes(task.status)) {
        throw new GlanceError('conflict', `task ${id} is ${task.status}, not ${from.join(' or ')}`)
      }
      const changed = structuredClone({ ...task, ...change })
      tasks.set(id, changed)
      return changed
    })
  }

  async deleteExpired(now: Date, { limit = Infinity, signal }: PurgeOptions = {}): Promise<number> {
    signal?.throwIfAborted()
    return this.#access.write(({ tasks }) => {
      const isOver = ({ expiresAt }: Task) => expiresAt !== null && expiresAt < now
      const old = [...tasks.values()].filter(isOver).slice(0, limit)
      for (const { id } of old) tasks.delete(id)
      return old.length
    })
  }
}

function notFound(id: string | null): GlanceError {
  return new GlanceError('not_found', `no task found with ID ${id}`)
}

function matches({ owner, imageId, type, statuses }: TaskQuery, task: Task): boolean {
  return (
    (owner === null || task.owner === owner) &&
    (imageId === null || task.imageId === imageId) &&
    (type === null || task.type === type) &&
    (statuses === null || statuses.includes(task.status))
  )
}

function compare({ sortKey, sortDirection }: TaskQuery, a: Task, b: Task): number {
  for (const key of [sortKey, 'created_at', 'id'] as const) {
    const difference = Buffer.compare(Buffer.from(VALUE[key](a)), Buffer.from(VALUE[key](b)))
    if (difference !== 0) return sortDirection === 'asc' ? difference : -difference
  }
  return 0
}

/** As SQL compares them: as text. */
const VALUE: Readonly<Record<TaskSortKey, (task: Task) => string>> = {
  id: ({ id }) => id,
  type: ({ type }) => type,
  status: ({ status }) => status,
  owner: ({ owner }) => owner ?? '',
  expires_at: ({ expiresAt }) => expiresAt?.toISOString() ?? '',
  created_at: ({ createdAt }) => createdAt.toISOString(),
  updated_at: ({ updatedAt }) => updatedAt.toISOString(),
}
