import type { FastifyInstance, FastifyReply } from 'fastify'
import { toCachedImage } from '../../wire/cached-image.ts'
import type { Caching } from '../cache/caching.ts'
import { contextOf } from '../http/context.ts'
import { BODILESS } from '../http/app.ts'
import type { ImagePath } from './images.ts'

/**
 * What is in the cache and what is to come, in the form in which `glance-cache-manage` asks for it, for administrators
 * unless the policy says otherwise.
 */
export function cachedImageRoutes(app: FastifyInstance, caching: Caching): void {
  app.get('/cached_images', BODILESS, async request => ({
    cached_images: (await caching.list(contextOf(request))).cached.map(toCachedImage),
  }))

  app.delete('/cached_images', BODILESS, async request => {
    const { cached } = await caching.clear(contextOf(request), 'cache')
    return { num_deleted: cached }
  })

  app.delete<ImagePath>('/cached_images/:id', BODILESS, async (request, reply) => {
    await caching.evict(contextOf(request), request.params.id)
    return sendNull(reply)
  })

  app.get('/queued_images', BODILESS, async request => ({
    queued_images: (await caching.list(contextOf(request))).queued,
  }))

  app.delete('/queued_images', BODILESS, async request => {
    const { queued } = await caching.clear(contextOf(request), 'queue')
    return { num_deleted: queued }
  })

  app.put<ImagePath>('/queued_images/:id', BODILESS, async (request, reply) => {
    await caching.expect(contextOf(request), request.params.id)
    return sendNull(reply)
  })

  app.delete<ImagePath>('/queued_images/:id', BODILESS, async (request, reply) => {
    await caching.unqueue(contextOf(request), request.params.id)
    return sendNull(reply)
  })
}

/** A JSON document of nothing; of text fastify would say a charset as well. */
function sendNull(reply: FastifyReply): FastifyReply {
  return reply.header('content-type', 'application/json').send(Buffer.from('null'))
}
