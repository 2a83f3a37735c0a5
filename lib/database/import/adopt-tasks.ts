import { isDeepStrictEqual } from 'node:util'
import type { Abortable } from '../../abort.ts'
import { isGlanceError } from '../../errors.ts'
import type { Task } from '../../image/task.ts'
import type { Database } from '../database.ts'
import { requireTaskFits } from '../fits.ts'
import type { Adopted } from './adopt.ts'
import { readTask } from './tasks.ts'
import { flagIn, type Row, labelIn } from './values.ts'

/** Takes over a page of tasks, all or none; those that are deleted are passed over. */
export async function adoptTasks(
  page: readonly Row[],
  target: Database | null,
  { dryRun, signal }: Abortable & { readonly dryRun: boolean },
): Promise<readonly Adopted[]> {
  const work = async (tx: Database | null) => {
    const adopted: Adopted[] = []
    for (const row of page) adopted.push(...(await adoptTask(row, tx, dryRun)))
    return adopted
  }
  return target === null || dryRun ? await work(target) : await target.transaction(work, { signal })
}

/** Nothing, of a task that is deleted. */
async function adoptTask(
  row: Row,
  target: Database | null,
  dryRun: boolean,
): Promise<readonly Adopted[]> {
  const id = labelIn(row, 'id') ?? ''
  const described = { type: 'task', id, name: null, status: labelIn(row, 'status') } as const
  const nothing = { fields: [], reason: null, notes: [], members: 0 }
  try {
    if (flagIn(row, 'deleted')) return []
    const task = readTask(row)
    requireTaskFits(task)
    const there = await target?.tasks.find(task.id)
    if (there === undefined) {
      if (!dryRun) await target?.tasks.insert(task)
      return [{ ...described, ...nothing, result: 'imported' }]
    }
    const fields = FIELDS.filter(([, key]) => !isDeepStrictEqual(task[key], there[key]))
    const result = fields.length === 0 ? 'same' : 'different'
    return [{ ...described, ...nothing, result, fields: fields.map(([name]) => name) }]
  } catch (error) {
    if (!isGlanceError(error, 'invalid')) throw error
    return [{ ...described, ...nothing, result: 'refused', reason: error.message }]
  }
}

const FIELDS: readonly (readonly [string, keyof Task])[] = [
  ['type', 'type'],
  ['status', 'status'],
  ['owner', 'owner'],
  ['image_id', 'imageId'],
  ['request_id', 'requestId'],
  ['user_id', 'userId'],
  ['input', 'input'],
  ['result', 'result'],
  ['message', 'message'],
  ['created_at', 'createdAt'],
  ['updated_at', 'updatedAt'],
  ['expires_at', 'expiresAt'],
]
