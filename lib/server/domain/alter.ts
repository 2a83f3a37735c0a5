import type { Database, ImageChange, ImageRecord } from '../../database/database.ts'
import { type ErrorCode, GlanceError } from '../../errors.ts'
import { type ImageStatus, mayBecome } from '../../image/status.ts'
import type { Service } from './service.ts'

/** What is to be written of an image. A status only when it is to be another one. */
export type Decision = Omit<ImageChange, 'updatedAt'>

/** An image before and after it was altered. */
export interface Altered {
  readonly before: ImageRecord
  readonly after: ImageRecord
}

type Parts = Pick<Service, 'database' | 'now' | 'forget' | 'report' | 'onAltering' | 'parts'>

/**
 * Alters an image, and is the only way to. What is decided and the row that it is decided upon belong to one
 * transaction: `decide` is shown the image as it is, and nobody else writes before its decision is written. Every
 * change of status is held to the legal ones, and an image that goes back to `queued` is one without data again. For
 * null nothing is written. It may be asked more than once, since a transaction may be tried again.
 *
 * Bytes are deleted by whoever asks, and only when this has resolved, so that no image ever names what is gone. A
 * crash in between leaves data that no image names: where the image was being uploaded or imported, and by the places
 * that an image which was deleted is remembered with, recovery at start finds it.
 * @throws {GlanceError} `not_found`, or what `missing` makes; `conflict` for a status that it may not become,
 * `invalid` without formats; what `decide` throws.
 */
export async function alterImage(
  { database, now, forget, report, onAltering, parts }: Parts,
  id: string,
  decide: (image: ImageRecord, tables: Database) => Decision | null | Promise<Decision | null>,
  missing: (id: string) => GlanceError = noImage,
): Promise<Altered> {
  let done: (() => void) | undefined
  const altered = await database.transaction(async tables => {
    done = undefined
    const before = await tables.images.find(id)
    if (before === undefined) throw missing(id)
    const decision = await decide(before, tables)
    if (decision === null) return { before, after: before }
    const { status } = decision
    if (status !== undefined) requireMayBecome({ ...before, ...decision }, before.status, status)
    const emptied = status === 'queued' ? WITHOUT_DATA : {}
    const written = { ...decision, ...emptied, updatedAt: now() }
    const change = rememberingNone({ ...before, ...decision }, written)
    const after = await tables.images.update(id, change, [before.status])
    done = onAltering?.(before, after)
    return { before, after }
  })
  done?.()
  // Nobody is to be handed a copy of what the image had.
  if (!hasFinalData(altered.after)) await forget(id).catch(report)
  // Nobody goes on with an upload of what has its data from elsewhere, or is gone.
  const { before, after } = altered
  if (before.status !== after.status && !isFilledByUploads(after)) {
    await parts?.remove(after.id).catch(report)
  }
  return altered
}

/** The change, after which nothing waits to be deleted at a place that it puts the image at: a copy may be there again. */
function rememberingNone(
  { removedLocations }: Pick<ImageRecord, 'removedLocations'>,
  change: ImageChange,
): ImageChange {
  const named = new Set(change.locations?.map(({ url }) => url))
  const left = removedLocations.filter(({ url }) => !named.has(url))
  return left.length === removedLocations.length ? change : { ...change, removedLocations: left }
}

/**
 * The image, deleted or not, once every change to it is through that is under way, also one whose answer was lost: the
 * database may be at it still when the connection has gone. Undefined when there is none, or one that was deleted.
 */
export async function settledImage(
  service: Pick<Service, 'database'>,
  id: string,
): Promise<ImageRecord | undefined> {
  return await whileAsItIs(service, id, async image => image)
}

/**
 * Does `work` with the image, or with undefined when there is none or it is deleted; nobody changes one meanwhile that
 * there is. The work may be done again, and is to be short: others wait.
 */
export async function whileAsItIs<T>(
  { database }: Pick<Service, 'database'>,
  id: string,
  work: (image: ImageRecord | undefined) => Promise<T>,
): Promise<T> {
  return await database.transaction(async ({ images }) => {
    const image = (await images.find(id)) ?? (await images.findPending(id))
    if (image === undefined) return await work(undefined)
    // What is written has to wait for whoever writes the same row.
    return await work(await images.update(id, { updatedAt: image.updatedAt }, [image.status]))
  })
}

/**
 * Forgets places whose data is gone, which an image was at. One that waits for its deletion and has no other is deleted
 * then; nobody is shown anything of another. Resolves to what this did; nothing, when somebody was faster.
 */
export async function forgetPlaces(
  { database, now, onAltering }: Pick<Service, 'database' | 'now'> & Partial<Service>,
  id: string,
  gone: ReadonlySet<string>,
): Promise<'deleted' | 'forgotten' | 'nothing'> {
  let done: (() => void) | undefined
  const result = await database.transaction(async ({ images }) => {
    done = undefined
    const image = await images.find(id, { deleted: true })
    if (image === undefined) return 'nothing'
    const { status, updatedAt, deletedAt, locations } = image
    const removedLocations = image.removedLocations.filter(({ url }) => !gone.has(url))
    const isOver = removedLocations.length === 0 && locations.every(({ url }) => gone.has(url))
    if (status === 'pending_delete' && isOver) {
      await images.update(id, { status: 'deleted', updatedAt: now(), deletedAt }, [status])
      return 'deleted'
    }
    if (removedLocations.length === image.removedLocations.length) return 'nothing'
    const after = await images.update(id, { removedLocations, updatedAt }, [status])
    done = onAltering?.(image, after)
    return 'forgotten'
  })
  done?.()
  return result
}

/** Makes an image that waits for its deletion active again. @throws {GlanceError} what `missing` makes. */
export async function restoreDeleted(
  { database, now }: Pick<Service, 'database' | 'now'>,
  id: string,
  missing: () => GlanceError,
): Promise<void> {
  await database.transaction(async ({ images }) => {
    if ((await images.findPending(id)) === undefined) throw missing()
    await images.update(id, { status: 'active', updatedAt: now() }, ['pending_delete'])
  })
}

/** What an image says of data that it has not. */
const WITHOUT_DATA = {
  size: null,
  virtualSize: null,
  checksum: null,
  digest: null,
  locations: [],
} as const satisfies Decision

/** Whether the image has no data, and gets it by an upload if by anything. */
export function isFilledByUploads({ status }: Pick<ImageRecord, 'status'>): boolean {
  return status === 'queued' || status === 'saving'
}

/** Whether the data of the image is what it will be for as long as there is the image. */
export function hasFinalData({ status }: Pick<ImageRecord, 'status'>): boolean {
  return status === 'active' || status === 'deactivated'
}

/** @throws {GlanceError} `conflict` unless the image may become that; `invalid` when it lacks formats for it. */
export function requireTransition(image: ImageRecord, to: ImageStatus): void {
  requireMayBecome(image, image.status, to)
}

function requireMayBecome(image: ImageRecord, from: ImageStatus, to: ImageStatus): void {
  if (!mayBecome(from, to)) throw illegalTransition({ status: from }, to, 'conflict')
  const awaitsData = from === 'queued' || from === 'uploading'
  if (awaitsData && (to === 'saving' || to === 'importing' || to === 'active')) {
    requireFormats(image)
  }
}

/** @throws {GlanceError} `invalid` for an image that cannot have data yet. */
export function requireFormats({
  diskFormat,
  containerFormat,
}: Pick<ImageRecord, 'diskFormat' | 'containerFormat'>): void {
  const missing = [
    ...(diskFormat === null ? ['disk_format'] : []),
    ...(containerFormat === null ? ['container_format'] : []),
  ]
  if (missing.length === 0) return
  const properties = missing.length === 1 ? 'property' : 'properties'
  throw new GlanceError(
    'invalid',
    `${properties} ${missing.join(', ')} must be set prior to saving data.`,
  )
}

/** What a request for a change of status is refused with that is not among the legal ones. */
export function illegalTransition(
  { status }: Pick<ImageRecord, 'status'>,
  to: ImageStatus,
  code: Extract<ErrorCode, 'invalid' | 'conflict'>,
): GlanceError {
  return new GlanceError(code, `image status transition from ${status} to ${to} is not allowed`)
}

function noImage(id: string): GlanceError {
  return new GlanceError('not_found', `no image found with ID ${id}`)
}
