import { type Expression, type ExpressionBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Task, TaskQuery, TaskSortKey, TaskStatus } from '../../image/task.ts'
import type { PurgeOptions, TaskChange, TaskTable } from '../database.ts'
import { requireTaskFits } from '../fits.ts'
import type { OrderStep } from '../order.ts'
import { takePage } from './paging.ts'
import { purge } from './purge.ts'
import type { Sql, Tables } from './tables.ts'
import { type Access, atomically, consistently, reading } from './transactions.ts'

type Row = Selectable<Tables['tasks']>
type Rows = ExpressionBuilder<Tables, 'tasks'>

export class SqlTasks implements TaskTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async find(id: string): Promise<Task | undefined> {
    const row = await reading(this.#access, sql => find(sql, id))
    return row === undefined ? undefined : taskFromRow(row)
  }

  list(query: TaskQuery): Promise<readonly Task[]> {
    return consistently(this.#access, async tx => {
      const marker = query.marker === null ? null : await find(tx, query.marker)
      if (marker === undefined) throw notFound(query.marker)
      const listing = tx
        .selectFrom('tasks')
        .selectAll()
        .where(rows => matches(rows, query))
      const { limit } = query
      const page = { order: orderOf(query), nullable: NULLABLE, marker, limit }
      return (await takePage(this.#access.engine, listing, page)).map(taskFromRow)
    })
  }

  async insert(task: Task): Promise<void> {
    requireTaskFits(task)
    try {
      await atomically(this.#access, tx => tx.insertInto('tasks').values(taskToRow(task)).execute())
    } catch (error) {
      if (!isGlanceError(error, 'duplicate')) throw error
      throw new GlanceError('duplicate', `task ${task.id} already exists`, { cause: error })
    }
  }

  update(id: string, change: TaskChange, from: readonly TaskStatus[]): Promise<Task> {
    return atomically(this.#access, async tx => {
      const { result, expiresAt } = change
      const { numUpdatedRows } = await tx
        .updateTable('tasks')
        .set({
          status: change.status,
          image_id: change.imageId,
          message: change.message,
          result: result === undefined ? undefined : JSON.stringify(result),
          expires_at: expiresAt === undefined ? undefined : (expiresAt?.toISOString() ?? null),
          updated_at: change.updatedAt.toISOString(),
        })
        .where('id', '=', id)
        .where('status', 'in', [...from])
        .executeTakeFirstOrThrow()
      const row = await find(tx, id)
      if (row === undefined) throw notFound(id)
      if (numUpdatedRows === 0n) {
        const wanted = from.join(' or ')
        throw new GlanceError('conflict', `task ${id} is ${row.status}, not ${wanted}`)
      }
      return taskFromRow(row)
    })
  }

  deleteExpired(now: Date, options: PurgeOptions = {}): Promise<number> {
    return purge(this.#access, options, async (tx, limit, after) => {
      let page = tx
        .selectFrom('tasks')
        .select('id')
        .where('expires_at', '<', now.toISOString())
        .orderBy('id')
        .limit(limit)
      if (after !== undefined) page = page.where('id', '>', after)
      const ids = (await page.execute()).map(({ id }) => id)
      if (ids.length > 0) await tx.deleteFrom('tasks').where('id', 'in', ids).execute()
      return ids
    })
  }
}

function find(tx: Sql, id: string): Promise<Row | undefined> {
  return tx.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst()
}

function notFound(id: string | null): GlanceError {
  return new GlanceError('not_found', `no task found with ID ${id}`)
}

function matches(rows: Rows, query: TaskQuery): Expression<SqlBool> {
  const { owner, imageId, type, statuses } = query
  return rows.and([
    ...(owner === null ? [] : [rows('owner', '=', owner)]),
    ...(imageId === null ? [] : [rows('image_id', '=', imageId)]),
    ...(type === null ? [] : [rows('type', '=', type)]),
    ...(statuses === null ? [] : [isOneOf(rows, statuses)]),
  ])
}

/** An empty list is not SQL everywhere. */
function isOneOf(rows: Rows, statuses: readonly TaskStatus[]): Expression<SqlBool> {
  return statuses.length === 0 ? sql<SqlBool>`1 = 0` : rows('status', 'in', statuses)
}

/** Nothing ties on the id. */
function orderOf({ sortKey, sortDirection: direction }: TaskQuery): OrderStep<TaskSortKey>[] {
  const keys = new Set<TaskSortKey>([sortKey, 'created_at', 'id'])
  return [...keys].map(key => ({ key, direction }))
}

const NULLABLE: ReadonlySet<string> = new Set(['owner', 'expires_at'])

function taskToRow(task: Task): Row {
  return {
    id: task.id,
    type: task.type,
    status: task.status,
    owner: task.owner,
    image_id: task.imageId,
    request_id: task.requestId,
    user_id: task.userId,
    input: JSON.stringify(task.input),
    result: task.result === null ? null : JSON.stringify(task.result),
    message: task.message,
    created_at: task.createdAt.toISOString(),
    updated_at: task.updatedAt.toISOString(),
    expires_at: task.expiresAt?.toISOString() ?? null,
  }
}

function taskFromRow(row: Row): Task {
  return {
    id: row.id,
    type: row.type,
    status: row.status,
    owner: row.owner,
    imageId: row.image_id,
    requestId: row.request_id,
    userId: row.user_id,
    // Both as taskToRow wrote them.
    input: JSON.parse(row.input) as Task['input'],
    result: row.result === null ? null : (JSON.parse(row.result) as Task['result']),
    message: row.message,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
    expiresAt: row.expires_at === null ? null : new Date(row.expires_at),
  }
}
