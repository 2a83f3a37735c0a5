import type { FastifyInstance } from 'fastify'
import { GlanceError } from '../../errors.ts'
import { validateImageDocument } from '../../wire/schema/validate.ts'
import type { Service } from '../domain/service.ts'
import { addTag, removeTag } from '../domain/tags.ts'
import { BODILESS } from '../http/app.ts'
import { contextOf } from '../http/context.ts'

interface TagPath {
  readonly Params: { readonly id: string; readonly tag: string }
}

export function tagRoutes(app: FastifyInstance, service: Service): void {
  const tagOf = ({ tag }: TagPath['Params']) => {
    // As Glance, which takes a path apart only when it is decoded.
    if (tag !== '' && !tag.includes('/')) return tag
    throw new GlanceError('not_found', 'the resource could not be found.')
  }

  app.put<TagPath>('/images/:id/tags/:tag', BODILESS, async (request, reply) => {
    const { id } = request.params
    const tag = tagOf(request.params)
    validateImageDocument({ tags: [tag] })
    await addTag(contextOf(request), service, id, tag)
    return reply.code(204).send()
  })

  app.delete<TagPath>('/images/:id/tags/:tag', BODILESS, async (request, reply) => {
    const { id } = request.params
    const tag = tagOf(request.params)
    await removeTag(contextOf(request), service, id, tag)
    return reply.code(204).send()
  })
}
