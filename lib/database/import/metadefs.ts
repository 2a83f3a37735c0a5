import { GlanceError } from '../../errors.ts'
import {
  type MetadefNamespace,
  type MetadefObject,
  type MetadefProperty,
  type MetadefTag,
  NAMESPACE_VISIBILITIES,
  type PropertyDefinition,
  type ResourceType,
  type ResourceTypeAssociation,
} from '../../image/metadef.ts'
import { isObject } from '../../image/json.ts'
import type { GlanceSource } from './source.ts'
import { flagIn, objectIn, oneIn, type Row, textIn, timeIn } from './values.ts'

/** A property's definition from the document that it was kept as. @throws {GlanceError} `invalid`. */
export type ReadDefinition = (document: Readonly<Record<string, unknown>>) => PropertyDefinition

/** A namespace with all that is in it. */
export interface ReadNamespace {
  readonly record: MetadefNamespace
  readonly properties: readonly MetadefProperty[]
  readonly objects: readonly MetadefObject[]
  readonly tags: readonly MetadefTag[]
  readonly associations: readonly ResourceTypeAssociation[]
}

/** The metadata definitions of a Glance: they are few, and read as a whole. */
export class SourceMetadefs {
  readonly namespaces: readonly Row[]
  readonly #types: readonly Row[]
  readonly #parts: Readonly<Record<Kind, readonly Row[]>>

  private constructor(
    namespaces: readonly Row[],
    types: readonly Row[],
    parts: Readonly<Record<Kind, readonly Row[]>>,
  ) {
    this.namespaces = namespaces
    this.#types = types
    this.#parts = parts
  }

  /** Nothing, from a Glance of before Juno. */
  static async read(source: GlanceSource): Promise<SourceMetadefs> {
    const part = async (kind: Kind, columns: readonly string[], order = 'id') =>
      await source.all(kind, ['namespace_id', ...columns, ...TIMES], order)
    return new SourceMetadefs(
      await source.all('metadef_namespaces', NAMESPACE_COLUMNS),
      await source.all('metadef_resource_types', ['id', 'name', ...TIMES]),
      {
        metadef_properties: await part('metadef_properties', ['name', ...SCHEMAS]),
        metadef_objects: await part('metadef_objects', [
          'name',
          'description',
          'required',
          ...SCHEMAS,
        ]),
        metadef_tags: await part('metadef_tags', ['name']),
        metadef_namespace_resource_types: await part(
          'metadef_namespace_resource_types',
          ['resource_type_id', 'properties_target', 'prefix'],
          'resource_type_id',
        ),
      },
    )
  }

  get resourceTypes(): readonly ResourceType[] {
    return this.#types.map(named)
  }

  /** @throws {GlanceError} `invalid`, naming what cannot be kept. */
  namespace(row: Row, readDefinition: ReadDefinition): ReadNamespace {
    const id = textIn(row, 'id')
    const of = (kind: Kind) => this.#parts[kind].filter(part => textIn(part, 'namespace_id') === id)
    const types = new Map(this.#types.map(type => [textIn(type, 'id'), textIn(type, 'name')]))
    return {
      record: namespaceOf(row),
      properties: of('metadef_properties').map(part =>
        naming('property', part, () => ({
          ...named(part),
          definition: readDefinition(schemaIn(part)),
        })),
      ),
      objects: of('metadef_objects').map(part =>
        naming('object', part, () => objectOf(part, readDefinition)),
      ),
      tags: of('metadef_tags').map(named),
      associations: of('metadef_namespace_resource_types').flatMap(part => {
        const name = types.get(textIn(part, 'resource_type_id'))
        if (name === undefined || name === null) return []
        const [prefix, target] = [textIn(part, 'prefix'), textIn(part, 'properties_target')]
        return [{ ...named({ ...part, name }), prefix, propertiesTarget: target }]
      }),
    }
  }
}

type Kind =
  'metadef_properties' | 'metadef_objects' | 'metadef_tags' | 'metadef_namespace_resource_types'

const TIMES = ['created_at', 'updated_at']

/** Until it was renamed within Juno it was called `schema`. */
const SCHEMAS = ['json_schema', 'schema']

const NAMESPACE_COLUMNS = [
  'id',
  'namespace',
  'display_name',
  'description',
  'visibility',
  'protected',
  'owner',
  ...TIMES,
]

function namespaceOf(row: Row): MetadefNamespace {
  const { name: namespace, ...times } = named({ ...row, name: row['namespace'] })
  return {
    namespace,
    displayName: textIn(row, 'display_name'),
    description: textIn(row, 'description'),
    visibility:
      textIn(row, 'visibility') === null
        ? 'private'
        : oneIn(row, 'visibility', NAMESPACE_VISIBILITIES),
    protected: flagIn(row, 'protected'),
    owner: textIn(row, 'owner'),
    ...times,
  }
}

function objectOf(row: Row, readDefinition: ReadDefinition): MetadefObject {
  const properties = new Map<string, PropertyDefinition>()
  for (const [name, document] of Object.entries(schemaIn(row))) {
    if (!isObject(document)) throw new GlanceError('invalid', `property ${name} is no object`)
    properties.set(name, readDefinition(document))
  }
  const required = textIn(row, 'required') ?? ''
  return {
    ...named(row),
    description: textIn(row, 'description'),
    required: required === '' ? [] : required.split(','),
    properties,
  }
}

function schemaIn(row: Row) {
  return objectIn(row, 'json_schema') ?? objectIn(row, 'schema') ?? {}
}

function named(row: Row): MetadefTag {
  const createdAt = timeIn(row, 'created_at')
  if (createdAt === null) throw new GlanceError('invalid', 'created_at is not set')
  const updatedAt = timeIn(row, 'updated_at') ?? createdAt
  return { name: textIn(row, 'name') ?? '', createdAt, updatedAt }
}

/** @throws {GlanceError} `invalid`. */
function naming<T>(kind: string, row: Row, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof GlanceError)) throw error
    const message = `${kind} ${textIn(row, 'name')}: ${error.message}`
    throw new GlanceError(error.code, message, { cause: error })
  }
}
