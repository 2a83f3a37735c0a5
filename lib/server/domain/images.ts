import { randomUUID } from 'node:crypto'
import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImageQuery } from '../../image/query.ts'
import { mayBecome } from '../../image/status.ts'
import { findChangeable, findVisible, maySee, requireMayShow, requireMayWrite } from './access.ts'
import type { RequestContext } from './context.ts'
import { deleteData } from './data.ts'
import { applyEdits, type ImageEdit, type OwnAttributes } from './edit.ts'
import { enforceQuota } from './limits.ts'
import type { Service } from './service.ts'

/** An image that is wanted; what is not said is as Glance has it. */
export interface NewImage extends Partial<Omit<OwnAttributes, 'owner'>> {
  /** Made up when not given. */
  readonly id?: string | undefined
  /** The caller's project when not given. */
  readonly owner?: string | null | undefined
  readonly properties?: ReadonlyMap<string, string>
}

/**
 * Creates an image that waits for its data.
 * @throws {GlanceError} `forbidden`, `over_limit`; `duplicate`, also for the id of a deleted image.
 */
export async function createImage(
  context: RequestContext,
  service: Service,
  { id = randomUUID(), owner = context.project, ...wanted }: NewImage,
): Promise<ImageRecord> {
  requireMayWrite(context)
  if (!context.isAdmin && owner !== context.project) {
    throw new GlanceError(
      'forbidden',
      `you are not permitted to create images owned by '${owner ?? 'None'}'.`,
    )
  }
  const { visibility = 'shared', tags = [], properties = new Map() } = wanted
  requireMayShow(context, visibility)
  enforceQuota('tags', tags.length, service.limits.tags)
  enforceQuota('properties', properties.size, service.limits.properties)
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
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
  }
  await service.database.images.insert(image)
  return image
}

/** @throws {GlanceError} `not_found`. */
export async function showImage(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<ImageRecord> {
  return findVisible(context, service.database, id)
}

/** The page that is asked for. @throws {GlanceError} `invalid` or `forbidden` for a bad marker. */
export async function listImages(
  context: RequestContext,
  service: Service,
  query: ImageQuery,
): Promise<readonly ImageRecord[]> {
  if (query.marker !== null) await requireMarker(context, service, query.marker)
  return service.database.images.list(query)
}

/** Changes the metadata, all of it or nothing. @throws {GlanceError} `not_found`, `forbidden`, `conflict`, `over_limit`. */
export async function updateImage(
  context: RequestContext,
  service: Service,
  id: string,
  edits: readonly ImageEdit[],
): Promise<ImageRecord> {
  requireMayWrite(context)
  if (edits.length === 0) return findVisible(context, service.database, id)
  return service.database.transaction(async tables => {
    const image = await findChangeable(context, tables, id)
    const change = applyEdits(context, image, edits, service.limits)
    return tables.images.update(id, { ...change, updatedAt: service.now() }, [image.status])
  })
}

/**
 * Deletes the image and its data; the data first, so that a crash in between leaves an image that can be deleted
 * again rather than data that nobody knows of. @throws {GlanceError} `not_found`; `forbidden`, also when protected.
 */
export async function deleteImage(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<void> {
  requireMayWrite(context)
  for (;;) {
    const image = await findChangeable(context, service.database, id)
    if (image.protected) {
      throw new GlanceError('forbidden', `image ${id} is protected and cannot be deleted.`)
    }
    if (!mayBecome(image.status, 'deleted')) throw illegalTransition(image, 'deleted', 'invalid')
    for (const location of image.locations) await deleteData(service, location)
    const now = service.now()
    const change = { status: 'deleted', updatedAt: now, deletedAt: now } as const
    try {
      await service.database.images.update(id, change, [image.status])
      return
    } catch (error) {
      // Its status has just become another one, perhaps with new data: look again.
      if (!isGlanceError(error, 'conflict')) throw error
    }
  }
}

/** What a request for a change of status is refused with that is not among the legal ones. */
export function illegalTransition(
  image: ImageRecord,
  to: string,
  code: 'invalid' | 'conflict',
): GlanceError {
  return new GlanceError(
    code,
    `image status transition from ${image.status} to ${to} is not allowed`,
  )
}

async function requireMarker(
  context: RequestContext,
  service: Service,
  marker: string,
): Promise<void> {
  const image = await service.database.images.find(marker)
  if (image === undefined)
    throw new GlanceError('invalid', 'invalid marker. Image could not be found.')
  if (!(await maySee(context, service.database, image))) {
    throw new GlanceError('forbidden', `image ${marker} is not visible to you`)
  }
}
