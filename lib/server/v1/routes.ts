import type { FastifyInstance } from 'fastify'
import type { Caching } from '../cache/caching.ts'
import { cachedImageRoutes } from './cached-images.ts'
import { imageRoutes } from './images.ts'
import { memberRoutes } from './members.ts'
import type { V1Service } from './request.ts'

/** The Images API v1, for an application whose paths begin with `/v1`. */
export function v1Routes(app: FastifyInstance, v1: V1Service, caching: Caching): void {
  imageRoutes(app, v1, caching)
  memberRoutes(app, v1.importer.service)
  cachedImageRoutes(app, caching)
}
