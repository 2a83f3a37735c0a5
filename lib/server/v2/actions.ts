import type { FastifyInstance } from 'fastify'
import { deactivateImage, reactivateImage } from '../domain/activation.ts'
import type { Service } from '../domain/service.ts'
import { BODILESS } from '../http/app.ts'
import { contextOf } from '../http/context.ts'
import type { ImagePath } from './images.ts'

export function actionRoutes(app: FastifyInstance, service: Service): void {
  app.post<ImagePath>('/images/:id/actions/deactivate', BODILESS, async (request, reply) => {
    await deactivateImage(contextOf(request), service, request.params.id)
    return reply.code(204).send()
  })

  app.post<ImagePath>('/images/:id/actions/reactivate', BODILESS, async (request, reply) => {
    await reactivateImage(contextOf(request), service, request.params.id)
    return reply.code(204).send()
  })
}
