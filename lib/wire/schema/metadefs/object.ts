import { collectionOf } from '../collection.ts'
import { NAME_LENGTH, timesOf } from './attributes.ts'
import { DEFINITIONS } from './property.ts'

const OBJECT = {
  name: 'object',
  properties: {
    name: { type: 'string', maxLength: NAME_LENGTH },
    description: { type: 'string' },
    required: { $ref: '#/definitions/stringArray' },
    properties: { $ref: '#/definitions/property' },
    schema: { readOnly: true, type: 'string' },
    self: { readOnly: true, type: 'string' },
    ...timesOf('object'),
  },
  additionalProperties: false,
  required: ['name'],
} as const

/** `/v2/schemas/metadefs/object`. */
export const OBJECT_SCHEMA = { ...OBJECT, definitions: DEFINITIONS } as const

/** `/v2/schemas/metadefs/objects`. */
export const OBJECTS_SCHEMA = {
  ...collectionOf('objects', { type: 'array', items: OBJECT }),
  definitions: DEFINITIONS,
} as const
