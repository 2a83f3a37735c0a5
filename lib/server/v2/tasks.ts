import type { FastifyInstance } from 'fastify'
import type { ImageSchema } from '../../wire/schema/image-schema.ts'
import { parseLegacyImport } from '../../wire/v2-legacy-import.ts'
import { type PageSizes, pageLinks } from '../../wire/paging.ts'
import { parseNewTask, parseTaskQuery, taskStub, taskToV2 } from '../../wire/v2-task.ts'
import { listTasks, requireTaskAccess, showTask } from '../domain/tasks.ts'
import { readDocument } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import { HttpFault } from '../http/fault.ts'
import { queryOf } from '../http/query.ts'
import type { Importer } from '../import/importer.ts'
import { startTask } from '../import/start-task.ts'

/** A path with a task in it. */
interface TaskPath {
  readonly Params: { readonly id: string }
}

/** The old API of tasks, for administrators. */
export function taskRoutes(
  app: FastifyInstance,
  importer: Importer,
  paging: PageSizes,
  schema: ImageSchema,
): void {
  const { service } = importer

  app.get('/tasks', async request => {
    const context = contextOf(request)
    await requireTaskAccess(context)
    const params = queryOf(request)
    const query = parseTaskQuery(params, paging)
    const tasks = await listTasks(context, service, query)
    return {
      tasks: tasks.map(taskStub),
      schema: '/v2/schemas/tasks',
      ...pageLinks(
        '/v2/tasks',
        params,
        tasks.map(({ id }) => id),
        query.limit,
      ),
    }
  })

  app.post('/tasks', async (request, reply) => {
    const context = contextOf(request)
    await requireTaskAccess(context)
    const { type, input } = parseNewTask(await readDocument(request, reply))
    const read = (wanted: typeof input) => parseLegacyImport(wanted, schema)
    const task = await startTask(context, importer, type, input, read)
    const location = `${request.protocol}://${request.host}/v2/tasks/${task.id}`
    return reply.code(201).header('location', location).send(taskToV2(task))
  })

  app.get<TaskPath>('/tasks/:id', async request =>
    taskToV2(await showTask(contextOf(request), service, request.params.id)),
  )

  app.delete<TaskPath>('/tasks/:id', async request => {
    await requireTaskAccess(contextOf(request))
    const message =
      'this operation is currently not permitted on Glance Tasks. They are auto deleted after ' +
      'reaching the time based on their expires_at property.'
    throw new HttpFault(405, message, { allow: 'GET' })
  })
}
