import type { Database } from '../../../database/database.ts'
import { GlanceError, isGlanceError } from '../../../errors.ts'
import type { MetadefNamespace } from '../../../image/metadef.ts'
import { requireAdmin, requireMayWrite } from '../access.ts'
import type { RequestContext } from '../context.ts'

/** Where definitions are looked up: the database, or a transaction in it. */
export type Tables = Pick<Database, 'metadefs'>

/** @throws {GlanceError} `not_found` when the namespace is not there, and just so when the caller may not see it. */
export async function findVisible(
  context: RequestContext,
  { metadefs }: Tables,
  name: string,
): Promise<MetadefNamespace> {
  const namespace = await metadefs.namespaces.find(name)
  if (namespace !== undefined && maySee(context, namespace)) return namespace
  throw new GlanceError('not_found', `namespace ${name} not found`)
}

/**
 * For what changes a namespace, or something in it; `action` is Glance's policy for it.
 * @throws {GlanceError} `not_found` as {@link findVisible}; `forbidden`.
 */
export async function findChangeable(
  context: RequestContext,
  tables: Tables,
  name: string,
  action: string,
): Promise<MetadefNamespace> {
  const namespace = await findVisible(context, tables, name)
  requireMayManage(context, action)
  return namespace
}

/** @throws {GlanceError} `forbidden` for everybody but those who look after the definitions. */
export function requireMayManage(context: RequestContext, action: string): void {
  requireMayWrite(context)
  requireAdmin(context, action)
}

export function maySee(context: RequestContext, namespace: MetadefNamespace): boolean {
  if (context.isAdmin || namespace.visibility === 'public' || namespace.owner === null) return true
  return namespace.owner === context.project
}

/** @throws {GlanceError} `forbidden` when what is to be deleted, or the namespace it is in, is protected. */
export function requireUnprotected(namespace: MetadefNamespace, what: string): void {
  if (!namespace.protected) return
  throw new GlanceError(
    'forbidden',
    `metadata definition ${what} is protected and cannot be deleted.`,
  )
}

/** Says of a duplicate what Glance says. */
export async function naming<T>(message: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isGlanceError(error, 'duplicate')) throw error
    throw new GlanceError('duplicate', message, { cause: error })
  }
}
