import { GlanceError } from '../errors.ts'
import { compareIds, type Image } from './image.ts'

/** The images of one id on two sides; at least one of them is there. */
export interface Pair {
  readonly source: Image | undefined
  readonly target: Image | undefined
}

/**
 * Joins two listings in id order on the id, holding one image of each at a time. Reads both to their ends.
 */
export async function* joinById(
  sources: AsyncIterable<Image>,
  targets: AsyncIterable<Image>,
): AsyncGenerator<Pair> {
  const left = sources[Symbol.asyncIterator]()
  const right = targets[Symbol.asyncIterator]()
  try {
    let [source, target] = await Promise.all([next(left), next(right)])
    while (source !== undefined || target !== undefined) {
      const order =
        source === undefined ? 1 : target === undefined ? -1 : compareIds(source.id, target.id)
      yield { source: order <= 0 ? source : undefined, target: order >= 0 ? target : undefined }
      ;[source, target] = await Promise.all([
        order <= 0 ? next(left) : source,
        order >= 0 ? next(right) : target,
      ])
    }
  } finally {
    await Promise.all([left.return?.(), right.return?.()])
  }
}

/** One listing in id order from two such listings; an image that both have is yielded once. */
export async function* mergeById(
  first: AsyncIterable<Image>,
  second: AsyncIterable<Image>,
): AsyncGenerator<Image> {
  const left = first[Symbol.asyncIterator]()
  const right = second[Symbol.asyncIterator]()
  try {
    let [one, other] = await Promise.all([next(left), next(right)])
    while (one !== undefined && other !== undefined) {
      const order = compareIds(one.id, other.id)
      yield order <= 0 ? one : other
      if (order === 0) [one, other] = await Promise.all([next(left), next(right)])
      else if (order < 0) one = await next(left)
      else other = await next(right)
    }
    // Of two listings one is most often short.
    for (; one !== undefined; one = await next(left)) yield one
    for (; other !== undefined; other = await next(right)) yield other
  } finally {
    await Promise.all([left.return?.(), right.return?.()])
  }
}

/**
 * Passes a listing on that promises id order, each id once. A break of that promise would make a join miss images,
 * so it is an error. @throws {GlanceError} `corrupt`, naming the listing.
 */
export async function* inOrder(images: AsyncIterable<Image>, name: string): AsyncGenerator<Image> {
  let last: string | undefined
  for await (const image of images) {
    if (last !== undefined && compareIds(last, image.id) >= 0) {
      throw new GlanceError(
        'corrupt',
        `${name}: the listing is out of order: ${image.id} after ${last}`,
      )
    }
    last = image.id
    yield image
  }
}

/** A listing in id order from one in any order, by holding all of it. */
export async function* sortedById(images: AsyncIterable<Image>): AsyncGenerator<Image> {
  const held: Image[] = []
  for await (const image of images) held.push(image)
  yield* held.toSorted((a, b) => compareIds(a.id, b.id))
}

async function next(iterator: AsyncIterator<Image>): Promise<Image | undefined> {
  const result = await iterator.next()
  return result.done === true ? undefined : result.value
}
