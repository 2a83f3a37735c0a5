import { NAMESPACE_VISIBILITIES } from '../../../image/metadef.ts'
import { collectionOf } from '../collection.ts'
import { NAME_LENGTH, timesOf } from './attributes.ts'
import { DEFINITIONS } from './property.ts'

const NAMESPACE = {
  name: 'namespace',
  properties: {
    namespace: {
      type: 'string',
      description: 'Name that no other namespace has',
      maxLength: NAME_LENGTH,
    },
    display_name: {
      type: 'string',
      description: 'Name for people to read',
      maxLength: NAME_LENGTH,
    },
    description: { type: 'string', description: 'What the namespace is for', maxLength: 500 },
    visibility: {
      type: 'string',
      description: 'Who may see the namespace',
      enum: NAMESPACE_VISIBILITIES,
    },
    protected: {
      type: 'boolean',
      description: 'Whether the namespace is kept from being deleted',
    },
    owner: { type: 'string', description: 'Project of the namespace', maxLength: 255 },
    ...timesOf('namespace'),
    schema: { readOnly: true, type: 'string' },
    self: { readOnly: true, type: 'string' },
    resource_type_associations: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          prefix: { type: 'string' },
          properties_target: { type: 'string' },
        },
      },
    },
    properties: { $ref: '#/definitions/property' },
    objects: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          description: { type: 'string' },
          required: { $ref: '#/definitions/stringArray' },
          properties: { $ref: '#/definitions/property' },
        },
      },
    },
    tags: {
      type: 'array',
      items: { type: 'object', properties: { name: { type: 'string' } } },
    },
  },
  additionalProperties: false,
  required: ['namespace'],
} as const

/** `/v2/schemas/metadefs/namespace`. */
export const NAMESPACE_SCHEMA = { ...NAMESPACE, definitions: DEFINITIONS } as const

/** `/v2/schemas/metadefs/namespaces`. */
export const NAMESPACES_SCHEMA = {
  ...collectionOf('namespaces', { type: 'array', items: NAMESPACE }),
  definitions: DEFINITIONS,
} as const
