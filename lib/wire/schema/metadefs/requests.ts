import type { PropertyDefinition } from '../../../image/metadef.ts'
import type {
  WantedAssociation,
  WantedNamespace,
  WantedObject,
  WantedProperty,
} from '../../../image/metadef-request.ts'
import { definitionOf } from './definition.ts'
import { mismatch, validateMetadef, validName } from './validate.ts'

// Each reads a document that somebody sent. @throws {GlanceError} `invalid`; `forbidden` when it has what only the
// service sets.

const TIMES = ['created_at', 'updated_at'] as const
const LINKS = ['self', 'schema'] as const

export function wantedNamespace(document: unknown): WantedNamespace {
  // What the schema has let through has the types that are asserted here and below.
  const given = validateMetadef('namespace', document, [...LINKS, ...TIMES]) as NamespaceDocument
  const { display_name, description, visibility, owner, tags, objects, properties } = given
  const associations = given.resource_type_associations
  return {
    namespace: validName('namespace', given['namespace']),
    ...(display_name !== undefined && { displayName: display_name }),
    ...(description !== undefined && { description }),
    ...(visibility !== undefined && { visibility }),
    ...(given.protected !== undefined && { protected: given.protected }),
    ...(owner !== undefined && { owner }),
    ...(properties !== undefined && { properties: definitionsIn(properties) }),
    ...(objects !== undefined && { objects: objects.map(objectIn) }),
    ...(tags !== undefined && { tags: tags.map(tag => onlyNameOf(tag)) }),
    ...(associations !== undefined && { associations: associations.map(associationIn) }),
  }
}

interface NamespaceDocument extends Readonly<Record<string, unknown>> {
  readonly display_name?: string
  readonly description?: string
  readonly visibility?: 'public' | 'private'
  readonly protected?: boolean
  readonly owner?: string
  readonly properties?: Definitions
  readonly objects?: readonly ObjectDocument[]
  readonly tags?: readonly Readonly<Record<string, unknown>>[]
  readonly resource_type_associations?: readonly AssociationDocument[]
}

type Definitions = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export function wantedProperty(document: unknown): WantedProperty {
  const given = validateMetadef('property', document, TIMES)
  return { name: validName('property', given['name']), definition: definitionOf(given) }
}

export function wantedObject(document: unknown): WantedObject {
  const given = validateMetadef('object', document, [...LINKS, ...TIMES]) as ObjectDocument
  for (const definition of Object.values(given.properties ?? {})) {
    validateMetadef('unnamedProperty', definition)
  }
  return objectIn(given)
}

interface ObjectDocument extends Readonly<Record<string, unknown>> {
  readonly description?: string
  readonly required?: readonly string[]
  readonly properties?: Definitions
}

export function wantedAssociation(document: unknown): WantedAssociation {
  return associationIn(validateMetadef('association', document, TIMES))
}

interface AssociationDocument extends Readonly<Record<string, unknown>> {
  readonly prefix?: string
  readonly properties_target?: string
}

/** The name in a tag's document. */
export function wantedTag(document: unknown): string {
  return validName('tag', validateMetadef('tag', document, TIMES)['name'])
}

/** The names in a list of tags. */
export function wantedTags(document: unknown): readonly string[] {
  const { tags } = validateMetadef('newTags', document, TIMES)
  return (tags as readonly { readonly name: string }[]).map(({ name }) => validName('tag', name))
}

function definitionsIn(properties: Definitions): ReadonlyMap<string, PropertyDefinition> {
  return new Map(
    Object.entries(properties).map(([name, definition]) => [
      validName('property', name),
      definitionOf(definition),
    ]),
  )
}

function objectIn(document: ObjectDocument): WantedObject {
  refuseOthers('object', document, ['name', 'description', 'required', 'properties'])
  const { description, required, properties } = document
  return {
    name: validName('object', document['name']),
    ...(description !== undefined && { description }),
    ...(required !== undefined && { required }),
    ...(properties !== undefined && { properties: definitionsIn(properties) }),
  }
}

function associationIn(document: AssociationDocument): WantedAssociation {
  refuseOthers('association', document, ['name', 'prefix', 'properties_target'])
  const { prefix, properties_target } = document
  return {
    name: validName('association', document['name']),
    ...(prefix !== undefined && { prefix }),
    ...(properties_target !== undefined && { propertiesTarget: properties_target }),
  }
}

function onlyNameOf(tag: Readonly<Record<string, unknown>>): string {
  refuseOthers('tag', tag, ['name'])
  return validName('tag', tag['name'])
}

/** Inside of a namespace Glance's schema lets anything pass, and the service then answers 500. */
function refuseOthers(
  schema: 'object' | 'association' | 'tag',
  document: object,
  known: readonly string[],
): void {
  const other = Object.keys(document).find(name => !known.includes(name))
  if (other !== undefined) throw mismatch(schema, `there is no '${other}'`)
}
