import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Store } from '../../store/store.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { ByteRange } from '../../stream/range.ts'
import { findVisible } from './access.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/** Data that is there to be had. */
export interface Download {
  /** Bytes, of the whole. */
  readonly size: number
  /** Hex MD5 of the whole; null when nobody computed it. */
  readonly checksum: string | null
  /** `range` null for all of it. @throws {GlanceError} `not_found` when no store has it any more; `unavailable`. */
  open(range: ByteRange | null): Promise<Bytes>
}

/**
 * Null while the image has no data. Stores in `preferred` are tried before others.
 * @throws {GlanceError} `not_found`; `forbidden` when it is deactivated.
 */
export async function downloadImage(
  context: RequestContext,
  service: Service,
  id: string,
  preferred: readonly Store[] = [],
): Promise<Download | null> {
  const image = await findVisible(context, service.database, id)
  if (image.status === 'deactivated' && !context.isAdmin) {
    throw new GlanceError(
      'forbidden',
      'the requested image has been deactivated. Image data download is forbidden.',
    )
  }
  if (image.size === null || image.locations.length === 0) return null
  const { size, checksum } = image
  return { size, checksum, open: range => open(context, service, image, range, preferred) }
}

/** From the first of the places that gives it. */
async function open(
  { signal }: RequestContext,
  { stores }: Service,
  image: ImageRecord,
  range: ByteRange | null,
  preferred: readonly Store[],
): Promise<Bytes> {
  let failure: unknown
  for (const location of stores.preferring(preferred, image.locations)) {
    try {
      return await stores.require(location).open(location, range, { signal })
    } catch (error) {
      if (!isGlanceError(error)) throw error
      // A store that may have it later says more than one that has it not.
      if (failure === undefined || isGlanceError(failure, 'not_found')) failure = error
    }
  }
  if (!isGlanceError(failure, 'not_found')) throw failure
  throw new GlanceError('not_found', `the data of image ${image.id} is gone`, { cause: failure })
}
