import type { PartTable } from '../../../database/database.ts'
import { GlanceError } from '../../../errors.ts'
import type { NamespacePart } from '../../../image/metadef.ts'
import type { RequestContext } from '../context.ts'
import type { Service } from '../service.ts'
import {
  findNamespace,
  type MetadefAction,
  naming,
  requireUnprotected,
  type Tables,
} from './access.ts'
import type { Wording } from './wording.ts'

/** One kind of what is in a namespace: where it is kept, what Glance calls it, and its policies. */
export interface PartKind<T extends NamespacePart> {
  readonly table: (tables: Tables) => PartTable<T>
  readonly wording: Wording
  readonly policies: Readonly<Record<'get' | 'list' | 'add' | 'modify' | 'remove', MetadefAction>>
}

/** @throws {GlanceError} `not_found`. */
export async function showPart<T extends NamespacePart>(
  context: RequestContext,
  { database }: Service,
  kind: PartKind<T>,
  namespace: string,
  name: string,
): Promise<T> {
  await findNamespace(context, database, namespace, kind.policies.get)
  return find(kind, database, namespace, name)
}

/** @throws {GlanceError} `not_found` (the namespace), `forbidden`, `duplicate`. */
export async function createPart<T extends NamespacePart>(
  context: RequestContext,
  { database }: Service,
  kind: PartKind<T>,
  namespace: string,
  part: T,
): Promise<T> {
  const { table, wording, policies } = kind
  return database.transaction(async tables => {
    await findNamespace(context, tables, namespace, policies.add)
    const message = wording.duplicate(part.name, namespace)
    await naming(message, table(tables).insert(namespace, part))
    return part
  })
}

/**
 * Puts another in the place of a part, perhaps with another name; it is as old as what it replaces.
 * @throws {GlanceError} `not_found`, `forbidden`; `duplicate` when another has that name.
 */
export async function replacePart<T extends NamespacePart>(
  context: RequestContext,
  { database }: Service,
  kind: PartKind<T>,
  namespace: string,
  name: string,
  by: T,
): Promise<T> {
  const { table, wording, policies } = kind
  return database.transaction(async tables => {
    await findNamespace(context, tables, namespace, policies.modify)
    const { createdAt } = await find(kind, tables, namespace, name)
    const part = { ...by, createdAt }
    const message = wording.wouldDuplicate(part.name, namespace)
    await naming(message, table(tables).replace(namespace, name, part))
    return part
  })
}

/** @throws {GlanceError} `not_found`; `forbidden`, also when the namespace is protected. */
export async function deletePart<T extends NamespacePart>(
  context: RequestContext,
  { database }: Service,
  kind: PartKind<T>,
  namespace: string,
  name: string,
): Promise<void> {
  const { table, wording, policies } = kind
  await database.transaction(async tables => {
    const record = await findNamespace(context, tables, namespace, policies.remove)
    await find(kind, tables, namespace, name)
    requireUnprotected(record, wording.called(name))
    await table(tables).delete(namespace, name)
  })
}

/** @throws {GlanceError} `not_found`. */
async function find<T extends NamespacePart>(
  { table, wording }: PartKind<T>,
  tables: Tables,
  namespace: string,
  name: string,
): Promise<T> {
  const part = await table(tables).find(namespace, name)
  if (part === undefined) throw new GlanceError('not_found', wording.notFound(name))
  return part
}
