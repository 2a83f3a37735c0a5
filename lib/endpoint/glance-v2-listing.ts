import { GlanceError, isGlanceError } from '../errors.ts'
import { compareIds, type Image } from '../image/image.ts'
import { isObject } from '../image/json.ts'
import { imageFromV2 } from '../wire/v2-image.ts'
import { documentsOf, PAGE_SIZE, type PageSource, readable, refusedAgain } from './glance-page.ts'

/**
 * One listing in id order, page by page. Where the image was deleted after which the next page begins, it is begun anew,
 * without what has been listed. @throws {GlanceError} `unsupported` when this is no listing of images; `corrupt` when it
 * does not get on.
 */
export async function* listPages(
  filter: Readonly<Record<string, string>>,
  { name, onUnreadable, get }: PageSource,
): AsyncGenerator<Image> {
  const first = { ...filter, sort_key: 'id', sort_dir: 'asc', limit: String(PAGE_SIZE) }
  let query = new URLSearchParams(first)
  let seen = ''
  let again = false
  /** The next page, which is asked for while this one is read. */
  let coming: Promise<unknown> | undefined
  /** Markers that were refused since the last image that is new. */
  const refused = new Set<string>()
  for (;;) {
    const marker = query.get('marker') ?? ''
    const asked = coming ?? get(`v2/images?${query.toString()}`)
    coming = undefined
    const page = await asked.catch((error: unknown) => {
      if (marker === '' || !isGlanceError(error, 'invalid')) throw error
      if (refused.has(marker)) throw refusedAgain(name, marker, error)
      refused.add(marker)
    })
    if (page === undefined) {
      again = true
      query = new URLSearchParams(first)
      continue
    }
    const documents = documentsOf(page, 2, name)
    const next = nextOf(page, name)
    const isOn = next !== undefined && compareIds(next.get('marker') ?? '', marker) > 0
    if (isOn) {
      coming = get(`v2/images?${next.toString()}`)
      coming.catch(() => {}) // Told when its turn comes, or nobody wants it any more.
    }
    for (const image of readable(documents, imageFromV2, onUnreadable)) {
      if (again && compareIds(image.id, seen) <= 0) continue
      again = false
      refused.clear()
      yield image
      seen = image.id
    }
    if (next === undefined) return
    if (!isOn) {
      throw new GlanceError('corrupt', `${name}: the listing is out of order after ${marker}`)
    }
    query = next
  }
}

/** The query of the next page. What stands before it in the link does not know of a proxy's path prefix. */
function nextOf(page: unknown, name: string): URLSearchParams | undefined {
  const next = isObject(page) ? page['next'] : undefined
  if (typeof next !== 'string') return undefined
  const base = 'http://relative/'
  if (URL.canParse(next, base)) return new URL(next, base).searchParams
  throw new GlanceError(
    'unsupported',
    `${name}: no Images API v2: its listing goes on at '${next}'`,
  )
}
