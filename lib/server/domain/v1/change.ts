import type { ImageRecord } from '../../../database/database.ts'
import { GlanceError } from '../../../errors.ts'
import { isGone } from '../../../image/status.ts'
import type { V1Attributes } from '../../../image/v1-attributes.ts'
import {
  requireAllowed,
  requireAllowedOn,
  requireMayShow,
  requireMayWrite,
  requireOwner,
  type Tables,
} from '../access.ts'
import { admitReaders } from '../admit.ts'
import { alterImage, type Decision } from '../alter.ts'
import type { RequestContext } from '../context.ts'
import { imageTarget } from '../image-target.ts'
import type { Service } from '../service.ts'
import { storeFor } from './fill.ts'
import { findImage } from './find.ts'
import { changedProperties } from './properties.ts'
import { sizeAt, type V1Change } from './reserve.ts'

export interface ChangeOptions {
  /** Whether properties that are not mentioned go. */
  readonly purge: boolean
}

/**
 * Changes the metadata of an image, before data comes or without any. Data that is elsewhere is looked for first, and
 * its size becomes the image's.
 * @throws {GlanceError} `not_found`, `forbidden`, `over_limit`; `conflict` when data comes for an image that is not
 * queued, `invalid` when it is elsewhere.
 */
export async function changeImage(
  context: RequestContext,
  service: Service,
  id: string,
  change: V1Change,
  { purge }: ChangeOptions,
): Promise<ImageRecord> {
  const { attributes, properties, hasData, copyFrom } = change
  requireMayWrite(context)
  const before = await findChangeable(context, service.database, id, change)
  storeFor(service, attributes.store ?? null)
  const { location } = attributes
  if (location !== undefined) await requireAllowedOn(context, 'set_image_location', before)
  const url = location === undefined ? copyFrom : location
  const size = url === undefined ? undefined : await sizeAt(context, service, url, attributes)
  const { after } = await alterImage(service, id, async (_, tables) => {
    // It may have become another one while its data was looked for.
    const image = await findChangeable(context, tables, id, change)
    return {
      ...columnsOf(context, attributes),
      ...(size !== undefined && { size }),
      properties: await changedProperties(context, service, image, properties, purge && !hasData),
    }
  })
  if (after.visibility !== before.visibility) await admitReaders(context, service, after)
  return after
}

/** The image, when all of the change can be made of it as it is. @throws {GlanceError} as {@link changeImage}. */
async function findChangeable(
  context: RequestContext,
  tables: Tables,
  id: string,
  { attributes, hasData, copyFrom }: V1Change,
): Promise<ImageRecord> {
  const image = await findImage(context, tables, id, 'modify_image')
  if (isGone(image.status)) {
    throw new GlanceError('forbidden', 'forbidden to update deleted image.')
  }
  requireOwner(context, image)
  if (attributes.isPublic === true)
    await requireMayShow(context, 'public', imageTarget(context, image))
  if (hasData || copyFrom) await requireAllowedOn(context, 'upload_image', image)
  if (copyFrom) await requireAllowed(context, 'copy_from', imageTarget(context, image))
  requireUnchanged(context, image, attributes)
  if (image.status === 'queued') return image
  if (hasData) throw new GlanceError('conflict', 'cannot upload to an unqueued image')
  if (attributes.location !== undefined || copyFrom !== undefined) {
    throw new GlanceError(
      'invalid',
      'attempted to update Location field for an image not in queued status.',
    )
  }
  return image
}

/** Nobody changes id and status, nor, but for administrators, what is known of data that there is. */
function requireUnchanged(
  { isAdmin }: RequestContext,
  image: ImageRecord,
  { id, status, size, checksum }: V1Attributes,
): void {
  if (!isAdmin && (image.status === 'active' || image.status === 'deactivated')) {
    for (const [name, given, is] of [
      ['size', size, image.size],
      ['checksum', checksum, image.checksum],
    ] as const) {
      if (given === undefined || given === is) continue
      throw new GlanceError('forbidden', `forbidden to modify '${name}' of ${image.status} image.`)
    }
  }
  for (const [name, given, is] of [
    ['status', status, image.status],
    ['id', id, image.id],
  ] as const) {
    if (given === undefined || given === is) continue
    throw new GlanceError('forbidden', `forbidden to modify '${name}' of image.`)
  }
}

function columnsOf({ isAdmin }: RequestContext, attributes: V1Attributes): Decision {
  const { name, isPublic, owner, diskFormat, containerFormat, minDisk, minRam } = attributes
  const { size, virtualSize, checksum } = attributes
  return {
    ...(name !== undefined && { name }),
    ...(isPublic !== undefined && { visibility: isPublic ? 'public' : 'shared' }),
    ...(attributes.protected !== undefined && { protected: attributes.protected }),
    // As Glance: anybody else's wish is passed over.
    ...(isAdmin && owner !== undefined && { owner }),
    ...(diskFormat !== undefined && { diskFormat }),
    ...(containerFormat !== undefined && { containerFormat }),
    ...(minDisk !== undefined && { minDisk }),
    ...(minRam !== undefined && { minRam }),
    ...(size !== undefined && { size }),
    ...(virtualSize !== undefined && { virtualSize }),
    ...(checksum !== undefined && { checksum }),
  }
}
