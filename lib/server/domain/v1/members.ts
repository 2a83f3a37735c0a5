import type { Database, ImageRecord } from '../../../database/database.ts'
import { GlanceError } from '../../../errors.ts'
import type { Member } from '../../../image/member.ts'
import { isGone } from '../../../image/status.ts'
import { enforceQuota } from '../../quota/limits.ts'
import { owns, requireAllowedOn, requireMayWrite, type Tables } from '../access.ts'
import { admitReaders } from '../admit.ts'
import type { RequestContext } from '../context.ts'
import type { Service } from '../service.ts'
import { findImage } from './find.ts'

/** A project that is to be a member, and whether it may share the image; undefined: as before, or else not. */
export interface WantedMember {
  readonly memberId: string
  readonly canShare: boolean | undefined
}

/** All members for the owner and administrators; for anybody else, only itself. @throws {GlanceError} `not_found`, `forbidden`. */
export async function listMembers(
  context: RequestContext,
  service: Service,
  imageId: string,
): Promise<readonly Member[]> {
  const image = await findLiving(context, service.database, imageId)
  await requireAllowedOn(context, 'get_members', image)
  const members = await service.database.members.list(imageId)
  return members.filter(({ memberId }) => owns(context, image) || memberId === context.project)
}

/** Makes a project a member, or changes whether it may share. @throws {GlanceError} `not_found`, also for those who may not; `over_limit`. */
export async function putMember(
  context: RequestContext,
  service: Service,
  imageId: string,
  wanted: WantedMember,
): Promise<void> {
  await change(context, service, imageId, async (tables, image) => {
    const members = await tables.members.list(imageId)
    // As Glance: the quota is checked before whether it is a member already.
    enforceQuota('members', members.length + 1, service.limits.members)
    await requireMayShare(context, tables, image)
    await requireAllowedOn(context, 'add_member', image)
    await put(service, tables, imageId, members, wanted)
  })
}

/** Makes these the members, and no others. @throws {GlanceError} as {@link putMember}. */
export async function replaceMembers(
  context: RequestContext,
  service: Service,
  imageId: string,
  wanted: readonly WantedMember[],
): Promise<void> {
  await change(context, service, imageId, async (tables, image) => {
    enforceQuota('members', wanted.length, service.limits.members)
    await requireMayShare(context, tables, image)
    await requireAllowedOn(context, 'add_member', image)
    for (const { memberId } of await tables.members.list(imageId)) {
      if (wanted.some(member => member.memberId === memberId)) continue
      await requireAllowedOn(context, 'delete_member', image)
      await tables.members.delete(imageId, memberId)
    }
    for (const member of wanted) {
      await put(service, tables, imageId, await tables.members.list(imageId), member)
    }
  })
}

/** @throws {GlanceError} `not_found`, also when it is no member, and for those who may not. */
export async function removeMember(
  context: RequestContext,
  service: Service,
  imageId: string,
  memberId: string,
): Promise<void> {
  await change(context, service, imageId, async (tables, image) => {
    await requireMayShare(context, tables, image)
    await requireAllowedOn(context, 'delete_member', image)
    if ((await tables.members.find(imageId, memberId)) === undefined) {
      throw new GlanceError('not_found', 'membership could not be found.')
    }
    await tables.members.delete(imageId, memberId)
  })
}

/** The memberships of a project: those that it or an administrator asks for, else those in the caller's images. */
export async function listMemberships(
  { isAdmin, project }: RequestContext,
  { database }: Service,
  memberId: string,
): Promise<readonly Member[]> {
  if (isAdmin || project === memberId) return database.members.memberships(memberId)
  return project === null ? [] : database.members.memberships(memberId, { imagesOf: project })
}

async function change(
  context: RequestContext,
  service: Service,
  imageId: string,
  work: (tables: Database, image: ImageRecord) => Promise<void>,
): Promise<void> {
  requireMayWrite(context)
  if (context.project === null && !context.isAdmin) {
    throw new GlanceError('unauthenticated', 'no authenticated user')
  }
  const image = await service.database.transaction(async tables => {
    const image = await findLiving(context, tables, imageId)
    await work(tables, image)
    return image
  })
  await admitReaders(context, service, image)
}

/** @throws {GlanceError} `not_found`, also when it is deleted; `forbidden`. */
async function findLiving(
  context: RequestContext,
  tables: Tables,
  id: string,
): Promise<ImageRecord> {
  const image = await findImage(context, tables, id)
  if (!isGone(image.status)) return image
  throw new GlanceError('not_found', `image with identifier ${id} has been deleted.`)
}

/** @throws {GlanceError} `not_found` for everybody but owner, administrators and members that may share it further. */
async function requireMayShare(
  context: RequestContext,
  tables: Tables,
  image: ImageRecord,
): Promise<void> {
  if (owns(context, image)) return
  const { project } = context
  const own = project === null ? undefined : await tables.members.find(image.id, project)
  if (own?.canShare === true) return
  throw new GlanceError('not_found', 'no permission to share that image')
}

async function put(
  { now }: Service,
  tables: Tables,
  imageId: string,
  members: readonly Member[],
  { memberId, canShare }: WantedMember,
): Promise<void> {
  const time = now()
  if (members.some(member => member.memberId === memberId)) {
    if (canShare === undefined) return
    await tables.members.update(imageId, memberId, { canShare, updatedAt: time })
    return
  }
  await tables.members.insert({
    imageId,
    memberId,
    status: 'pending',
    canShare: canShare ?? false,
    createdAt: time,
    updatedAt: time,
  })
}
