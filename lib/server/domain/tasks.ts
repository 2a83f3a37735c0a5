import { requireAdmin } from './access.ts'
import type { RequestContext } from './context.ts'

/** There are no tasks, but only an administrator is told so. @throws {GlanceError} `forbidden`. */
export function listTasks(context: RequestContext): readonly never[] {
  requireAdmin(context, 'tasks_api_access')
  return []
}
