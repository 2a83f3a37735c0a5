import { GlanceError } from '../../errors.ts'
import type { Task, TaskType } from '../../image/task.ts'
import type { Service } from '../domain/service.ts'

/** What Glance looks for in the input of the tasks that it starts itself, and where clients have them started. */
const INTERNAL = {
  api_image_import: { needed: ['image_id', 'import_req'], path: 'import' },
  location_import: { needed: ['image_id', 'loc_url', 'validation_data'], path: 'locations' },
} as const satisfies Partial<Record<TaskType, object>>

/**
 * Why a task that a client made, of a type that only the service makes, fails. As Glance: such a task has no lock on
 * its image, and so does nothing to it.
 */
export async function refusalOf(
  { database }: Service,
  type: keyof typeof INTERNAL,
  input: Task['input'],
): Promise<GlanceError> {
  const { needed, path } = INTERNAL[type]
  if (Object.keys(input).length === 0) {
    return new GlanceError('invalid', `Input to ${type} task is empty.`)
  }
  const missing = needed.find(name => !(name in input))
  if (missing === 'image_id' && type === 'api_image_import') {
    return new GlanceError('invalid', "Missing required 'image_id' field")
  }
  if (missing !== undefined) {
    return new GlanceError('invalid', `Input does not contain '${missing}' field`)
  }
  const id = String(input['image_id'])
  if ((await database.images.find(id)) === undefined) {
    return new GlanceError('not_found', `no image found with ID ${id}`)
  }
  const message = `Task was aborted externally: use POST /v2/images/${id}/${path}`
  return new GlanceError('conflict', message)
}
