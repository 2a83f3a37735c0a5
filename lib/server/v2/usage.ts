import type { FastifyInstance } from 'fastify'
import type { Service } from '../domain/service.ts'
import { showUsage } from '../domain/usage.ts'
import { contextOf } from '../http/context.ts'

export function usageRoutes(app: FastifyInstance, service: Service): void {
  app.get('/info/usage', async request => ({
    usage: await showUsage(contextOf(request), service),
  }))
}
