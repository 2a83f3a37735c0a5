import { collectionOf } from '../collection.ts'
import { NAME_LENGTH, timesOf } from './attributes.ts'

/** `/v2/schemas/metadefs/tag`. */
export const TAG_SCHEMA = {
  name: 'tag',
  properties: { name: { type: 'string', maxLength: NAME_LENGTH }, ...timesOf('tag') },
  additionalProperties: false,
  required: ['name'],
} as const

/** `/v2/schemas/metadefs/tags`. */
export const TAGS_SCHEMA = collectionOf('tags', { type: 'array', items: TAG_SCHEMA })

/** What a list of tags to be added looks like, which is not what is served. */
export const NEW_TAGS_SCHEMA = {
  name: 'tags',
  properties: {
    tags: {
      type: 'array',
      items: {
        type: 'object',
        properties: { name: { type: 'string' } },
        required: ['name'],
        additionalProperties: false,
      },
    },
  },
  required: ['tags'],
  additionalProperties: false,
} as const
