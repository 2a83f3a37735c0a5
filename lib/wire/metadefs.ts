import type {
  MetadefNamespace,
  MetadefObject,
  MetadefTag,
  NamespacePart,
  PropertyDefinition,
  ResourceTypeAssociation,
} from '../image/metadef.ts'
import type { WantedNamespace, WantedObject } from '../image/metadef-request.ts'
import { formatTime, type V2Document } from './v2-image.ts'

// Documents of the API. As Glance: what is not set is not there.

export function namespaceToV2(record: MetadefNamespace, contents: V2Document = {}): V2Document {
  const { namespace, displayName, description, owner } = record
  return {
    namespace,
    ...(displayName !== null && { display_name: displayName }),
    ...(description !== null && { description }),
    visibility: record.visibility,
    protected: record.protected,
    ...(owner !== null && { owner }),
    ...times(record),
    ...contents,
    self: `/v2/metadefs/namespaces/${namespace}`,
    schema: '/v2/schemas/metadefs/namespace',
  }
}

/** What is in a namespace; kinds of which there is nothing are left out. */
export function contentsToV2(
  namespace: string,
  contents: {
    readonly associations: readonly ResourceTypeAssociation[]
    readonly properties: ReadonlyMap<string, PropertyDefinition>
    readonly objects: readonly MetadefObject[]
    readonly tags: readonly MetadefTag[]
  },
): V2Document {
  const { associations, properties, objects, tags } = contents
  return {
    ...(associations.length > 0 && {
      resource_type_associations: associations.map(associationToV2),
    }),
    ...(properties.size > 0 && { properties: definitionsToV2(properties) }),
    ...(objects.length > 0 && { objects: objects.map(object => objectToV2(namespace, object)) }),
    ...(tags.length > 0 && { tags: tags.map(({ name }) => ({ name })) }),
  }
}

/** As Glance, which answers what is in a new namespace in the form in which it was asked for. */
export function wantedContentsToV2(wanted: WantedNamespace): V2Document {
  const { associations, properties, objects, tags } = wanted
  return {
    ...(associations !== undefined && {
      resource_type_associations: associations.map(({ name, prefix, propertiesTarget }) => ({
        name,
        ...(prefix !== undefined && { prefix }),
        ...(propertiesTarget !== undefined && { properties_target: propertiesTarget }),
      })),
    }),
    ...(properties !== undefined && { properties: definitionsToV2(properties) }),
    ...(objects !== undefined && {
      objects: objects.map(object => ({
        ...object,
        ...(object.properties !== undefined && { properties: definitionsToV2(object.properties) }),
      })),
    }),
    ...(tags !== undefined && { tags: tags.map(name => ({ name })) }),
  }
}

export function definitionsToV2(
  definitions: ReadonlyMap<string, PropertyDefinition>,
): Readonly<Record<string, PropertyDefinition>> {
  return Object.fromEntries(definitions)
}

export function objectToV2(namespace: string, object: MetadefObject): V2Document {
  const { name, required, description, properties } = object
  return {
    name,
    required,
    ...(description !== null && { description }),
    properties: definitionsToV2(properties),
    ...times(object),
    self: `/v2/metadefs/namespaces/${namespace}/objects/${name}`,
    schema: '/v2/schemas/metadefs/object',
  }
}

/** As Glance, which answers of an object that was just written only what somebody has said of it. */
export function writtenObjectToV2(
  namespace: string,
  object: MetadefObject,
  wanted: WantedObject,
): V2Document {
  const { required, properties, ...rest } = objectToV2(namespace, object)
  return {
    ...rest,
    ...(wanted.required !== undefined && { required }),
    ...(wanted.properties !== undefined && { properties }),
  }
}

/** A tag, or a resource type, which is no more than that. */
export function tagToV2(tag: MetadefTag): V2Document {
  return { name: tag.name, ...times(tag) }
}

export function associationToV2(association: ResourceTypeAssociation): V2Document {
  const { name, prefix, propertiesTarget } = association
  return {
    name,
    ...(prefix !== null && { prefix }),
    ...(propertiesTarget !== null && { properties_target: propertiesTarget }),
    ...times(association),
  }
}

function times({ createdAt, updatedAt }: Omit<NamespacePart, 'name'>) {
  return { created_at: formatTime(createdAt), updated_at: formatTime(updatedAt) }
}
