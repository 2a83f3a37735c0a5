import type { Endpoint, ListOptions } from '../endpoint/endpoint.ts'
import type { Image } from '../image/image.ts'
import { joinById, type Pair, sortedById } from '../image/ordered.ts'
import { type IdMap, keyOf } from './id-map.ts'

/** Where images are listed. */
type Listing = Pick<Endpoint, 'features' | 'list'>

export interface PairOptions {
  /** How the two sides are listed. */
  readonly sources: ListOptions
  readonly targets: ListOptions
  /** Which images have another id on the target. Default none. */
  readonly ids?: IdMap | undefined
}

/**
 * The images of both sides, each with the one that stands for it on the other side: that of the same id, or that which the
 * map says. Each once. In id order but for those of the map, unless the source is read once: then in its own order.
 */
export function pairsOf(
  source: Listing,
  target: Listing,
  { sources, targets, ids }: PairOptions,
): AsyncGenerator<Pair> {
  if (source.features.sequential === true) {
    return inOrderOf(source.list(sources), target.list(targets), ids)
  }
  const [left, right] = [inIdOrder(source, sources), inIdOrder(target, targets)]
  return ids === undefined ? joinById(left, right) : joinMapped(left, right, ids)
}

function inIdOrder(listing: Listing, options: ListOptions): AsyncIterable<Image> {
  const images = listing.list(options)
  return listing.features.ordered ? images : sortedById(images)
}

/** Each source image, in their order, with the target's; then what only the target has. All of that is held. */
async function* inOrderOf(
  sources: AsyncIterable<Image>,
  targets: AsyncIterable<Image>,
  ids: IdMap | undefined,
): AsyncGenerator<Pair> {
  const held = new Map<string, Image>()
  const met = new Set<string>()
  for await (const image of targets) {
    ids?.listed({ target: image.id })
    held.set(image.id, image)
  }
  for await (const source of sources) {
    ids?.listed({ source: source.id })
    const moved = ids?.targetOf(source.id)
    // Under its own id the target may have the copy of another.
    const id = moved ?? (ids?.isCopy(source.id) === true ? undefined : source.id)
    const target = id === undefined ? undefined : held.get(id)
    if (target !== undefined) met.add(target.id)
    yield { source, target }
  }
  for (const target of held.values()) {
    if (!met.has(target.id)) yield { source: undefined, target }
  }
}

/**
 * Joins two listings in id order, images with another id on the target with their copies. Those are held until both are
 * there, and come last when one of them is not: no more of them than the map has.
 */
async function* joinMapped(
  sources: AsyncIterable<Image>,
  targets: AsyncIterable<Image>,
  ids: IdMap,
): AsyncGenerator<Pair> {
  /** Both by their ids on the target, as those are compared. */
  const [moved, copies] = [new Map<string, Image>(), new Map<string, Image>()]
  for await (const { source, target } of joinById(sources, targets)) {
    if (source !== undefined) ids.listed({ source: source.id })
    if (target !== undefined) ids.listed({ target: target.id })
    const moving = source && ids.targetOf(source.id)
    const id = moving === undefined ? undefined : keyOf(moving)
    const isCopy = target !== undefined && ids.isCopy(target.id)
    const rest = {
      source: id === undefined ? source : undefined,
      target: isCopy ? undefined : target,
    }
    if (rest.source !== undefined || rest.target !== undefined) yield rest
    if (source !== undefined && id !== undefined) moved.set(id, source)
    if (isCopy) copies.set(keyOf(target.id), target)
    for (const found of [id, target && keyOf(target.id)]) {
      const pair = { source: moved.get(found ?? ''), target: copies.get(found ?? '') }
      if (found === undefined || pair.source === undefined || pair.target === undefined) continue
      moved.delete(found)
      copies.delete(found)
      yield pair
    }
  }
  for (const source of moved.values()) yield { source, target: undefined }
  for (const target of copies.values()) yield { source: undefined, target }
}
