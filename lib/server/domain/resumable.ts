import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Store } from '../../store/store.ts'
import { abortable } from '../../stream/abortable.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { verifySize } from '../../stream/verify.ts'
import { hasFinalData, isFilledByUploads, whileAsItIs } from './alter.ts'
import type { RequestContext } from './context.ts'
import type { OpenPart, Part, Parts, Whole } from './parts.ts'
import type { Service } from './service.ts'
import { requireRoom } from './storage-quota.ts'
import {
  beginSaving,
  findUploadable,
  maximum,
  type Put,
  requireUploadable,
  saveData,
  type Stored,
  undoUpload,
} from './upload.ts'

/** Bytes that are claimed between two looks at what else the project has: all of it may come at once, and stays. */
const LOOK_EVERY = 8 * 1024 * 1024

/** A service that takes uploads which go on where they broke off. */
export type ResumableService = Service & { readonly parts: Parts }

/** Whether the service takes such uploads. */
export function isResumable(service: Service): service is ResumableService {
  return service.parts !== null
}

/** How far an upload has come. */
export interface Progress extends Partial<Whole> {
  /** Bytes that need not be sent again. */
  readonly offset: number
  /** Whether the image has its data. */
  readonly isComplete: boolean
  /** When bytes were put into it last. */
  readonly touchedAt?: Date
}

/** What is to be put at the end of a part. */
export interface Append extends Whole {
  /** Where the client takes that end to be. */
  readonly offset: number
  /** Whether the whole ends with it. */
  readonly isLast: boolean
  /** Its bytes; null when unknown. */
  readonly size: number | null
  readonly body: Bytes
  /** Where the whole is to be stored. */
  readonly target: Store
}

/** Bytes do not belong where the part ends. */
export class WrongOffset extends GlanceError {
  /** Where it ends. */
  readonly offset: number

  constructor(imageId: string, offset: number, given: number) {
    super('conflict', `the upload of image ${imageId} goes on at byte ${offset}, not ${given}`)
    this.offset = offset
  }
}

/**
 * How much there is of an image's data. @throws {GlanceError} `not_found`, `forbidden`; `conflict` for an image in a
 * status in which it takes no upload.
 */
export async function uploadProgress(
  context: RequestContext,
  service: ResumableService,
  id: string,
): Promise<Progress> {
  const image = await findUploadable(context, service, id)
  if (hasFinalData(image)) return { offset: image.size ?? 0, isComplete: true }
  if (!isFilledByUploads(image)) throw takesNone(image)
  const part = await service.parts.find(image.id)
  return { ...(part ?? { offset: 0 }), isComplete: false }
}

/**
 * Puts bytes at the end of what there is of an image's data, and resolves to how far it has come. The image is being
 * saved meanwhile, so that nobody else sends it any. With the last bytes the whole is stored as any upload is, and the
 * image active; else it is queued again. What has come stays also when this rejects, unless it can never become the image.
 * @throws {WrongOffset}; {GlanceError} as {@link requireUploadable} and {@link saveData}; `invalid` for lengths that
 * contradict each other, `conflict` for other data than that of the part.
 */
export async function appendToUpload(
  context: RequestContext,
  service: ResumableService,
  id: string,
  append: Append,
): Promise<Progress> {
  const { parts } = service
  const { target } = append
  const length = lengthOf(append)
  const found = await findUploadable(context, service, id)
  if (!isFilledByUploads(found) || found.status === 'saving') throw takesNone(found)
  const besides = await heldBesides(context, service, found)
  const size = length ?? (append.size === null ? null : append.offset + append.size)
  const { image, room } = await requireUploadable(context, service, id, target, size, besides)
  requireFitting(image, await parts.find(image.id), append, length)
  await parts.requireSpace((size ?? append.offset) - append.offset)
  await beginSaving(service, image)
  let isOver = false
  try {
    // Nobody else appends from here on; somebody may have until now.
    const begun = await parts.find(image.id)
    requireFitting(image, begun, append, length)
    const whole = length ?? (append.offset === 0 ? null : (begun?.length ?? null))
    const { digests } = append
    const said = { length: whole, digests, project: context.project }
    await using part = await parts.open(image.id, said)
    const roomNow = async () =>
      (await requireRoom(context, service, id, null)) - (await heldBesides(context, service, image))
    const claim = async (bytes: number) => {
      await part.claim(bytes) // Before it is looked: of two at once, one sees the other at the least.
      return await roomNow()
    }
    const bounds = { room, claim, maximum: maximum(service) }
    const body = within(append, whole, bounds)
    if (!append.isLast) {
      await part.append(body)
      return { offset: part.size, isComplete: false }
    }
    const put = through(part, body, image, target, whole)
    const prove = (stored: Stored) => requireDigests(part.digests, service, stored)
    isOver = true
    await saveData(context, service, image, target, part.follow(), whole, 'queued', { prove, put })
    return { offset: part.size, isComplete: true }
  } catch (error) {
    if (isGlanceError(error, 'corrupt', 'unsupported_media_type')) {
      await parts.remove(image.id).catch(service.report)
    }
    throw error
  } finally {
    if (!isOver) await undoUpload(service, image.id, 'queued', null)
    await forgetIfGone(service, image)
  }
}

/**
 * Removes what nobody goes on with: what is too old, and what is of images that have their data, or are gone. What is
 * appended to is let be.
 */
export async function removeAbandoned(service: ResumableService): Promise<void> {
  const { parts, database } = service
  for await (const { imageId, isExpired } of parts.list()) {
    const isWanted = (image: ImageRecord | undefined) =>
      image !== undefined && (isExpired ? image.status === 'saving' : isFilledByUploads(image))
    if (isWanted(await database.images.find(imageId))) continue
    // Nobody begins to append meanwhile.
    await whileAsItIs(service, imageId, async image => {
      if (image === undefined || !isWanted(image)) await parts.remove(imageId)
    })
  }
}

/** Forgets what there is of an image's data; nothing, as it may be. @throws {GlanceError} as {@link uploadProgress}. */
export async function forgetUpload(
  context: RequestContext,
  service: ResumableService,
  id: string,
): Promise<void> {
  const image = await findUploadable(context, service, id)
  if (image.status !== 'queued') throw takesNone(image)
  await service.parts.remove(image.id)
}

/** Bytes of the whole, as far as this request says it. @throws {GlanceError} `invalid`. */
function lengthOf({ offset, size, length, isLast }: Append): number | null {
  const end = size === null ? null : offset + size
  if (length === null) return isLast ? end : null
  if (end !== null && (isLast ? end !== length : end > length)) {
    const message = `the body ends at byte ${end}, which contradicts an upload-length of ${length}`
    throw new GlanceError('invalid', message)
  }
  return length
}

/** @throws {WrongOffset}; {GlanceError} `conflict` for the beginning of other data. */
function requireFitting(
  { id }: ImageRecord,
  part: Part | undefined,
  { offset, digests }: Append,
  length: number | null,
): void {
  const end = part?.offset ?? 0
  if (end > 0 && part !== undefined) {
    const isOther =
      (length !== null && part.length !== null && length !== part.length) ||
      Object.entries(part.digests).some(([algorithm, hex]) => (digests[algorithm] ?? hex) !== hex)
    if (isOther) {
      const message = `what there is of image ${id} is the beginning of other data: delete it to begin anew`
      throw new GlanceError('conflict', message)
    }
  }
  if (offset !== end) throw new WrongOffset(id, end, offset)
}

interface Bounds {
  /** Bytes that the whole may have by the quota; infinitely many without one. */
  readonly room: number
  /**
   * Has so many bytes of the whole count, and resolves to how many it may have by then: others may come in at the same
   * time. @throws {GlanceError} `over_limit` when it may have none.
   */
  readonly claim: (bytes: number) => Promise<number>
  /** Bytes that any image may have. */
  readonly maximum: number
}

/** The body, which must go neither beyond the end of the whole nor beyond the most that the whole may have. */
async function* within(
  { body, offset, size }: Append,
  length: number | null,
  { room: before, claim, maximum: largest }: Bounds,
): AsyncGenerator<Uint8Array, void> {
  const end = size === null ? (length ?? Infinity) : offset + size
  let at = offset
  let room = before
  let most = room === Infinity ? largest : at
  for await (const chunk of body) {
    at += chunk.length
    if (length !== null && at > length) {
      throw new GlanceError('corrupt', `the data goes on after the ${length} bytes expected`)
    }
    if (at > most && room !== Infinity) {
      // Where there is little left it is not for one to keep from the others.
      const step = Math.min(LOOK_EVERY, Math.trunc((room - at) / 8))
      let claimed = Math.max(at, Math.min(at + step, end, largest))
      room = await claim(claimed)
      if (at <= room && room < claimed) {
        claimed = at
        room = await claim(claimed)
      }
      most = Math.min(room, claimed, largest)
    }
    if (at > most) {
      throw new GlanceError('over_limit', `the image is larger than the ${most} bytes allowed`)
    }
    yield chunk
  }
}

/** Bytes of the project's other parts, where it matters how much it has. */
async function heldBesides(
  { project }: RequestContext,
  { parts, limits, projectLimits }: ResumableService,
  { id }: ImageRecord,
): Promise<number> {
  if (limits.projectStorage < 0 && projectLimits === null) return 0
  return await parts.heldBy(project, id)
}

/**
 * Has the body come into the part, and the part go to the store, at the same time. It has come to its end, one or the
 * other, when this settles.
 */
function through(
  part: OpenPart,
  body: Bytes,
  { id }: ImageRecord,
  target: Store,
  length: number | null,
): Put {
  return async (data, call) => {
    const stop = new AbortController()
    const coming = part.append(abortable(body, stop.signal))
    coming.catch(() => {}) // Whoever follows the part is told.
    try {
      if (target.adopt === undefined) return await target.add(id, data, length, call)
      // Whoever has the bytes looked at needs them all.
      for await (const chunk of abortable(verifySize(data, length), call.signal)) void chunk
      await coming
      const adopted = await target.adopt(id, part.path, call)
      return adopted ?? (await target.add(id, part.follow(), length, call))
    } catch (error) {
      stop.abort(error)
      throw error
    } finally {
      await coming.catch(() => {})
    }
  }
}

/** @throws {GlanceError} `corrupt` for another digest than was said, of those that are known. */
function requireDigests(
  digests: Whole['digests'],
  { hashingAlgorithm }: Pick<Service, 'hashingAlgorithm'>,
  { checksum, hash }: Stored,
): void {
  for (const [algorithm, value] of [
    ['md5', checksum],
    [hashingAlgorithm, hash],
  ] as const) {
    const said = digests[algorithm] ?? value
    if (said === value) continue
    throw new GlanceError('corrupt', `${algorithm} of the data is ${value}, expected ${said}`)
  }
}

/** A part that was written to while its image was deleted, or got data in another way. */
async function forgetIfGone(service: ResumableService, { id }: ImageRecord): Promise<void> {
  const image = await service.database.images.find(id).catch(() => null) // The database is away.
  const isWanted = image === null || (image !== undefined && isFilledByUploads(image))
  if (!isWanted) await service.parts.remove(id).catch(service.report)
}

function takesNone({ id, status }: ImageRecord): GlanceError {
  const why = status === 'saving' ? ': it is being sent data already' : ''
  return new GlanceError('conflict', `image ${id} takes no upload in status ${status}${why}`)
}
