import type { FastifyInstance } from 'fastify'
import { toCachedImage } from '../../wire/cached-image.ts'
import type { Caching } from '../cache/caching.ts'
import { BODILESS } from '../http/app.ts'
import { contextOf } from '../http/context.ts'
import type { ImagePath } from './images.ts'

/** What is in the cache, for administrators unless the policy says otherwise. */
export function cacheRoutes(app: FastifyInstance, caching: Caching): void {
  app.get('/cache', BODILESS, async request => {
    const { cached, queued } = await caching.list(contextOf(request))
    return { cached_images: cached.map(toCachedImage), queued_images: queued }
  })

  app.delete('/cache', BODILESS, async (request, reply) => {
    const target = String(request.headers['x-image-cache-clear-target'] ?? '').toLowerCase()
    await caching.clear(contextOf(request), target)
    return reply.code(204).send()
  })

  app.delete<ImagePath>('/cache/:id', BODILESS, async (request, reply) => {
    await caching.delete(contextOf(request), request.params.id)
    return reply.code(204).send()
  })

  app.put<ImagePath>('/cache/:id', BODILESS, async (request, reply) => {
    await caching.queue(contextOf(request), request.params.id)
    return reply.code(202).send()
  })

  app.get<ImagePath>('/cache/nodes/:id', BODILESS, async request =>
    caching.nodes(contextOf(request), request.params.id),
  )

  app.post('/cache/clean', BODILESS, async (request, reply) => {
    await caching.clean(contextOf(request))
    return reply.code(200).send()
  })

  app.post('/cache/prune', BODILESS, async request => {
    const { files, bytes } = await caching.prune(contextOf(request))
    return { total_files_pruned: files, total_bytes_pruned: bytes }
  })
}
