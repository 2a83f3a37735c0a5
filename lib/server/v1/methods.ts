import type { FastifyInstance } from 'fastify'
import { notAllowed } from '../http/app.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'] as const
type Method = (typeof METHODS)[number]

/** Refuses every other method for a path that would else be taken for one with an id in it. */
export function only(app: FastifyInstance, path: string, methods: readonly Method[]): void {
  app.route({
    method: METHODS.filter(method => !methods.includes(method)),
    url: path,
    handler: async request => {
      throw notAllowed(request.method, methods)
    },
  })
}
