import { createRequire } from 'node:module'
import type { ValidateFunction } from 'ajv'
import { GlanceError } from '../../../errors.ts'
import { isObject } from '../../../image/json.ts'
import { readOnly } from '../new-image.ts'
import { once } from '../once.ts'
import { describe, holdsUnstorable } from '../validate.ts'
import { NAME_LENGTH } from './attributes.ts'
import { NAMESPACE_SCHEMA } from './namespace.ts'
import { OBJECT_SCHEMA } from './object.ts'
import { PROPERTY_SCHEMA, UNNAMED_PROPERTY_SCHEMA } from './property.ts'
import { RESOURCE_TYPE_SCHEMA } from './resource-type.ts'
import { NEW_TAGS_SCHEMA, TAG_SCHEMA } from './tag.ts'

const SCHEMAS = {
  namespace: NAMESPACE_SCHEMA,
  object: OBJECT_SCHEMA,
  property: PROPERTY_SCHEMA,
  unnamedProperty: UNNAMED_PROPERTY_SCHEMA,
  association: RESOURCE_TYPE_SCHEMA,
  tag: TAG_SCHEMA,
  newTags: NEW_TAGS_SCHEMA,
} as const
type SchemaName = keyof typeof SCHEMAS

/**
 * Holds a document to a schema, and its text to what every Glance can store.
 * @throws {GlanceError} `forbidden` when it has one of `serverMade`; `invalid`.
 */
export function validateMetadef(
  schema: SchemaName,
  document: unknown,
  serverMade: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  for (const name of serverMade) {
    if (isObject(document) && Object.hasOwn(document, name)) throw readOnly(name)
  }
  const isValid = validators()[schema]
  if (!isValid(document) || !isObject(document)) {
    throw mismatch(schema, describe(isValid.errors))
  }
  if (holdsUnstorable(document)) throw mismatch(schema, 'it holds characters beyond U+FFFF')
  return document
}

/**
 * What names something in a namespace, or the namespace.
 * @throws {GlanceError} `invalid` when there is none, or one that a database would cut short or no URL can hold.
 */
export function validName(schema: SchemaName, name: unknown): string {
  if (typeof name !== 'string') throw mismatch(schema, 'a name is missing')
  if (name === '') throw mismatch(schema, 'a name is empty')
  if (name.length > NAME_LENGTH) {
    throw mismatch(schema, `'${name}' has more than ${NAME_LENGTH} characters`)
  }
  return name
}

/** What is refused that does not match a schema. */
export function mismatch(schema: SchemaName, reason: string): GlanceError {
  const { name } = SCHEMAS[schema]
  return new GlanceError('invalid', `Provided object does not match schema '${name}': ${reason}`)
}

/** Compiled when they are first asked for: the replicator has no use for them. */
const validators = once((): Readonly<Record<SchemaName, ValidateFunction>> => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- What a require gives has no type.
  const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv')
  // As Glance: the formats, of times and of patterns, are told and not checked.
  const ajv = new Ajv({ strict: false, validateFormats: false, validateSchema: false })
  const compile = (schema: object) => ajv.compile({ type: 'object', ...schema })
  return {
    namespace: compile(SCHEMAS.namespace),
    object: compile(SCHEMAS.object),
    property: compile(SCHEMAS.property),
    unnamedProperty: compile(SCHEMAS.unnamedProperty),
    association: compile(SCHEMAS.association),
    tag: compile(SCHEMAS.tag),
    newTags: compile(SCHEMAS.newTags),
  }
})
