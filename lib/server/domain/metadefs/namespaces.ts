import { GlanceError } from '../../../errors.ts'
import type {
  MetadefNamespace,
  NamespaceQuery,
  ResourceTypeAssociation,
} from '../../../image/metadef.ts'
import type { WantedNamespace } from '../../../image/metadef-request.ts'
import type { RequestContext } from '../context.ts'
import type { Service } from '../service.ts'
import {
  findNamespace,
  isHidden,
  maySee,
  type MetadefAction,
  naming,
  requireMay,
  requireMayIn,
  requireUnprotected,
} from './access.ts'
import { addNamespace, namespaceOf } from './add.ts'
import { type Contents, contentsOf, prefixed } from './contents.ts'

/** The page that is asked for, with what its namespaces are associated with. @throws {GlanceError} as for its marker. */
export async function listNamespaces(
  context: RequestContext,
  { database: { metadefs } }: Service,
  query: NamespaceQuery,
): Promise<NamespacePage> {
  await requireMay(context, 'get_metadef_namespaces')
  await requireMay(context, 'list_metadef_resource_types')
  if (query.marker !== null) {
    const marker = await metadefs.namespaces.find(query.marker)
    if (marker === undefined) throw unknown(query.marker)
    if (!maySee(context, marker)) {
      throw new GlanceError(
        'forbidden',
        `forbidding request, metadata definition namespace=${query.marker} is not visible.`,
      )
    }
  }
  const found = await metadefs.namespaces.list(query)
  const namespaces: MetadefNamespace[] = []
  for (const namespace of found) {
    if (!(await isHidden(context, namespace))) namespaces.push(namespace)
  }
  const names = namespaces.map(({ namespace }) => namespace)
  const associations = await metadefs.associations.listEach(names)
  return {
    namespaces: namespaces.map(record => ({
      record,
      associations: associations.get(record.namespace) ?? [],
    })),
    withheld: found.length - namespaces.length,
  }
}

/** A page of a listing as the caller may see it. */
export interface NamespacePage {
  readonly namespaces: readonly ListedNamespace[]
  /** How many namespaces of the page the policy keeps from the caller. */
  readonly withheld: number
}

interface ListedNamespace {
  readonly record: MetadefNamespace
  readonly associations: readonly ResourceTypeAssociation[]
}

/**
 * A namespace and what is in it; properties have the names that they have on things of `resourceType`, if one is given.
 * @throws {GlanceError} `not_found`.
 */
export async function showNamespace(
  context: RequestContext,
  { database }: Service,
  name: string,
  resourceType: string | null,
): Promise<{ readonly record: MetadefNamespace; readonly contents: Contents }> {
  const record = await database.metadefs.namespaces.find(name)
  if (record === undefined || !maySee(context, record)) throw unknown(name)
  for (const action of SHOWING) await requireMayIn(context, action, record)
  const contents = await contentsOf(database, name)
  const association = contents.associations.find(({ name }) => name === resourceType)
  return { record, contents: prefixed(contents, association?.prefix ?? '') }
}

/** As Glance: who is shown a namespace is shown all that is in it. */
const SHOWING = [
  'get_metadef_namespace',
  'list_metadef_resource_types',
  'get_metadef_objects',
  'get_metadef_properties',
  'get_metadef_tags',
] as const satisfies readonly MetadefAction[]

/** Adds a namespace and what is to be in it, all or nothing. @throws {GlanceError} `forbidden`, `duplicate`. */
export async function createNamespace(
  context: RequestContext,
  { database, now }: Service,
  wanted: WantedNamespace,
): Promise<MetadefNamespace> {
  await requireMay(context, 'add_metadef_namespace')
  if (wanted.associations?.length)
    await requireMay(context, 'add_metadef_resource_type_association')
  if (wanted.objects?.length) await requireMay(context, 'add_metadef_object')
  if (wanted.properties?.size) await requireMay(context, 'add_metadef_property')
  if (wanted.tags?.length) await requireMay(context, 'add_metadef_tag')
  return database.transaction(tables => addNamespace(tables, wanted, context.project, now()))
}

/**
 * Replaces what a namespace is, not what is in it; what is not said is as in a new one.
 * @throws {GlanceError} `not_found`, `forbidden`; `duplicate` when another has that name.
 */
export async function updateNamespace(
  context: RequestContext,
  { database, now }: Service,
  name: string,
  wanted: WantedNamespace,
): Promise<MetadefNamespace> {
  return database.transaction(async tables => {
    const action = 'modify_metadef_namespace'
    const { createdAt } = await findNamespace(context, tables, name, action)
    const record = { ...namespaceOf(wanted, context.project, now()), createdAt }
    const message =
      'invalid update. It would result in a duplicate metadata definition namespace with the same name of ' +
      record.namespace
    await naming(message, tables.metadefs.namespaces.replace(name, record))
    return record
  })
}

/** With all that is in it. @throws {GlanceError} `not_found`; `forbidden`, also when it is protected. */
export async function deleteNamespace(
  context: RequestContext,
  { database }: Service,
  name: string,
): Promise<void> {
  await database.transaction(async tables => {
    const action = 'delete_metadef_namespace'
    const record = await findNamespace(context, tables, name, action)
    requireUnprotected(record, `namespace ${name}`)
    await tables.metadefs.namespaces.delete(name)
  })
}

/** Deletes all of one kind. @throws {GlanceError} `not_found`; `forbidden`, also when the namespace is protected. */
export async function clearNamespace(
  context: RequestContext,
  { database }: Service,
  name: string,
  kind: 'properties' | 'objects' | 'tags',
): Promise<void> {
  await database.transaction(async tables => {
    // As Glance: who may delete the namespace may empty it.
    const record = await findNamespace(context, tables, name, 'delete_metadef_namespace')
    if (kind === 'tags') await requireMayIn(context, 'delete_metadef_tags', record)
    requireUnprotected(record, `namespace ${name}`)
    await tables.metadefs[kind].clear(name)
  })
}

function unknown(name: string): GlanceError {
  return new GlanceError('not_found', `metadata definition namespace=${name} was not found.`)
}
