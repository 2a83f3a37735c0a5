import type { FastifyInstance } from 'fastify'
import type { Service } from '../../domain/service.ts'
import type { PageSizes } from '../../../wire/paging.ts'
import { namespaceRoutes } from './namespaces.ts'
import { objectRoutes } from './objects.ts'
import { propertyRoutes } from './properties.ts'
import { resourceTypeRoutes } from './resource-types.ts'
import { metadefSchemaRoutes } from './schemas.ts'
import { tagRoutes } from './tags.ts'

/** Metadata definitions. */
export function metadefRoutes(app: FastifyInstance, service: Service, paging: PageSizes): void {
  metadefSchemaRoutes(app)
  namespaceRoutes(app, service, paging)
  propertyRoutes(app, service)
  objectRoutes(app, service)
  tagRoutes(app, service)
  resourceTypeRoutes(app, service)
}
