import type { FastifyInstance } from 'fastify'
import { validateImageDocument } from '../../wire/schema/validate.ts'
import type { Service } from '../domain/service.ts'
import { addTag, removeTag } from '../domain/tags.ts'
import { BODILESS } from '../http/app.ts'
import { contextOf } from '../http/context.ts'

interface TagPath {
  readonly Params: { readonly id: string; readonly tag: string }
}

export function tagRoutes(app: FastifyInstance, service: Service): void {
  app.put<TagPath>('/images/:id/tags/:tag', BODILESS, async (request, reply) => {
    const { id, tag } = request.params
    validateImageDocument({ tags: [tag] })
    await addTag(contextOf(request), service, id, tag)
    return reply.code(204).send()
  })

  app.delete<TagPath>('/images/:id/tags/:tag', BODILESS, async (request, reply) => {
    const { id, tag } = request.params
    await removeTag(contextOf(request), service, id, tag)
    return reply.code(204).send()
  })
}
