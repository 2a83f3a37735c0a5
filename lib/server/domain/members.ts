import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { type Member, MEMBER_STATUSES } from '../../image/member.ts'
import {
  findVisible,
  isAllowedOn,
  owns,
  requireAllowedOn,
  requireMayWrite,
  requireOwner,
  type Tables,
} from './access.ts'
import { admitReaders } from './admit.ts'
import type { RequestContext } from './context.ts'
import { enforceQuota } from '../quota/limits.ts'
import type { Service } from './service.ts'

/** Shares an image with another project. @throws {GlanceError} `not_found`, `forbidden`, `duplicate`, `over_limit`. */
export async function addMember(
  context: RequestContext,
  service: Service,
  imageId: string,
  memberId: string,
): Promise<Member> {
  requireMayWrite(context)
  const { image, member } = await service.database.transaction(async tables => {
    const image = await findShared(context, tables, imageId, notAllowed('create', imageId))
    requireOwnerUnlessNew(context, image, 'create')
    await requireAllowedOn(context, 'add_member', image)
    const members = await tables.members.list(imageId)
    // As Glance: the quota is checked before whether it is a member already.
    enforceQuota('members', members.length + 1, service.limits.members)
    if (members.some(member => member.memberId === memberId)) {
      throw new GlanceError('duplicate', `member ${memberId} is duplicated for image ${imageId}`)
    }
    const now = service.now()
    const member: Member = {
      imageId,
      memberId,
      status: 'pending',
      canShare: false,
      createdAt: now,
      updatedAt: now,
    }
    await tables.members.insert(member)
    return { image, member }
  })
  await admitReaders(context, service, image)
  return member
}

/** All members for the owner and administrators; for a member, only itself. @throws {GlanceError} `not_found`, `forbidden`. */
export async function listMembers(
  context: RequestContext,
  service: Service,
  imageId: string,
): Promise<readonly Member[]> {
  const image = await findShared(
    context,
    service.database,
    imageId,
    new GlanceError(
      'forbidden',
      `not allowed to list members for image ${imageId}: Only shared images have members.`,
    ),
  )
  await requireAllowedOn(context, 'get_members', image)
  if (!(await isAllowedOn(context, 'get_member', image))) return []
  const members = await service.database.members.list(imageId)
  return members.filter(member => mayRead(context, image, member.memberId))
}

/** @throws {GlanceError} `not_found`, also for an image that is not shared: nothing is let on. */
export async function showMember(
  context: RequestContext,
  service: Service,
  imageId: string,
  memberId: string,
): Promise<Member> {
  try {
    const image = await findShared(context, service.database, imageId)
    return await findMember(context, service.database, image, memberId)
  } catch (error) {
    if (!isGlanceError(error, 'forbidden')) throw error
    throw new GlanceError('not_found', error.message, { cause: error })
  }
}

/**
 * Lets a member, or an administrator in its place, say whether it wants the image among its own; the image's owner
 * cannot. @throws {GlanceError} `not_found`, `forbidden`; `invalid` for a status that there is not.
 */
export async function updateMember(
  context: RequestContext,
  service: Service,
  imageId: string,
  memberId: string,
  status: unknown,
): Promise<Member> {
  requireMayWrite(context)
  return service.database.transaction(async tables => {
    const image = await findShared(context, tables, imageId, notAllowed('update', imageId))
    const isOwn = context.project === image.owner && !context.isAdmin
    if (isOwn && !context.policy.enforcesNewDefaults) throw notAllowed('update', imageId)
    await findMember(context, tables, image, memberId)
    await requireAllowedOn(context, 'modify_member', image)
    const known = MEMBER_STATUSES.find(known => known === status)
    if (known === undefined) {
      throw new GlanceError(
        'invalid',
        'incorrect request: Status must be "pending", "accepted" or "rejected".',
      )
    }
    const change = { status: known, updatedAt: service.now() }
    return tables.members.update(imageId, memberId, change)
  })
}

/** Stops sharing the image with a project; a member cannot leave by itself. @throws {GlanceError} `not_found`, `forbidden`. */
export async function removeMember(
  context: RequestContext,
  service: Service,
  imageId: string,
  memberId: string,
): Promise<void> {
  requireMayWrite(context)
  const image = await service.database.transaction(async tables => {
    const image = await findShared(context, tables, imageId, notAllowed('delete', imageId))
    requireOwnerUnlessNew(context, image, 'delete')
    await findMember(context, tables, image, memberId)
    await requireAllowedOn(context, 'delete_member', image)
    await tables.members.delete(imageId, memberId)
    return image
  })
  await admitReaders(context, service, image)
}

/** @throws {GlanceError} `not_found`; `refusal` for an image that is not shared. */
async function findShared(
  context: RequestContext,
  tables: Tables,
  id: string,
  refusal = new GlanceError('forbidden', 'only shared images have members.'),
): Promise<ImageRecord> {
  const image = await findVisible(context, tables, id)
  if (image.visibility === 'shared') return image
  throw refusal
}

/** Under the new defaults who may is for the policy alone to say. */
function requireOwnerUnlessNew(
  context: RequestContext,
  image: ImageRecord,
  action: 'create' | 'delete',
): void {
  if (context.policy.enforcesNewDefaults) return
  requireOwner(context, image, notAllowed(action, image.id).message)
}

async function findMember(
  context: RequestContext,
  tables: Tables,
  image: ImageRecord,
  memberId: string,
): Promise<Member> {
  await requireAllowedOn(context, 'get_member', image)
  if (mayRead(context, image, memberId)) {
    const member = await tables.members.find(image.id, memberId)
    if (member !== undefined) return member
  }
  throw new GlanceError(
    'not_found',
    `member ${memberId} not found in the member list of the image ${image.id}.`,
  )
}

function mayRead(context: RequestContext, image: ImageRecord, memberId: string): boolean {
  return owns(context, image) || context.project === memberId
}

function notAllowed(action: 'create' | 'update' | 'delete', id: string): GlanceError {
  return new GlanceError('forbidden', `not allowed to ${action} members for image ${id}.`)
}
