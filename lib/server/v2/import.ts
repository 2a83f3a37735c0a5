import type { FastifyInstance } from 'fastify'
import { GlanceError } from '../../errors.ts'
import { parseImportRequest } from '../../wire/v2-import.ts'
import { taskRow } from '../../wire/v2-task.ts'
import { stageImage } from '../domain/stage.ts'
import { listImageTasks } from '../domain/tasks.ts'
import { BODILESS } from '../http/app.ts'
import { bytesOf, readDocument } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import type { Importer } from '../import/importer.ts'
import { startImport } from '../import/start-import.ts'
import { requireOctetStream, sizeOf } from './data.ts'
import type { ImagePath } from './images.ts'

/** Bringing data in otherwise than by an upload. */
export function importRoutes(app: FastifyInstance, importer: Importer): void {
  const { service, methods } = importer

  app.get('/info/import', BODILESS, async () => ({
    'import-methods': {
      description: 'Import methods available.',
      type: 'array',
      value: methods,
    },
  }))

  app.put<ImagePath>('/images/:id/stage', async (request, reply) => {
    if (!methods.includes('glance-direct')) {
      throw new GlanceError('not_found', "'glance-direct' method is not available at this site.")
    }
    requireOctetStream(request)
    const size = sizeOf(request)
    const data = bytesOf(request, reply)
    await stageImage(contextOf(request), service, request.params.id, data, size)
    return reply.code(204).send()
  })

  app.post<ImagePath>('/images/:id/import', async (request, reply) => {
    const wanted = parseImportRequest(await readDocument(request, reply), methods)
    const header = request.headers['x-image-meta-store']
    const { id } = request.params
    const store = typeof header === 'string' ? header : null
    await startImport(contextOf(request), importer, id, wanted, store)
    return reply.code(202).send()
  })

  app.get<ImagePath>('/images/:id/tasks', BODILESS, async request => {
    const tasks = await listImageTasks(contextOf(request), service, request.params.id)
    return { tasks: tasks.map(taskRow) }
  })
}
