import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { isObject } from '../image/json.ts'
import type { ListOptions } from './endpoint.ts'
import type { ApiVersion } from './negotiate.ts'

/** The most that a Glance gives by default (`api_limit_max`); one that gives less shows it by its answer. */
export const PAGE_SIZE = 1000

/** Where pages of a listing come from. */
export interface PageSource extends Pick<ListOptions, 'onUnreadable'> {
  /** Of the service, for messages. */
  readonly name: string
  /** Asks for the JSON at a path below the service. */
  get(path: string): Promise<unknown>
}

/** @throws {GlanceError} `unsupported` when the page is none of a listing of images. */
export function documentsOf(page: unknown, version: ApiVersion, name: string): readonly unknown[] {
  if (isObject(page) && Array.isArray(page['images'])) return page['images'] as unknown[]
  const message = `${name}: no Images API v${version}: its listing has no images`
  throw new GlanceError('unsupported', message)
}

/** That a listing does not get on: another from its start came to the same image, which the service says is not there. */
export function refusedAgain(name: string, marker: string, cause: unknown): GlanceError {
  const message = `${name}: the listing has image ${marker}, and does not go on after it: ${messageOf(cause)}`
  return new GlanceError('corrupt', message, { cause })
}

/** The images of a page. Each that cannot be understood is told of, or else what `read` throws is thrown. */
export function* readable(
  documents: readonly unknown[],
  read: (document: unknown) => Image,
  onUnreadable: ListOptions['onUnreadable'],
): Generator<Image> {
  for (const document of documents) {
    let image: Image
    try {
      image = read(document)
    } catch (error) {
      if (onUnreadable === undefined || !isGlanceError(error)) throw error
      onUnreadable(isObject(document) ? String(document['id']) : '(an image)', error)
      continue
    }
    yield image
  }
}

/** The images of `some` or, when the service refuses to filter them so, of `all`. */
export async function* someOrAll(
  some: AsyncIterable<Image>,
  all: AsyncIterable<Image>,
): AsyncGenerator<Image> {
  let isBegun = false
  try {
    for await (const image of some) {
      isBegun = true
      yield image
    }
    return
  } catch (error) {
    if (isBegun || !isGlanceError(error, 'invalid')) throw error
  }
  yield* all
}
