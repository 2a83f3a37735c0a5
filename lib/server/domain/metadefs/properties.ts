import { GlanceError } from '../../../errors.ts'
import type { MetadefProperty, PropertyDefinition } from '../../../image/metadef.ts'
import type { RequestContext } from '../context.ts'
import type { Service } from '../service.ts'
import { findNamespace, requireMayIn } from './access.ts'
import { propertiesOf } from './contents.ts'
import { type PartKind, showPart } from './parts.ts'
import { PROPERTY_WORDING } from './wording.ts'

export const PROPERTIES: PartKind<MetadefProperty> = {
  table: ({ metadefs }) => metadefs.properties,
  wording: PROPERTY_WORDING,
  policies: {
    get: 'get_metadef_property',
    list: 'get_metadef_properties',
    add: 'add_metadef_property',
    modify: 'modify_metadef_property',
    remove: 'remove_metadef_property',
  },
}

/** All, by name. @throws {GlanceError} `not_found`. */
export async function listProperties(
  context: RequestContext,
  { database }: Service,
  namespace: string,
): Promise<ReadonlyMap<string, PropertyDefinition>> {
  await findNamespace(context, database, namespace, PROPERTIES.policies.list)
  return propertiesOf(database, namespace)
}

/**
 * The property that is called `name` on things of a resource type, or in the namespace if none is given.
 * @throws {GlanceError} `not_found`, also when the namespace has no prefix for the type or the name does not begin with it.
 */
export async function showProperty(
  context: RequestContext,
  service: Service,
  namespace: string,
  name: string,
  resourceType: string | null,
): Promise<MetadefProperty> {
  const record = await findNamespace(context, service.database, namespace, PROPERTIES.policies.get)
  if (resourceType !== null) await requireMayIn(context, 'get_metadef_resource_type', record)
  const prefix = resourceType === null ? '' : await prefixFor(service, namespace, resourceType)
  if (prefix === null || !name.startsWith(prefix)) {
    throw new GlanceError(
      'not_found',
      `property ${name} does not start with the expected resource type association prefix of '${prefix ?? 'None'}'.`,
    )
  }
  return showPart(context, service, PROPERTIES, namespace, name.slice(prefix.length))
}

/** Null when there is none. @throws {GlanceError} `not_found` when the namespace is not for that type. */
async function prefixFor(
  { database: { metadefs } }: Service,
  namespace: string,
  resourceType: string,
): Promise<string | null> {
  const association = await metadefs.associations.find(namespace, resourceType)
  if (association !== undefined) return association.prefix || null
  const isKnown = (await metadefs.resourceTypes.find(resourceType)) !== undefined
  throw new GlanceError(
    'not_found',
    isKnown
      ? `the metadata definition resource-type association of resource-type=${resourceType} to namespace=${namespace}, was not found.`
      : `the metadata definition resource-type with name=${resourceType}, was not found.`,
  )
}
