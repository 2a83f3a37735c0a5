import type { ImageRecord } from '../../../database/database.ts'
import { GlanceError, isGlanceError } from '../../../errors.ts'
import type { Properties } from '../../../image/image.ts'
import type { V1Attributes } from '../../../image/v1-attributes.ts'
import { requireAllowed } from '../access.ts'
import type { RequestContext } from '../context.ts'
import { createImage, type NewImage, requireMayCreate } from '../images.ts'
import type { Service } from '../service.ts'
import { maximum, tooLarge } from '../upload.ts'
import { externalSize, requireExternal } from './external.ts'
import { storeFor } from './fill.ts'
import { requireMayV1Property } from './properties.ts'

/** What of an image a v1 request says, and how its data is to come. */
export interface V1Change {
  readonly attributes: V1Attributes
  readonly properties: Properties
  /** Whether data comes with the request. */
  readonly hasData: boolean
  /** From where data is to be copied; null for an empty header, undefined for none. */
  readonly copyFrom: string | null | undefined
}

/**
 * Creates an image that waits for its data, or one that has all of none (`x-image-meta-size: 0`). Data that is
 * elsewhere is looked for first, and its size becomes the image's.
 * @throws {GlanceError} `forbidden`, `over_limit`, `duplicate`; `not_found`, `invalid` for data elsewhere.
 */
export async function reserveImage(
  context: RequestContext,
  service: Service,
  { attributes, properties, hasData, copyFrom }: V1Change,
): Promise<ImageRecord> {
  const wanted = newImage(context, attributes, properties)
  for (const name of properties.keys()) await requireMayV1Property(context, 'create', name)
  await requireMayCreate(context, service, wanted)
  const { owner = null } = wanted
  const target = { owner, project_id: owner }
  if (hasData || copyFrom) await requireAllowed(context, 'upload_image', target)
  if (copyFrom) await requireAllowed(context, 'copy_from', target)
  storeFor(service, attributes.store ?? null)
  const { location } = attributes
  if (location !== undefined) await requireAllowed(context, 'set_image_location', target)
  const url = location === undefined ? copyFrom : location
  const size =
    url === undefined ? (attributes.size ?? 0) : await sizeAt(context, service, url, attributes)
  const isWhole = attributes.size === 0 && url === undefined && !hasData
  try {
    return await createImage(context, service, wanted, {
      status: isWhole ? 'active' : 'queued',
      size,
      virtualSize: attributes.virtualSize ?? null,
      checksum: attributes.checksum ?? null,
    })
  } catch (error) {
    if (!isGlanceError(error, 'duplicate')) throw error
    const message = `an image with identifier ${wanted.id ?? ''} already exists`
    throw new GlanceError('duplicate', message, { cause: error })
  }
}

/** The size that the image says it has, else the one that there is. @throws {GlanceError} `over_limit`, and as {@link externalSize}. */
export async function sizeAt(
  context: RequestContext,
  service: Service,
  url: string | null,
  { size = 0 }: V1Attributes,
): Promise<number> {
  const store = requireExternal(service, url)
  if (size > 0 || url === null) return size
  const found = await externalSize(context, store, url)
  if (found > maximum(service)) throw tooLarge(service)
  return found
}

function newImage(
  context: RequestContext,
  attributes: V1Attributes,
  properties: Properties,
): NewImage {
  const { id, name, isPublic, owner, diskFormat, containerFormat, minDisk, minRam } = attributes
  return {
    ...(id != null && { id }),
    // As Glance: whose image it is only an administrator may say.
    owner: context.isAdmin && owner !== undefined ? owner : context.project,
    ...(name !== undefined && { name }),
    ...(isPublic === true && { visibility: 'public' }),
    ...(attributes.protected !== undefined && { protected: attributes.protected }),
    ...(diskFormat !== undefined && { diskFormat }),
    ...(containerFormat !== undefined && { containerFormat }),
    ...(minDisk !== undefined && { minDisk }),
    ...(minRam !== undefined && { minRam }),
    properties,
  }
}
