import type { Database } from '../../../database/database.ts'
import { GlanceError, isGlanceError } from '../../../errors.ts'
import type { MetadefNamespace } from '../../../image/metadef.ts'
import type { Target } from '../../policy/check.ts'
import type { Action } from '../../policy/defaults.ts'
import { isAllowed, requireAllowed, requireMayWrite } from '../access.ts'
import type { RequestContext } from '../context.ts'

/** Where definitions are looked up: the database, or a transaction in it. */
export type Tables = Pick<Database, 'metadefs'>

/** What may be done with definitions, by the names of Glance's policies. */
export type MetadefAction = Extract<Action, `${string}metadef${string}`>

/**
 * The namespace, for `action`, which is Glance's policy for what is to be done with it or with something in it.
 * @throws {GlanceError} `not_found` when it is not there, and just so when the caller may not see it; `forbidden`.
 */
export async function findNamespace(
  context: RequestContext,
  { metadefs }: Tables,
  name: string,
  action: MetadefAction,
): Promise<MetadefNamespace> {
  const namespace = await metadefs.namespaces.find(name)
  if (namespace === undefined || !maySee(context, namespace)) throw unknown(name)
  await requireMayIn(context, action, namespace)
  return namespace
}

/**
 * For what is not done in a namespace. @throws {GlanceError} `forbidden` unless the policy lets the caller do it;
 * `not_found` when it does not even let the caller see a namespace.
 */
export async function requireMay(context: RequestContext, action: MetadefAction): Promise<void> {
  if (!isLooking(action)) requireMayWrite(context)
  const target = { project_id: context.project }
  if (await isAllowed(context, action, target)) return
  if (!(await isAllowed(context, 'get_metadef_namespace', target))) {
    throw new GlanceError('not_found', 'the resource could not be found.')
  }
  await requireAllowed(context, action, target)
}

/**
 * For what is done in a namespace that the caller sees.
 * @throws {GlanceError} `forbidden`; `not_found` when the policy does not even let the caller see the namespace.
 */
export async function requireMayIn(
  context: RequestContext,
  action: MetadefAction,
  namespace: MetadefNamespace,
): Promise<void> {
  if (!isLooking(action)) requireMayWrite(context)
  const target = targetOf(namespace)
  if (await isAllowed(context, action, target)) return
  if (await isHidden(context, namespace)) throw unknown(namespace.namespace)
  await requireAllowed(context, action, target)
}

/** Whether the policy keeps the caller from seeing a namespace that is there to be seen. */
export async function isHidden(
  context: RequestContext,
  namespace: MetadefNamespace,
): Promise<boolean> {
  return !(await isAllowed(context, 'get_metadef_namespace', targetOf(namespace)))
}

function isLooking(action: MetadefAction): boolean {
  return /^(?:get|list)_/.test(action)
}

function targetOf({ owner, visibility }: MetadefNamespace): Target {
  return { project_id: owner, visibility }
}

function unknown(name: string): GlanceError {
  return new GlanceError('not_found', `namespace ${name} not found`)
}

/** Whether the caller's project may see the namespace; the policy may know better. */
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
