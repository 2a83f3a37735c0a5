import { GlanceError, isGlanceError } from '../errors.ts'
import { compareIds, type Image } from '../image/image.ts'
import { imageFromV1 } from '../wire/v1-image.ts'
import { isObject } from '../image/json.ts'
import { documentsOf, PAGE_SIZE, type PageSource, readable, refusedAgain } from './glance-page.ts'

/** All images that we may see: those that are not public only for an administrator, whom nobody else hears. */
const ALL = { is_public: 'None' }
const SORTED = { sort_key: 'id', sort_dir: 'asc' }

/**
 * One listing of what `filter` asks for, page by page until one is empty, since v1 does not say where the next begins; in
 * id order when `sorted`.
 * What was deleted or killed is left out. Where the image was deleted after which the next page begins, it is begun
 * anew, without what has been listed. @throws {GlanceError} `unsupported` when this is no listing of images; `corrupt`
 * when it does not get on, as where the service takes no note of the marker, or refuses that of an image it lists.
 */
export async function* listV1Pages(
  sorted: boolean,
  filter: Readonly<Record<string, string>>,
  { name, onUnreadable, get }: PageSource,
): AsyncGenerator<Image> {
  const query = { ...filter, ...ALL, ...(sorted ? SORTED : {}), limit: String(PAGE_SIZE) }
  const nothing = (): Seen => (sorted ? new LastSeen() : new Set<string>())
  const seen = nothing()
  /** What has been listed since the listing was last begun. */
  let walked = seen
  /** Markers that were refused since the last image that is new. */
  const refused = new Set<string>()
  let marker: string | undefined
  for (;;) {
    const asked = new URLSearchParams({ ...query, ...(marker === undefined ? {} : { marker }) })
    const page = await get(`v1/images/detail?${asked.toString()}`).catch((error: unknown) => {
      if (marker === undefined || !isGlanceError(error, 'invalid')) throw error
      if (refused.has(marker)) throw refusedAgain(name, marker, error)
      refused.add(marker)
    })
    if (page === undefined) {
      marker = undefined
      walked = nothing()
      continue
    }
    const documents = documentsOf(page, 1, name)
    if (documents.length === 0) return
    const ids = documents.map(idOf)
    if (ids.every(id => walked.has(id))) throw stuck(name, marker)
    const again = walked !== seen
    const isNew = ids.some(id => !seen.has(id))
    for (const image of readable(documents, imageFromV1, onUnreadable)) {
      if (!GONE.has(image.status) && !(again && seen.has(image.id))) yield image
    }
    for (const id of ids) {
      seen.add(id)
      walked.add(id)
    }
    if (isNew) refused.clear()
    if (isNew && sorted) walked = seen // What comes now has not been listed before.
    marker = ids.at(-1)
  }
}

/** Statuses of what can be neither read nor written any more. */
const GONE: ReadonlySet<string> = new Set(['killed', 'deleted', 'pending_delete'])

/**
 * Whether the service sorts by id, which those before 2012 do not: then two images stand in another order from each end.
 * @throws {GlanceError} `unsupported` when there is no listing of images by v1.
 */
export async function sortsById({ name, get }: PageSource): Promise<boolean> {
  const firstOf = async (direction: string) => {
    const query = new URLSearchParams({ ...ALL, ...SORTED, sort_dir: direction, limit: '2' })
    return documentsOf(await get(`v1/images?${query.toString()}`), 1, name).map(idOf)
  }
  try {
    const [least, next] = await firstOf('asc')
    if (least === undefined || next === undefined) return true
    const [most] = await firstOf('desc')
    return compareIds(least, next) < 0 && most !== least
  } catch (error) {
    if (isGlanceError(error, 'invalid')) return false
    throw error
  }
}

/**
 * Whether we are an administrator, as far as it shows: only of them does v1 take `is_public=False`, by which no public
 * image is listed. Where nobody has a public image it cannot be told, and true is the answer.
 */
export async function seesAll({ name, get }: PageSource): Promise<boolean> {
  const list = async (filters: Readonly<Record<string, string>>) => {
    const query = new URLSearchParams(filters)
    const page = await get(`v1/images/detail?${query.toString()}`)
    return documentsOf(page, 1, name).filter(isObject)
  }
  const listed = await list({ is_public: 'True', limit: '100' })
  const known = listed.find(image => image['is_public'] === true && image['size'] !== null)
  if (known === undefined) return true
  const size = Number(known['size'])
  // Of those that are not public only the few of that size, among which the public one would be.
  const alike = { size_min: String(size), size_max: String(size), limit: String(PAGE_SIZE) }
  const others = await list({ ...alike, is_public: 'False' })
  return !others.some(image => image['is_public'] === true)
}

function idOf(document: unknown): string {
  return isObject(document) ? String(document['id']) : ''
}

function stuck(name: string, marker: string | undefined): GlanceError {
  const message = `${name}: after image ${marker} the listing gives the images before it again: the service takes no note of the marker`
  return new GlanceError('corrupt', message)
}

/** Which images have been listed; in id order the last of them says it all. */
interface Seen {
  has(id: string): boolean
  add(id: string): void
}

class LastSeen implements Seen {
  #last = ''

  has(id: string): boolean {
    return compareIds(id, this.#last) <= 0
  }

  add(id: string): void {
    if (!this.has(id)) this.#last = id
  }
}
