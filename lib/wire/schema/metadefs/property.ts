import { PROPERTY_TYPES } from '../../../image/metadef.ts'
import { collectionOf } from '../collection.ts'
import { NAME_LENGTH } from './attributes.ts'

/** As Glance: null is among the types, although a type has to be text. */
const TYPE = { type: 'string', enum: [...PROPERTY_TYPES, null] } as const

const PROPERTIES = {
  name: { type: 'string', maxLength: NAME_LENGTH },
  title: { type: 'string' },
  description: { type: 'string' },
  operators: { type: 'array', items: { type: 'string' } },
  type: TYPE,
  required: { $ref: '#/definitions/stringArray' },
  minimum: { type: 'number' },
  maximum: { type: 'number' },
  maxLength: { $ref: '#/definitions/positiveInteger' },
  minLength: { $ref: '#/definitions/positiveIntegerDefault0' },
  pattern: { type: 'string', format: 'regex' },
  enum: { type: 'array' },
  readonly: { type: 'boolean' },
  default: {},
  items: { type: 'object', properties: { type: TYPE, enum: { type: 'array' } } },
  maxItems: { $ref: '#/definitions/positiveInteger' },
  minItems: { $ref: '#/definitions/positiveIntegerDefault0' },
  uniqueItems: { type: 'boolean', default: false },
  additionalItems: { type: 'boolean' },
} as const

const NUMBERS = {
  positiveInteger: { type: 'integer', minimum: 0 },
  positiveIntegerDefault0: { allOf: [{ $ref: '#/definitions/positiveInteger' }, { default: 0 }] },
} as const

const STRINGS = { type: 'array', items: { type: 'string' }, uniqueItems: true } as const

/** What the schemas of namespaces and objects refer to. */
export const DEFINITIONS = {
  ...NUMBERS,
  stringArray: STRINGS,
  property: {
    type: 'object',
    additionalProperties: { type: 'object', required: ['title', 'type'], properties: PROPERTIES },
  },
} as const

/** As Glance: of a property by itself, `required` must not be empty. */
const OWN_DEFINITIONS = { ...NUMBERS, stringArray: { ...STRINGS, minItems: 1 } } as const

const PROPERTY = { name: 'property', properties: PROPERTIES, additionalProperties: false } as const

/** `/v2/schemas/metadefs/property`. */
export const PROPERTY_SCHEMA = {
  ...PROPERTY,
  definitions: OWN_DEFINITIONS,
  required: ['type', 'title', 'name'],
} as const

/** The same where a property is under its name. */
export const UNNAMED_PROPERTY_SCHEMA = {
  ...PROPERTY,
  definitions: OWN_DEFINITIONS,
  required: ['type', 'title'],
} as const

/** `/v2/schemas/metadefs/properties`. */
export const PROPERTIES_SCHEMA = {
  ...collectionOf('properties', {
    type: 'object',
    additionalProperties: { ...PROPERTY, required: ['type', 'title'] },
  }),
  definitions: OWN_DEFINITIONS,
} as const
