import type { Database, ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import type { Image, Visibility } from '../../image/image.ts'
import type { RequestContext } from './context.ts'

/** Where images and their members are looked up: the database, or a transaction in it. */
export type Tables = Pick<Database, 'images' | 'members'>

/** @throws {GlanceError} `not_found` when the image is not there, and just so when the caller may not see it. */
export async function findVisible(
  context: RequestContext,
  tables: Tables,
  id: string,
): Promise<ImageRecord> {
  const image = await tables.images.find(id)
  if (image !== undefined && (await maySee(context, tables, image))) return image
  throw new GlanceError('not_found', `no image found with ID ${id}`)
}

/** @throws {GlanceError} `not_found` as {@link findVisible}; `forbidden` when the caller sees but does not own it. */
export async function findChangeable(
  context: RequestContext,
  tables: Tables,
  id: string,
): Promise<ImageRecord> {
  const image = await findVisible(context, tables, id)
  if (owns(context, image)) return image
  throw new GlanceError('forbidden', 'you do not own this image')
}

/** Whether the caller may see an image whose id it knows: with any status of membership (glance/db/utils.py). */
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

/** @throws {GlanceError} `forbidden` when the caller may not give an image this visibility. */
export function requireMayShow(context: RequestContext, visibility: Visibility): void {
  if (visibility === 'public' && !context.isAdmin) throw notAuthorized('publicize_image')
}

/** @throws {GlanceError} `forbidden` for callers who may only look. To come before anything is looked up. */
export function requireMayWrite(context: RequestContext): void {
  if (context.readOnly) throw new GlanceError('forbidden', 'read-only access')
}

/** @throws {GlanceError} `forbidden` for everybody but administrators. */
export function requireAdmin(context: RequestContext, action: string): void {
  if (!context.isAdmin) throw notAuthorized(action)
}

function notAuthorized(action: string): GlanceError {
  return new GlanceError('forbidden', `you are not authorized to complete ${action} action.`)
}
