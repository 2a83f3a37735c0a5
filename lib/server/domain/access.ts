import type { Database, ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import type { Image, Visibility } from '../../image/image.ts'
import type { Answer, Target } from '../policy/check.ts'
import type { Action } from '../policy/defaults.ts'
import type { RequestContext } from './context.ts'
import { imageTarget } from './image-target.ts'

/** Where images and their members are looked up: the database, or a transaction in it. */
export type Tables = Pick<Database, 'images' | 'members'>

/**
 * The image, for an action that does not change it.
 * @throws {GlanceError} `not_found` when the image is not there, and just so when the caller may not see it;
 * `forbidden` when the policy keeps the caller from the action.
 */
export async function findVisible(
  context: RequestContext,
  tables: Tables,
  id: string,
  action: Action = 'get_image',
): Promise<ImageRecord> {
  const image = await tables.images.find(id)
  if (image === undefined || !(await maySee(context, tables, image))) throw notFound(id)
  await requireAllowedOn(context, action, image)
  return image
}

export interface ChangeOptions {
  /** Default `modify_image`. */
  readonly action?: Action
  /** What to tell somebody who sees the image and does not own it. */
  readonly refusal?: string
}

/**
 * The image, for an action that only its owner and administrators may do, whatever the policy says besides.
 * @throws {GlanceError} `not_found` as {@link findVisible}; `forbidden`.
 */
export async function findChangeable(
  context: RequestContext,
  tables: Tables,
  id: string,
  { action = 'modify_image', refusal }: ChangeOptions = {},
): Promise<ImageRecord> {
  const image = await findVisible(context, tables, id, action)
  requireOwner(context, image, refusal)
  return image
}

/** @throws {GlanceError} `forbidden` unless the image is the caller's to change. */
export function requireOwner(
  context: RequestContext,
  image: Pick<Image, 'owner'>,
  refusal = 'you do not own this image',
): void {
  if (!owns(context, image)) throw new GlanceError('forbidden', refusal)
}

/**
 * Whether the caller may see an image whose id it knows: with any status of membership (glance/db/utils.py). The
 * policy may know better.
 */
export async function maySee(
  context: RequestContext,
  tables: Tables,
  image: Image,
): Promise<boolean> {
  if (owns(context, image) || image.owner === null) return true
  if (image.visibility === 'public' || image.visibility === 'community') return true
  if (image.visibility !== 'shared' || context.project === null) return false
  return (await tables.members.find(image.id, context.project)) !== undefined
}

/** Whether the image is the caller's to change; nobody but an administrator owns one without an owner. */
export function owns(context: RequestContext, image: Pick<Image, 'owner'>): boolean {
  return context.isAdmin || (context.project !== null && context.project === image.owner)
}

/** Whether the policy lets the caller do it; a `target` that takes making is made only when a rule asks for it. */
export function isAllowed(
  context: RequestContext,
  action: Action,
  target: Target | (() => Target) = {},
): Answer {
  return context.policy.allows(context, action, target)
}

/** Whether the policy lets the caller do it with the image, which it sees. */
export function isAllowedOn(context: RequestContext, action: Action, image: Image): Answer {
  return isAllowed(context, action, () => imageTarget(context, image))
}

/** @throws {GlanceError} `forbidden` unless the policy lets the caller do it. */
export async function requireAllowed(
  context: RequestContext,
  action: Action,
  target: Target = {},
): Promise<void> {
  if (!(await isAllowed(context, action, target))) throw notAuthorized(action)
}

/**
 * As {@link requireAllowed}, for something with an image.
 * @throws {GlanceError} `forbidden`; `not_found` when the policy does not even let the caller see the image.
 */
export async function requireAllowedOn(
  context: RequestContext,
  action: Action,
  image: Image,
): Promise<void> {
  if (await isAllowedOn(context, action, image)) return
  const isSeen = action !== 'get_image' && (await isAllowedOn(context, 'get_image', image))
  throw isSeen ? notAuthorized(action) : notFound(image.id)
}

/** @throws {GlanceError} `forbidden` when the caller may not give the image, or the one to be, this visibility. */
export async function requireMayShow(
  context: RequestContext,
  visibility: Visibility,
  target: Target,
): Promise<void> {
  if (visibility === 'public') await requireAllowed(context, 'publicize_image', target)
  if (visibility === 'community') await requireAllowed(context, 'communitize_image', target)
}

/** @throws {GlanceError} `forbidden` for callers who may only look. To come before anything is looked up. */
export function requireMayWrite(context: RequestContext): void {
  if (context.readOnly) throw new GlanceError('forbidden', 'read-only access')
}

function notAuthorized(action: Action): GlanceError {
  return new GlanceError('forbidden', `you are not authorized to complete ${action} action.`)
}

function notFound(id: string): GlanceError {
  return new GlanceError('not_found', `no image found with ID ${id}`)
}
