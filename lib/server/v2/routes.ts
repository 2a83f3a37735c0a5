import type { FastifyInstance } from 'fastify'
import type { ImageSchema } from '../../wire/schema/image-schema.ts'
import type { Caching } from '../cache/caching.ts'
import type { Importer } from '../import/importer.ts'
import { actionRoutes } from './actions.ts'
import { cacheRoutes } from './cache.ts'
import { cachedImageRoutes } from './cached-images.ts'
import { dataRoutes } from './data.ts'
import type { PageSizes } from '../../wire/paging.ts'
import { imageRoutes } from './images.ts'
import { importRoutes } from './import.ts'
import { locationRoutes } from './locations.ts'
import { memberRoutes } from './members.ts'
import { metadefRoutes } from './metadefs/routes.ts'
import { schemaRoutes } from './schemas.ts'
import { storeRoutes } from './stores.ts'
import { tagRoutes } from './tags.ts'
import { taskRoutes } from './tasks.ts'
import { usageRoutes } from './usage.ts'

/** The Images API v2, for an application whose paths begin with `/v2`. */
export function v2Routes(
  app: FastifyInstance,
  importer: Importer,
  caching: Caching,
  paging: PageSizes,
  schema: ImageSchema,
): void {
  const { service } = importer
  imageRoutes(app, importer, paging, schema)
  dataRoutes(app, service, caching)
  actionRoutes(app, service)
  memberRoutes(app, service)
  tagRoutes(app, service)
  schemaRoutes(app, schema)
  taskRoutes(app, importer, paging, schema)
  importRoutes(app, importer)
  locationRoutes(app, importer)
  cacheRoutes(app, caching)
  cachedImageRoutes(app, caching)
  storeRoutes(app, service)
  usageRoutes(app, service)
  metadefRoutes(app, service, paging)
}
