import type { Abortable } from '../../abort.ts'
import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImageLocation } from '../../image/location.ts'
import { isGone } from '../../image/status.ts'
import { forgetPlaces, restoreDeleted } from './alter.ts'
import { deleteFrom } from './data.ts'
import { isToCome } from './deletion.ts'
import { isGettingData } from './import-lock.ts'
import type { Service } from './service.ts'

/** What a scrubber needs of a service. */
export type ScrubbedService = Pick<Service, 'database' | 'stores' | 'now'>

export interface ScrubOptions extends Abortable {
  /** Only what has waited since then or longer. */
  readonly until: Date
  /** Images at once. */
  readonly atOnce: number
  /** Whether to tell only what would become of what. Default false. */
  readonly dryRun?: boolean
}

/** What became of an image, or of places that were taken from it. */
export interface Scrubbed {
  readonly id: string
  readonly name: string | null
  /** Whether the image itself is deleted now; else only places that it is no longer at are. */
  readonly isDeleted: boolean
  /** Places at which there is no data of ours any more. */
  readonly places: number
  /** What a store says of a place at which it never has anything of ours to delete; null when there is none. */
  readonly letBe: string | null
  /** Why there still is some at others; the next scrubber tries again. Null when there is none. */
  readonly error: GlanceError | null
}

const PAGE = 100

/**
 * Deletes the data that has waited for it, and then the images that it was of. The bytes go first and the row then, so
 * that a scrubber that is stopped or killed leaves to the next one what it has not done. Of two at once each deletes what
 * the other has not, and what is done is told by one of them; they are to be kept apart all the same where that is
 * possible, since they look for the same.
 * @throws {GlanceError} `unavailable` when the database is.
 */
export async function* scrub(
  service: ScrubbedService,
  { until, atOnce, dryRun = false, signal }: ScrubOptions,
): AsyncGenerator<Scrubbed, void> {
  const { images } = service.database
  let marker: string | null = null
  for (;;) {
    const page: readonly ImageRecord[] = await images.listPending({ until, limit: PAGE, marker })
    for (let at = 0; at < page.length; at += atOnce) {
      signal?.throwIfAborted()
      const some = page.slice(at, at + atOnce)
      const done = await Promise.all(
        some.map(({ id }) => scrubImage(service, id, { until, dryRun })),
      )
      yield* done.filter(one => one !== undefined)
    }
    marker = page.at(-1)?.id ?? null
    if (page.length < PAGE) return
  }
}

/**
 * Makes an image that waits for its deletion active again. @throws {GlanceError} `not_found` when there is none such;
 * `conflict` when there is no data of it any more.
 */
export async function restore(service: ScrubbedService, id: string): Promise<void> {
  const missing = () => new GlanceError('not_found', `no image ${id} waits to be deleted`)
  const image = await service.database.images.findPending(id)
  if (image === undefined) throw missing()
  for (const location of image.locations) {
    const store = service.stores.require(location)
    await store.size(location, { onlyOf: image }).catch((error: unknown) => {
      if (!isGlanceError(error, 'not_found')) throw error
      throw new GlanceError('conflict', `the data of image ${id} is deleted already`)
    })
  }
  await restoreDeleted(service, id, missing)
}

/** Undefined when there is nothing to be done any more. */
async function scrubImage(
  service: ScrubbedService,
  id: string,
  { until, dryRun }: { readonly until: Date; readonly dryRun: boolean },
): Promise<Scrubbed | undefined> {
  const { images } = service.database
  const image = await images.find(id, { deleted: true })
  if (image === undefined) return undefined
  const due = dueOf(image, until)
  const isPending = isDue(image, until)
  if (due.length === 0 && !isPending) return undefined
  if (dryRun) {
    return {
      id,
      name: image.name,
      isDeleted: isPending,
      places: due.length,
      letBe: null,
      error: null,
    }
  }
  const gone = new Set<string>()
  let error: GlanceError | null = null
  let letBe: string | null = null
  for (const location of due) {
    try {
      // What is put there anew, after another scrubber has deleted it, is no more to be deleted.
      const isLive = !isGone(image.status)
      if (isLive && !(await isStillRemoved(service, id, location))) continue
      await deleteAt(service, image, location, reason => void (letBe ??= reason))
      gone.add(location.url)
    } catch (fault) {
      if (!isGlanceError(fault)) throw fault
      error ??= fault
    }
  }
  const done = await forgetPlaces(service, id, gone)
  if (done === 'nothing' && error === null) return undefined
  const isDeleted = done === 'deleted'
  return { id, name: image.name, isDeleted, places: gone.size, letBe, error }
}

/** Whether an image that lives on is not at a place, nor may be getting anything there just now. */
async function isStillRemoved(
  { database }: ScrubbedService,
  id: string,
  { url }: ImageLocation,
): Promise<boolean> {
  const image = await database.images.find(id)
  if (image === undefined || isGettingData(image)) return false
  if (image.locations.some(named => named.url === url)) return false
  return image.removedLocations.some(removed => removed.url === url)
}

function dueOf(image: ImageRecord, until: Date): readonly ImageLocation[] {
  if (isDue(image, until)) return [...image.locations, ...image.removedLocations]
  // Where an upload may be under way whoever brings the data deletes it.
  return image.removedLocations.filter(
    location => location.removedAt <= until && !isToCome(location),
  )
}

function isDue({ status, deletedAt }: ImageRecord, until: Date): boolean {
  return status === 'pending_delete' && deletedAt !== null && deletedAt <= until
}

/** Deletes what we have there; what others keep is let be. @throws {GlanceError} when it cannot be. */
async function deleteAt(
  { stores }: ScrubbedService,
  image: ImageRecord,
  location: ImageLocation,
  letBe: (reason: string) => void,
): Promise<void> {
  const store = stores.require(location)
  if (location.url.startsWith('memory:')) {
    const message = `store ${store.id} is in the memory of the service, and forgotten when that stops`
    throw new GlanceError('unsupported', message)
  }
  if (store.writable) await deleteFrom(store, location, { onlyOf: image, letBe })
}
