import { randomUUID } from 'node:crypto'
import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Properties, Visibility } from '../../image/image.ts'
import type { ImageQuery } from '../../image/query.ts'
import { mayBecome } from '../../image/status.ts'
import {
  findChangeable,
  findVisible,
  isAllowed,
  isAllowedOn,
  maySee,
  requireAllowed,
  requireMayShow,
  requireMayWrite,
  requireOwner,
} from './access.ts'
import { admitReaders } from './admit.ts'
import { alterImage, illegalTransition, settledImage } from './alter.ts'
import type { RequestContext } from './context.ts'
import { deleteStaged, requireUnused } from './data.ts'
import { marked, releasedBy } from './delayed-delete.ts'
import { deleteRemoved, leftBy } from './deletion.ts'
import { placesOf, prepareLocations, requireRoomToPlace } from './locations.ts'
import type { ImageEdit, OwnAttributes } from '../../image/edit.ts'
import { applyEdits } from './edit.ts'
import { enforceQuota } from '../quota/limits.ts'
import { requireWithinLimits } from './project-limits.ts'
import { mayAskFor, readable, requireMayProperty } from './properties.ts'
import type { Service } from './service.ts'

/** An image that is wanted; what is not said is as Glance has it. */
export interface NewImage extends Partial<Omit<OwnAttributes, 'owner'>> {
  /** Made up when not given. */
  readonly id?: string | undefined
  /** The caller's project when not given. */
  readonly owner?: string | null | undefined
  readonly properties?: Properties
}

/** What a v1 request says of data before there is any. */
export type KnownOfData = Partial<Pick<ImageRecord, 'status' | 'size' | 'virtualSize' | 'checksum'>>

/** @throws {GlanceError} `forbidden`, `over_limit` when the caller may not have such an image. */
export async function requireMayCreate(
  context: RequestContext,
  service: Service,
  { owner = context.project, visibility, tags = [], properties = new Map() }: NewImage,
): Promise<void> {
  const { limits } = service
  requireMayWrite(context)
  await requireMayAdd(context, owner, visibility)
  for (const name of properties.keys()) await requireMayProperty(context, 'create', name)
  enforceQuota('tags', tags.length, limits.tags)
  enforceQuota('properties', properties.size, limits.properties)
  await requireWithinLimits(context, service, { image_count_total: 1 })
}

/**
 * Creates an image that waits for its data, unless what is `known` of that says otherwise.
 * @throws {GlanceError} `forbidden`, `over_limit`; `duplicate`, also for the id of a deleted image.
 */
export async function createImage(
  context: RequestContext,
  service: Service,
  given: NewImage,
  known: KnownOfData = {},
): Promise<ImageRecord> {
  await requireMayCreate(context, service, given)
  const { id = randomUUID(), owner = context.project, ...wanted } = given
  const { visibility = 'shared', tags = [], properties = new Map<string, string | null>() } = wanted
  const now = service.now()
  const image: ImageRecord = {
    id,
    name: wanted.name ?? null,
    status: 'queued',
    visibility,
    hidden: wanted.hidden ?? false,
    protected: wanted.protected ?? false,
    owner,
    containerFormat: wanted.containerFormat ?? null,
    diskFormat: wanted.diskFormat ?? null,
    minDisk: wanted.minDisk ?? 0,
    minRam: wanted.minRam ?? 0,
    size: null,
    virtualSize: null,
    checksum: null,
    digest: null,
    tags,
    properties,
    locations: [],
    removedLocations: [],
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
    ...known,
  }
  await service.database.images.insert(image)
  return readable(context, image)
}

async function requireMayAdd(
  context: RequestContext,
  owner: string | null,
  visibility: Visibility | undefined,
): Promise<void> {
  // As Glance: for the policy an image is private unless something else is asked for.
  const target = { project_id: owner, owner, visibility: visibility ?? 'private' }
  const isForeign = owner !== context.project
  if (isForeign && (!context.isAdmin || !(await isAllowed(context, 'add_image', target)))) {
    throw new GlanceError(
      'forbidden',
      `you are not permitted to create images owned by '${owner ?? 'None'}'.`,
    )
  }
  await requireAllowed(context, 'add_image', target)
  if (visibility !== undefined) await requireMayShow(context, visibility, target)
}

/** @throws {GlanceError} `not_found`. */
export async function showImage(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<ImageRecord> {
  return readable(context, await findVisible(context, service.database, id))
}

/** A page of a listing as the caller may see it. */
export interface ImagePage {
  readonly images: readonly ImageRecord[]
  /** How many images of the page the policy keeps from the caller. */
  readonly withheld: number
}

/** The page that is asked for. @throws {GlanceError} `forbidden`; `invalid` or `forbidden` for a bad marker. */
export async function listImages(
  context: RequestContext,
  service: Service,
  query: ImageQuery,
): Promise<ImagePage> {
  await requireAllowed(context, 'get_images', { project_id: context.project })
  if (query.marker !== null) await requireMarker(context, service, query.marker, query.deleted)
  // To the caller no image has such a property.
  if (!(await mayAskFor(context, query))) return { images: [], withheld: 0 }
  const found = await service.database.images.list(query)
  const images: ImageRecord[] = []
  for (const image of found) {
    // Each is waited for only where somebody else has to be: a page may have a thousand.
    const answer = isAllowedOn(context, 'get_image', image)
    if (!(typeof answer === 'boolean' ? answer : await answer)) continue
    const read = readable(context, image)
    images.push(read instanceof Promise ? await read : read)
  }
  return { images, withheld: found.length - images.length }
}

/** Changes the metadata, all of it or nothing. @throws {GlanceError} `not_found`, `forbidden`, `conflict`, `over_limit`. */
export async function updateImage(
  context: RequestContext,
  service: Service,
  id: string,
  edits: readonly ImageEdit[],
): Promise<ImageRecord> {
  requireMayWrite(context)
  if (edits.length === 0) return showImage(context, service, id)
  const sizes = await prepareLocations(context, service, id, edits)
  const { before, after } = await alterImage(service, id, async (_, tables) => {
    const image = await findChangeable(context, tables, id)
    const change = await applyEdits(context, image, edits, service, sizes)
    await requireRoomToPlace(context, { ...service, database: tables }, image, change)
    return { ...change, ...marked(service, image, change) }
  })
  await deleteRemoved(service, id, releasedBy(service, before, after), context.onBehalf)
  if (before.visibility !== after.visibility || before.locations !== after.locations) {
    await admitReaders(context, service, after)
  }
  return readable(context, after)
}

/**
 * Deletes the image, and then its data, all that it had at that moment. With delayed deletion an image that has data is
 * hidden and keeps it. @throws {GlanceError} `not_found`; `forbidden`, also when protected; `invalid` for an image in
 * a status from which it cannot wait for its deletion; `conflict` while its data is used where it is.
 */
export async function deleteImage(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<void> {
  requireMayWrite(context)
  const found = await findChangeable(context, service.database, id, { action: 'delete_image' })
  // As Glance, which deletes data at once before the image. What is protected, is refused for that.
  if (!service.delayedDelete && !found.protected) {
    await requireUnused(service, found, found.locations, context.onBehalf)
  }
  let seen: ImageRecord | undefined
  const { before, after } = await alterImage(service, id, image => {
    seen = image
    requireOwner(context, image)
    if (image.protected) {
      throw new GlanceError('forbidden', `image ${id} is protected and cannot be deleted.`)
    }
    // As Glance: who is not shown where the data of a deactivated image is, deletes it at once.
    const waits = service.delayedDelete && placesOf(context, service, image).length > 0
    const status = waits ? 'pending_delete' : 'deleted'
    if (!mayBecome(image.status, status)) throw illegalTransition(image, status, 'invalid')
    const removedLocations = waits ? image.removedLocations : leftBy(service, image)
    return { status, deletedAt: service.now(), removedLocations }
  }).catch(async (error: unknown) => {
    if (seen !== undefined && isGlanceError(error, 'unavailable'))
      await deleteIfGone(context, service, seen)
    throw error
  })
  await deleteStaged(service, before)
  if (after.status === 'deleted') await deleteAllOf(context, service, before)
}

/** Deletes what an image had of which it is not known whether it was deleted, once it is known that it was. */
async function deleteIfGone(
  context: RequestContext,
  service: Service,
  image: ImageRecord,
): Promise<void> {
  await service.undoing.undo(image.id, async () => {
    if ((await settledImage(service, image.id)) !== undefined) return
    await service.forget(image.id).catch(service.report)
    await deleteStaged(service, image)
    await deleteAllOf(context, service, image)
  })
}

async function deleteAllOf(
  { onBehalf }: RequestContext,
  service: Service,
  image: ImageRecord,
): Promise<void> {
  await deleteRemoved(service, image.id, leftBy(service, image), onBehalf)
}

async function requireMarker(
  context: RequestContext,
  service: Service,
  marker: string,
  deleted: ImageQuery['deleted'],
): Promise<void> {
  const image = await service.database.images.find(marker, { deleted: deleted !== undefined })
  if (image === undefined)
    throw new GlanceError('invalid', 'invalid marker. Image could not be found.')
  if (!(await maySee(context, service.database, image))) {
    throw new GlanceError('forbidden', `image ${marker} is not visible to you`)
  }
}
