import { GlanceError } from '../../errors.ts'
import { type Task, TASK_STATUSES, TASK_TYPES } from '../../image/task.ts'
import { objectIn, oneIn, type Row, textIn, timeIn } from './values.ts'

/** One of Glance's tasks as we keep it. @throws {GlanceError} `invalid`. */
export function readTask(row: Row): Task {
  const createdAt = timeIn(row, 'created_at')
  if (createdAt === null) throw new GlanceError('invalid', 'created_at is not set')
  return {
    id: textIn(row, 'id') ?? '',
    type: oneIn(row, 'type', TASK_TYPES),
    status: oneIn(row, 'status', TASK_STATUSES),
    owner: textIn(row, 'owner'),
    imageId: textIn(row, 'image_id'),
    requestId: textIn(row, 'request_id'),
    userId: textIn(row, 'user_id'),
    input: objectIn(row, 'input') ?? {},
    result: objectIn(row, 'result'),
    message: textIn(row, 'message') ?? '',
    createdAt,
    updatedAt: timeIn(row, 'updated_at') ?? createdAt,
    expiresAt: timeIn(row, 'expires_at'),
  }
}
