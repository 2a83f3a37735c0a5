import type { Database } from '../../../database/database.ts'
import { GlanceError, isGlanceError } from '../../../errors.ts'
import type { MetadefNamespace } from '../../../image/metadef.ts'
import { requireAdmin, requireMayWrite } from '../access.ts'
import type { RequestContext } from '../context.ts'

/** Where definitions are looked up: the database, or a transaction in it. */
export type Tables = Pick<Database, 'metadefs'>

/**
 * The namespace, for `action`, which is Glance's policy for what is to be done with it or with something in it.
 * @throws {GlanceError} `not_found` when it is not there, and just so when the caller may not see it; `forbidden`.
 */
export async function findNamespace(
  context: RequestContext,
  { metadefs }: Tables,
  name: string,
  action: string,
): Promise<MetadefNamespace> {
  const namespace = await metadefs.namespaces.find(name)
  if (namespace === undefined || !maySee(context, namespace)) {
    throw new GlanceError('not_found', `namespace ${name} not found`)
  }
  requireMay(context, action)
  return namespace
}

/** @throws {GlanceError} `forbidden` for everybody but administrators, unless the action is to look. */
export function requireMay(context: RequestContext, action: string): void {
  if (/^(?:get|list)_/.test(action)) return
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
