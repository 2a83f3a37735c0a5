import type { FastifyInstance } from 'fastify'
import type { ImageSchema } from '../../wire/schema/image-schema.ts'
import type { Service } from '../domain/service.ts'
import { actionRoutes } from './actions.ts'
import { dataRoutes } from './data.ts'
import { imageRoutes, type Paging } from './images.ts'
import { memberRoutes } from './members.ts'
import { metadefRoutes } from './metadefs/routes.ts'
import { schemaRoutes } from './schemas.ts'
import { tagRoutes } from './tags.ts'
import { taskRoutes } from './tasks.ts'
import { usageRoutes } from './usage.ts'

/** The Images API v2, for an application whose paths begin with `/v2`. */
export function v2Routes(
  app: FastifyInstance,
  service: Service,
  paging: Paging,
  schema: ImageSchema,
): void {
  imageRoutes(app, service, paging, schema)
  dataRoutes(app, service)
  actionRoutes(app, service)
  memberRoutes(app, service)
  tagRoutes(app, service)
  schemaRoutes(app, schema)
  taskRoutes(app)
  usageRoutes(app, service)
  metadefRoutes(app, service, paging)
}
