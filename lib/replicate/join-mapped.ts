import type { Image } from '../image/image.ts'
import { joinById, type Pair } from '../image/ordered.ts'
import type { IdMap } from './id-map.ts'

/**
 * Joins two listings in id order, images with another id on the target with their copies. Those are held until both are
 * there, and come last when one of them is not: no more of them than the map has.
 */
export async function* joinMapped(
  sources: AsyncIterable<Image>,
  targets: AsyncIterable<Image>,
  ids: IdMap,
): AsyncGenerator<Pair> {
  /** Both by their ids on the target. */
  const [moved, copies] = [new Map<string, Image>(), new Map<string, Image>()]
  for await (const { source, target } of joinById(sources, targets)) {
    const id = source && ids.targetOf(source.id)
    const isCopy = target !== undefined && ids.isCopy(target.id)
    const rest = {
      source: id === undefined ? source : undefined,
      target: isCopy ? undefined : target,
    }
    if (rest.source !== undefined || rest.target !== undefined) yield rest
    if (source !== undefined && id !== undefined) moved.set(id, source)
    if (isCopy) copies.set(target.id, target)
    for (const found of [id, target?.id]) {
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
