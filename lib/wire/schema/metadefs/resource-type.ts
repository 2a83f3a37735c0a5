import { collectionOf } from '../collection.ts'
import { NAME_LENGTH, timesOf } from './attributes.ts'

/** `/v2/schemas/metadefs/resource_type`. */
export const RESOURCE_TYPE_SCHEMA = {
  name: 'resource_type_association',
  properties: {
    name: {
      type: 'string',
      description: "Kind of thing that the properties are for, by Heat's name where it has one",
      maxLength: NAME_LENGTH,
    },
    prefix: {
      type: 'string',
      description:
        'What the names of the properties begin with on things of this kind, with the colon or the like that ends it',
      maxLength: NAME_LENGTH,
    },
    properties_target: {
      type: 'string',
      description:
        'Which set of properties is meant, for things that have several: a volume has those of its user and of its image',
      maxLength: NAME_LENGTH,
    },
    ...timesOf('association'),
  },
  additionalProperties: false,
  required: ['name'],
} as const

/** `/v2/schemas/metadefs/resource_types`. */
export const RESOURCE_TYPES_SCHEMA = collectionOf('resource_type_associations', {
  type: 'array',
  items: RESOURCE_TYPE_SCHEMA,
})
