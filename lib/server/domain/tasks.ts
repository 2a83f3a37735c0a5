import { requireAllowed } from './access.ts'
import type { RequestContext } from './context.ts'

/** There are no tasks, but not everybody is told so. @throws {GlanceError} `forbidden`. */
export function listTasks(context: RequestContext): readonly never[] {
  requireAllowed(context, 'tasks_api_access')
  return []
}
