import type { FastifyInstance } from 'fastify'
import { listTasks } from '../domain/tasks.ts'
import { contextOf } from '../http/context.ts'

export function taskRoutes(app: FastifyInstance): void {
  app.get('/tasks', async request => ({
    tasks: listTasks(contextOf(request)),
    first: '/v2/tasks',
    schema: '/v2/schemas/tasks',
  }))
}
