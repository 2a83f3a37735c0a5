import type { FastifyInstance } from 'fastify'
import { NAMESPACE_SCHEMA, NAMESPACES_SCHEMA } from '../../../wire/schema/metadefs/namespace.ts'
import { OBJECT_SCHEMA, OBJECTS_SCHEMA } from '../../../wire/schema/metadefs/object.ts'
import { PROPERTIES_SCHEMA, PROPERTY_SCHEMA } from '../../../wire/schema/metadefs/property.ts'
import {
  RESOURCE_TYPE_SCHEMA,
  RESOURCE_TYPES_SCHEMA,
} from '../../../wire/schema/metadefs/resource-type.ts'
import { TAG_SCHEMA, TAGS_SCHEMA } from '../../../wire/schema/metadefs/tag.ts'
import { BODILESS } from '../../http/app.ts'

const SCHEMAS = {
  namespace: NAMESPACE_SCHEMA,
  namespaces: NAMESPACES_SCHEMA,
  resource_type: RESOURCE_TYPE_SCHEMA,
  resource_types: RESOURCE_TYPES_SCHEMA,
  property: PROPERTY_SCHEMA,
  properties: PROPERTIES_SCHEMA,
  object: OBJECT_SCHEMA,
  objects: OBJECTS_SCHEMA,
  tag: TAG_SCHEMA,
  tags: TAGS_SCHEMA,
} as const

export function metadefSchemaRoutes(app: FastifyInstance): void {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    app.get(`/schemas/metadefs/${name}`, BODILESS, async () => schema)
  }
}
