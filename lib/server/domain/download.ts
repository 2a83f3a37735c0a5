import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Location, Store, StoreCall } from '../../store/store.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { ByteRange } from '../../stream/range.ts'
import { findVisible, requireAllowedOn } from './access.ts'
import { hasFinalData } from './alter.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/** Data that is there to be had. */
export interface Download {
  /** Bytes, of the whole. */
  readonly size: number
  /** Hex MD5 of the whole; null when nobody computed it. */
  readonly checksum: string | null
  /** Whether the image has this data for good: not what is still being looked into, or on its way to further stores. */
  readonly isFinal: boolean
  /** `range` null for all of it. @throws {GlanceError} `not_found` when no store has it any more; `unavailable`. */
  open(range: ByteRange | null): Promise<Bytes>
}

/**
 * Null while the image has no data. Stores in `preferred` are tried before others.
 * @throws {GlanceError} `not_found`; `forbidden`, also when it is deactivated.
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
  await requireAllowedOn(context, 'download_image', image)
  if (preferred.length > 0) await requireAllowedOn(context, 'download_from_store', image)
  return dataOf(context, service, image, preferred)
}

/** For how long somebody wants data, and in whose name where that is known. */
type Asking = Pick<RequestContext, 'signal'> & {
  readonly onBehalf?: RequestContext['onBehalf'] | undefined
}

/** As {@link downloadImage}, for whoever may have it. */
export function dataOf(
  context: Asking,
  service: Pick<Service, 'stores'>,
  image: ImageRecord,
  preferred: readonly Store[] = [],
): Download | null {
  if (image.size === null || image.locations.length === 0) return null
  const { size, checksum } = image
  const isFinal = hasFinalData(image)
  return { size, checksum, isFinal, open: range => open(context, service, image, range, preferred) }
}

/** From the first of the places that gives it. */
async function open(
  { signal, onBehalf: caller }: Asking,
  { stores }: Pick<Service, 'stores'>,
  image: ImageRecord,
  range: ByteRange | null,
  preferred: readonly Store[],
): Promise<Bytes> {
  let failure: unknown
  for (const location of stores.preferring(preferred, image.locations)) {
    try {
      const store = stores.require(location)
      await requireWhole(store, location, image, { signal, caller })
      return await store.open(location, range, { signal, caller })
    } catch (error) {
      if (!isGlanceError(error)) throw error
      // A store that may have it later says more than one that has it not.
      if (failure === undefined || isGlanceError(failure, 'not_found')) failure = error
    }
  }
  if (!isGlanceError(failure, 'not_found')) throw failure
  throw new GlanceError('not_found', `the data of image ${image.id} is gone`, { cause: failure })
}

/** @throws {GlanceError} `unavailable` for data that was cut short or changed in its store; `not_found`. */
async function requireWhole(
  store: Store,
  location: Location,
  { id, size }: ImageRecord,
  call: StoreCall,
): Promise<void> {
  const found = await store.size(location, call)
  if (found === size) return
  throw new GlanceError('unavailable', `image ${id} is ${size} bytes, but its store has ${found}`)
}
