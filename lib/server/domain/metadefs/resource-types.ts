import { GlanceError } from '../../../errors.ts'
import type { ResourceType, ResourceTypeAssociation } from '../../../image/metadef.ts'
import type { WantedAssociation } from '../../../image/metadef-request.ts'
import type { RequestContext } from '../context.ts'
import type { Service } from '../service.ts'
import { findNamespace, requireMay, requireUnprotected } from './access.ts'
import { addAssociation } from './add.ts'

/** Every type that a namespace was ever associated with: everybody may see which there are. */
export async function listResourceTypes(
  context: RequestContext,
  { database }: Service,
): Promise<readonly ResourceType[]> {
  await requireMay(context, 'list_metadef_resource_types')
  return database.metadefs.resourceTypes.list()
}

/** @throws {GlanceError} `not_found`. */
export async function listAssociations(
  context: RequestContext,
  { database }: Service,
  namespace: string,
): Promise<readonly ResourceTypeAssociation[]> {
  await findNamespace(context, database, namespace, 'list_metadef_resource_types')
  return database.metadefs.associations.list(namespace)
}

/** @throws {GlanceError} `not_found` (the namespace), `forbidden`, `duplicate`. */
export async function createAssociation(
  context: RequestContext,
  { database, now }: Service,
  namespace: string,
  wanted: WantedAssociation,
): Promise<ResourceTypeAssociation> {
  return database.transaction(async tables => {
    const action = 'add_metadef_resource_type_association'
    await findNamespace(context, tables, namespace, action)
    return addAssociation(tables, namespace, wanted, now())
  })
}

/** The resource type itself stays. @throws {GlanceError} `not_found`; `forbidden`, also when the namespace is protected. */
export async function deleteAssociation(
  context: RequestContext,
  { database }: Service,
  namespace: string,
  resourceType: string,
): Promise<void> {
  await database.transaction(async tables => {
    const action = 'remove_metadef_resource_type_association'
    const record = await findNamespace(context, tables, namespace, action)
    const { associations } = tables.metadefs
    if ((await associations.find(namespace, resourceType)) === undefined) {
      throw new GlanceError('not_found', `failed to find resource type ${resourceType} to delete`)
    }
    requireUnprotected(record, `resource-type-association ${resourceType}`)
    await associations.delete(namespace, resourceType)
  })
}
