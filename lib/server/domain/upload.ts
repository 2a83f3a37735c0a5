import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Caller, Location, Readers, Store, StoreAddition } from '../../store/store.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { digested, Hasher } from '../../stream/digest.ts'
import { limitSize } from '../../stream/limit-size.ts'
import { admitReaders, readersOf } from './admit.ts'
import { alterImage, illegalTransition, requireTransition, settledImage } from './alter.ts'
import { findChangeable, requireMayWrite } from './access.ts'
import type { RequestContext } from './context.ts'
import { deleteUnlessNamed } from './data.ts'
import { giveUp } from './deletion.ts'
import { inspected } from './inspection.ts'
import { mebibytesOf, requireWithinLimits } from './project-limits.ts'
import type { Service } from './service.ts'
import { requireRoom } from './storage-quota.ts'

/**
 * Stores the data of a queued image and makes it active. `size` in bytes, null when unknown; `target` is the default
 * store unless given. Resolves to what is known of what was stored. Nothing is read from `data` before it is known that it is wanted. When it rejects, the image is
 * queued again, without data; once the database is there again, when it is away.
 * @throws {GlanceError} `not_found`, `forbidden`; `conflict` when it is not queued; `invalid` without formats;
 * `over_limit`; `corrupt` for another size; `unsupported_media_type` for data of another format or that is not safe; `gone` when the image was deleted meanwhile; `unavailable`.
 */
export async function uploadImage(
  context: RequestContext,
  service: Service,
  id: string,
  data: Bytes,
  size: number | null,
  target: Store = service.stores.default,
): Promise<Stored> {
  const { image, room } = await requireUploadable(context, service, id, target, size)
  await beginSaving(service, image)
  return await saveData(context, service, image, target, limitSize(data, room), size, 'queued')
}

/**
 * The image, and how many bytes of data there is room for, when it may be sent data. `size` as of {@link uploadImage};
 * `besides` is what the project has of unfinished data, which counts as stored. @throws {GlanceError} as it.
 */
export async function requireUploadable(
  context: RequestContext,
  service: Service,
  id: string,
  target: Store,
  size: number | null,
  besides = 0,
): Promise<{ readonly image: ImageRecord; readonly room: number }> {
  requireMayWrite(context)
  await requireWithinLimits(context, service, { image_size_total: mebibytesOf(besides) })
  const image = await findUploadable(context, service, id)
  requireTransition(image, 'saving')
  if (!target.writable) {
    throw new GlanceError(
      'gone',
      'error in store configuration. Adding images to store is disabled.',
    )
  }
  if (size !== null && size > maximum(service)) throw tooLarge(service)
  const room = (await requireRoom(context, service, id, size)) - besides
  if (besides === 0 || (size === null ? room > 0 : size <= room)) return { image, room }
  const message = `image exceeds the storage quota: ${besides} bytes of it are in unfinished uploads`
  throw new GlanceError('over_limit', message)
}

/** The image, whatever its status, when the caller may upload its data. @throws {GlanceError} `not_found`, `forbidden`. */
export async function findUploadable(
  context: RequestContext,
  service: Service,
  id: string,
): Promise<ImageRecord> {
  requireMayWrite(context)
  await service.undoing.settle(id)
  return await findChangeable(context, service.database, id, {
    action: 'upload_image',
    refusal: `not allowed to upload image data for image ${id}`,
  })
}

export interface SaveOptions {
  /** @throws {GlanceError} `corrupt` when what was stored is not what it was to be. */
  readonly prove?: ((stored: Stored) => void) | undefined
  /** How the bytes get into the store, in place of its `add`. */
  readonly put?: Put | undefined
}

/** Has a store take the bytes, as its `add` does. */
export type Put = (data: Bytes, call: StoreAddition) => ReturnType<Store['add']>

/**
 * Stores the data of an image that is being saved, and makes it active; resolves to what is known of it. When it rejects, nothing is stored and the
 * image is `otherwise`. @throws {GlanceError} `over_limit`, `corrupt`, `unsupported_media_type`, `gone`, `unavailable`.
 */
export async function saveData(
  context: RequestContext,
  service: Service,
  image: ImageRecord,
  target: Store,
  data: Bytes,
  size: number | null,
  otherwise: 'queued' | 'killed',
  { prove = () => {}, put }: SaveOptions = {},
): Promise<Stored> {
  const store = async () => {
    await requireWithinLimits(context, service, { image_count_uploading: 0 })
    return await storeData(context, service, image, target, data, size, put)
  }
  const stored = await store().catch(async (error: unknown) => {
    await undoUpload(service, image.id, otherwise, null)
    throw error
  })
  try {
    prove(stored)
  } catch (error) {
    await undoUpload(service, image.id, otherwise, { target, caller: context.onBehalf, ...stored })
    throw error
  }
  await activate(context, service, image.id, target, stored, otherwise)
  return stored
}

/** Data that is stored, and what is known of it. */
export interface Stored {
  readonly location: Location
  readonly size: number
  readonly virtualSize: number | null
  readonly checksum: string
  readonly hash: string
  /** Whom the store was told of who may read it; undefined where it is for nobody to read without us. */
  readonly readers: Readers | undefined
}

/** Of several uploads to one image, one comes through here. */
export async function beginSaving(service: Service, image: ImageRecord): Promise<void> {
  await service.undoing.settle(image.id)
  await alterImage(service, image.id, () => ({ status: 'saving' }))
}

/** Deletes what was stored of an image that is being saved, and gives it up; later while the database is away. */
export async function undoUpload(
  service: Service,
  id: string,
  otherwise: 'queued' | 'killed',
  stored: { readonly target: Store; readonly location: Location; readonly caller: Caller } | null,
): Promise<void> {
  await service.undoing.undo(id, async isAgain => {
    // What is not being saved any more may be somebody else's by now, and so may what is stored under its id.
    if (isAgain && (await isElsewhere(service, id))) return
    if (stored !== null)
      await deleteUnlessNamed(service, id, stored.target, stored.location, stored)
    await giveUp(service, id, 'saving', otherwise)
  })
}

async function isElsewhere(service: Service, id: string): Promise<boolean> {
  const image = await settledImage(service, id)
  return image !== undefined && image.deletedAt === null && image.status !== 'saving'
}

/** Stores data of an image, which is to be told of it afterwards. `size` in bytes, null when unknown. */
export async function storeData(
  { signal, onBehalf }: Pick<RequestContext, 'signal'> & Partial<Pick<RequestContext, 'onBehalf'>>,
  service: Service,
  image: ImageRecord,
  target: Store,
  data: Bytes,
  size: number | null,
  put: Put = async (bytes, call) => await target.add(image.id, bytes, size, call),
): Promise<Stored> {
  const hasher = new Hasher(['md5', service.hashingAlgorithm])
  const limited = limitSize(data, maximum(service))
  const inspection = inspected(limited, image, size, service.formats)
  // By the end of a long upload the caller's token may be good for nothing any more.
  const readers = target.admit === undefined ? undefined : await readersOf(service.database, image)
  const added = await put(digested(inspection.data, hasher), { signal, caller: onBehalf, readers })
  return {
    ...added,
    readers,
    virtualSize: inspection.virtualSize(),
    checksum: await hasher.hex('md5'),
    hash: await hasher.hex(service.hashingAlgorithm),
  }
}

/** What an image says of its data. */
export function learned(
  { hashingAlgorithm: algorithm }: Pick<Service, 'hashingAlgorithm'>,
  { size, virtualSize, checksum, hash }: Stored,
): Pick<ImageRecord, 'size' | 'virtualSize' | 'checksum' | 'digest'> {
  return { size, virtualSize, checksum, digest: { algorithm, value: hash } }
}

async function activate(
  context: RequestContext,
  service: Service,
  id: string,
  target: Store,
  stored: Stored,
  otherwise: 'queued' | 'killed',
): Promise<void> {
  const { limits } = service
  try {
    const { after } = await alterImage(service, id, async ({ status }, database) => {
      if (status !== 'saving') throw illegalTransition({ status }, 'active', 'conflict')
      // Others may have stored something in the meantime.
      await requireRoom(context, { database, limits }, id, stored.size)
      const locations = [service.stores.locationIn(target, stored.location)]
      return { status: 'active', ...learned(service, stored), locations }
    })
    await admitReaders(context, service, after, stored.readers).catch(service.report)
  } catch (error) {
    await undoUpload(service, id, otherwise, { target, caller: context.onBehalf, ...stored })
    if (!isGlanceError(error, 'not_found', 'conflict')) throw error
    throw new GlanceError(
      'gone',
      `image ${id} could not be found after upload. The image may have been deleted during the upload.`,
      { cause: error },
    )
  }
}

/** Bytes that an image may have. */
export function maximum({ limits }: Service): number {
  return limits.imageSize < 0 ? Number.POSITIVE_INFINITY : limits.imageSize
}

export function tooLarge(service: Service): GlanceError {
  return new GlanceError(
    'over_limit',
    `the incoming image is too large: more than ${service.limits.imageSize} bytes`,
  )
}
