import type { ImageRecord } from '../../database/database.ts'
import { isGlanceError } from '../../errors.ts'
import type { ImageLocation, RemovedLocation } from '../../image/location.ts'
import { isGone } from '../../image/status.ts'
import type { Caller } from '../../store/store.ts'
import { alterImage, forgetPlaces } from './alter.ts'
import { deleteFrom } from './data.ts'
import { isGettingData, LOCK } from './import-lock.ts'
import type { Service } from './service.ts'

/**
 * When places were removed that do not wait for a scrubber: what removes them deletes their data at once, and forgets
 * them then. One that is found at a start is of a deletion that was cut off.
 */
export const AT_ONCE = new Date(0)

/** In the metadata of a place at which data of a deleted image may still come to be: an upload was under way. */
const ARRIVING = 'arriving'

const PAGE = 100

/** The places that an image which is deleted now is remembered with, until there is no data of it any more. */
export function leftBy(
  { stores }: Pick<Service, 'stores'>,
  image: ImageRecord,
): readonly RemovedLocation[] {
  const arriving = isArriving(image)
    ? stores.writable.map(store => {
        const { url, metadata } = stores.locationIn(store, store.locate(image.id))
        return { url, metadata: { ...metadata, [ARRIVING]: true }, removedAt: AT_ONCE }
      })
    : []
  const others = new Set(arriving.map(({ url }) => url))
  const named = [...image.locations, ...image.removedLocations].filter(
    location => stores.of(location)?.writable === true && !others.has(location.url),
  )
  return [...named.map(({ url, metadata }) => ({ url, metadata, removedAt: AT_ONCE })), ...arriving]
}

/** Whether an image has data to be deleted at once, by whoever has removed it. */
export function hasLeft({ removedLocations }: ImageRecord): boolean {
  return removedLocations.some(location => isAtOnce(location) && !isToCome(location))
}

/**
 * Deletes the data at places that were removed from an image, and forgets them. Where something may still arrive, that
 * is let be: whoever brings it deletes it. What others keep, and what no store knows, is let be as well. What cannot be
 * deleted is reported, and is remembered for a scrubber or the next start: whoever asked has what it asked for.
 */
export async function deleteRemoved(
  service: Service,
  id: string,
  locations: readonly ImageLocation[],
  caller?: Caller,
): Promise<void> {
  const gone = new Set<string>()
  for (const location of locations) {
    if (isToCome(location)) continue
    const store = service.stores.of(location)
    if (store?.writable !== true) continue
    try {
      await deleteFrom(store, location, { caller })
      gone.add(location.url)
    } catch (error) {
      service.report(error)
    }
  }
  if (gone.size > 0) await forgetPlaces(service, id, gone)
}

/**
 * The same of all that an image still has to be rid of, when nobody brings it anything any more: to be called by whoever
 * was the last to do so, and for those that were killed.
 */
export async function deleteLeft(service: Service, id: string): Promise<void> {
  const { stores, report } = service
  const image = await service.database.images.find(id, { deleted: true })
  if (image === undefined || (!isGone(image.status) && isGettingData(image))) return
  const named = new Set(image.locations.map(({ url }) => url))
  const left = image.removedLocations.filter(one => isAtOnce(one) && !named.has(one.url))
  if (left.length === 0 && !isGone(image.status)) return
  const gone = new Set<string>()
  for (const location of left) {
    try {
      const store = stores.require(location)
      const places = isToCome(location) ? [location, store.locate(id)] : [location]
      for (const place of places) await deleteFrom(store, place, { onlyOf: image })
      gone.add(location.url)
    } catch (error) {
      report(error)
    }
  }
  await forgetPlaces(service, id, gone)
}

/** Does work that brings data of an image in the background. Of one that was deleted meanwhile, nothing is left. */
export async function bringing(
  service: Service,
  id: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } finally {
    await service.undoing.undo(id, async () => await deleteLeft(service, id))
  }
}

/** Finishes the deletions that an earlier service was cut off in. To be called before any request is taken. */
export async function recoverDeletions(service: Service): Promise<void> {
  let marker: string | null = null
  for (;;) {
    const query = { until: AT_ONCE, limit: PAGE, marker }
    const page: readonly ImageRecord[] = await service.database.images.listPending(query)
    for (const { id } of page) await deleteLeft(service, id)
    marker = page.at(-1)?.id ?? null
    if (page.length < PAGE) return
  }
}

/**
 * Puts an image whose data came to nothing back to `queued`, or `killed` for good, unless somebody has taken it further
 * than `from`. Data that the image never named is to be deleted before, while its place is still taken. Of one that was
 * deleted meanwhile, nothing is left.
 */
export async function giveUp(
  service: Service,
  id: string,
  from: 'queued' | 'saving' | 'uploading',
  to: 'queued' | 'killed' = 'queued',
): Promise<void> {
  try {
    await alterImage(service, id, ({ status }) => (status === from ? { status: to } : null))
  } catch (error) {
    if (!isGlanceError(error, 'not_found')) throw error
    await deleteLeft(service, id)
  }
}

/** Whether data may be on its way to a place that the image does not name yet. What is staged is no such. */
function isArriving({ status, properties }: ImageRecord): boolean {
  return status === 'saving' || status === 'importing' || properties.has(LOCK)
}

function isAtOnce({ removedAt }: RemovedLocation): boolean {
  return removedAt.getTime() === AT_ONCE.getTime()
}

/** Whether data may still arrive there of an image that is deleted. */
export function isToCome({ metadata }: ImageLocation): boolean {
  return metadata[ARRIVING] === true
}
