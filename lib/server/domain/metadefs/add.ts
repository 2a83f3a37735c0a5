import type {
  MetadefNamespace,
  MetadefObject,
  ResourceTypeAssociation,
} from '../../../image/metadef.ts'
import type {
  WantedAssociation,
  WantedNamespace,
  WantedObject,
} from '../../../image/metadef-request.ts'
import { naming, type Tables } from './access.ts'
import { addParts, requireFew } from './add-parts.ts'
import { OBJECT_WORDING, PROPERTY_WORDING, TAG_WORDING } from './wording.ts'

/**
 * Adds a namespace and what is to be in it; part of a transaction, which is to fail with it.
 * @throws {GlanceError} `duplicate`, for the namespace or for something in it that is there twice; `over_limit`.
 */
export async function addNamespace(
  { metadefs }: Tables,
  wanted: WantedNamespace,
  owner: string | null,
  now: Date,
): Promise<MetadefNamespace> {
  const record = namespaceOf(wanted, owner, now)
  const { namespace } = record
  const message = `the metadata definition namespace=${namespace} already exists.`
  await naming(message, metadefs.namespaces.insert(record))
  const times = { createdAt: now, updatedAt: now }
  const { associations = [], objects = [], tags = [], properties = [] } = wanted
  requireFew(associations.length)
  for (const association of associations) {
    await addAssociation({ metadefs }, namespace, association, now)
  }
  const newObjects = objects.map(object => objectOf(object, now))
  await addParts(metadefs.objects, OBJECT_WORDING, namespace, newObjects)
  const newTags = tags.map(name => ({ name, ...times }))
  await addParts(metadefs.tags, TAG_WORDING, namespace, newTags)
  const newProperties = Array.from(properties, ([name, definition]) => {
    return { name, definition, ...times }
  })
  await addParts(metadefs.properties, PROPERTY_WORDING, namespace, newProperties)
  return record
}

/** Associates the namespace with a resource type, which comes to be if need be. @throws {GlanceError} `duplicate`. */
export async function addAssociation(
  { metadefs }: Tables,
  namespace: string,
  { name, prefix, propertiesTarget }: WantedAssociation,
  now: Date,
): Promise<ResourceTypeAssociation> {
  const times = { createdAt: now, updatedAt: now }
  if ((await metadefs.resourceTypes.find(name)) === undefined) {
    await metadefs.resourceTypes.insert({ name, ...times })
  }
  const association: ResourceTypeAssociation = {
    name,
    prefix: prefix ?? null,
    propertiesTarget: propertiesTarget ?? null,
    ...times,
  }
  const message =
    `the metadata definition resource-type association of resource-type=${name}` +
    ` to namespace=${namespace} already exists.`
  await naming(message, metadefs.associations.insert(namespace, association))
  return association
}

/** What a wanted namespace is that is new at this time. */
export function namespaceOf(
  wanted: WantedNamespace,
  owner: string | null,
  now: Date,
): MetadefNamespace {
  return {
    namespace: wanted.namespace,
    displayName: wanted.displayName ?? null,
    description: wanted.description ?? null,
    visibility: wanted.visibility ?? 'private',
    protected: wanted.protected ?? false,
    owner: wanted.owner ?? owner,
    createdAt: now,
    updatedAt: now,
  }
}

/** What a wanted object is that is new at this time. */
export function objectOf(wanted: WantedObject, now: Date): MetadefObject {
  return {
    name: wanted.name,
    description: wanted.description ?? null,
    required: wanted.required ?? [],
    properties: wanted.properties ?? new Map(),
    createdAt: now,
    updatedAt: now,
  }
}
