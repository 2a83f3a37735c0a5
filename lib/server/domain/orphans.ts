import type { Abortable } from '../../abort.ts'
import type { ImageRecord } from '../../database/database.ts'
import { isGlanceError } from '../../errors.ts'
import { everything } from '../../image/query.ts'
import { type ImageStatus, isGone } from '../../image/status.ts'
import type { Store, StoredData } from '../../store/store.ts'
import { whileAsItIs } from './alter.ts'
import { isGettingData } from './import-lock.ts'
import { namesData } from './naming.ts'
import type { Service } from './service.ts'

/** What a search for data of no image needs of a service. */
export type SearchedService = Pick<Service, 'database' | 'stores'>

/** A store to be searched. */
export interface Searched {
  readonly store: Store & Required<Pick<Store, 'list'>>
  /** Whether data waits there for its import, named by its image or its task; else images say where theirs is. */
  readonly isStaging: boolean
}

/** Data that no image names. */
export interface Orphan {
  readonly data: StoredData
  /** Of the image by whose id it is named; null when the database knows none. */
  readonly status: ImageStatus | null
}

export interface SearchOptions extends Abortable {
  /** Only what was last written to then or before. */
  readonly until: Date
  /** Told why not everything is looked at where images may be. */
  readonly narrowed?: ((reason: string) => void) | undefined
}

/** Images that are asked for at once. */
const PAGE = 200
/** How many are held in memory, for all images to be asked whether they name one of them. */
const HELD = 10_000

/** Images of any status, deleted ones too: to leave some out would take longer. */
const ANY = { ...everything([], PAGE), conditions: [], deleted: 'listed' } as const

/**
 * The data in a store that no image is at, waits to be deleted from or is getting just now, by whatever spelling of its
 * place: when in doubt, it is named. Data is looked for first and images then, so that what gets its name meanwhile is
 * found. @throws {GlanceError} what the store throws; `unavailable` when the database is.
 */
export async function* findOrphans(
  service: SearchedService,
  place: Searched,
  { signal, ...options }: SearchOptions,
): AsyncGenerator<Orphan, void> {
  let suspects: Orphan[] = []
  for await (const page of pagesOf(service, place, { ...options, signal })) {
    suspects.push(...(await suspectsAmong(service, place, page)))
    if (suspects.length < HELD) continue
    yield* unnamed(service, place, suspects, signal)
    suspects = []
  }
  yield* unnamed(service, place, suspects, signal)
}

/**
 * Deletes an orphan, unless its image wants it by now or it has gone; resolves to whether it did. Nobody can begin to store anything
 * under the id of an image meanwhile. @throws {GlanceError} what the store throws; `unavailable` when the database is.
 */
export async function deleteOrphan(
  service: SearchedService,
  place: Searched,
  { data }: Orphan,
): Promise<boolean> {
  const work = async (image: ImageRecord | undefined) => {
    if (image !== undefined && isWanted(service, place, data, image)) return false
    try {
      const onlyOf = { id: data.id, owner: image?.owner ?? null }
      await place.store.delete(data.location, { onlyOf })
      return true
    } catch (error) {
      if (!isGlanceError(error, 'not_found')) throw error
      return !data.isWhole // Whose removal is said so.
    }
  }
  const image = await service.database.images.find(data.id, { deleted: true })
  // Of one that is gone nobody can store anything any more.
  const isLive = image !== undefined && !isGone(image.status)
  return isLive ? await whileAsItIs(service, data.id, work) : await work(image)
}

/**
 * Whether a database is of a store, as far as that can be seen: it knows the id of something in there, deleted or not,
 * or there is nothing.
 */
export async function isOf(
  service: SearchedService,
  place: Searched,
  options: Abortable = {},
): Promise<boolean> {
  let isEmpty = true
  for await (const page of pagesOf(service, place, { ...options, until: null })) {
    if ((await imagesOf(service, page)).size > 0) return true
    isEmpty = false
  }
  return isEmpty
}

async function* pagesOf(
  { database }: SearchedService,
  { store }: Searched,
  { until, signal, narrowed }: Omit<SearchOptions, 'until'> & { readonly until: Date | null },
): AsyncGenerator<readonly StoredData[], void> {
  let page: StoredData[] = []
  const owners = () => ownersIn(database, signal)
  for await (const data of store.list({ signal, owners, narrowed })) {
    signal?.throwIfAborted()
    if (until !== null && data.modifiedAt > until) continue
    page.push(data)
    if (page.length < PAGE) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

/** Each project that owns an image, deleted or not; all of them are in memory. */
async function* ownersIn(
  { images }: SearchedService['database'],
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void> {
  const seen = new Set<string>()
  for await (const { owner } of everyImage(images, signal)) {
    if (owner === null || seen.has(owner)) continue
    seen.add(owner)
    yield owner
  }
}

async function* everyImage(
  images: SearchedService['database']['images'],
  signal: AbortSignal | undefined,
): AsyncGenerator<ImageRecord, void> {
  for (let marker: string | null = null; ;) {
    signal?.throwIfAborted()
    const page: readonly ImageRecord[] = await images.list({ ...ANY, marker })
    yield* page
    marker = page.at(-1)?.id ?? null
    if (page.length < PAGE) return
  }
}

/** What the images do not name by whose ids it is named. */
async function suspectsAmong(
  service: SearchedService,
  place: Searched,
  page: readonly StoredData[],
): Promise<readonly Orphan[]> {
  const images = await imagesOf(service, page)
  const suspects: Orphan[] = []
  for (const data of page) {
    const image = images.get(data.id)
    if (image !== undefined && isWanted(service, place, data, image)) continue
    if (place.isStaging && (await isOfTask(service, data))) continue
    suspects.push({ data, status: image?.status ?? null })
  }
  return suspects
}

async function isOfTask({ database }: SearchedService, { id }: StoredData): Promise<boolean> {
  const task = await database.tasks.find(id)
  return task?.status === 'pending' || task?.status === 'processing'
}

/** By id; deleted ones too. */
async function imagesOf(
  { database }: SearchedService,
  page: readonly StoredData[],
): Promise<ReadonlyMap<string, ImageRecord>> {
  const ids = [...new Set(page.map(({ id }) => id))]
  const found = await database.images.list({
    ...ANY,
    conditions: [{ type: 'text', field: 'id', in: ids }],
    limit: ids.length,
  })
  return new Map(found.map(image => [image.id, image]))
}

/** Those that no other image names either, such as one whose location somebody has set. */
async function* unnamed(
  { database, stores }: SearchedService,
  { store, isStaging }: Searched,
  suspects: readonly Orphan[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Orphan, void> {
  const left = new Set(suspects)
  if (left.size > 0 && !isStaging) {
    const byId = new Map<string, Orphan[]>()
    for (const suspect of suspects) {
      const { id } = suspect.data
      byId.set(id, [...(byId.get(id) ?? []), suspect])
    }
    for await (const { locations, removedLocations } of everyImage(database.images, signal)) {
      for (const location of [...locations, ...removedLocations]) {
        for (const id of idsIn(location.url)) {
          for (const suspect of byId.get(id) ?? []) {
            if (namesData(stores, location, store, suspect.data)) left.delete(suspect)
          }
        }
      }
    }
  }
  yield* left
}

function isWanted(
  { stores }: SearchedService,
  { store, isStaging }: Searched,
  data: StoredData,
  image: ImageRecord,
): boolean {
  if (image.status === 'deleted') return false
  if (isStaging) return !isGone(image.status)
  if (isGettingData(image)) return true
  const places = [...image.locations, ...image.removedLocations]
  return places.some(location => namesData(stores, location, store, data))
}

/** What in a URL has the form of an image's id, in lower case. */
function idsIn(url: string): readonly string[] {
  return url.toLowerCase().match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? []
}
