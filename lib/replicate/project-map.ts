import { ANY_OWNER, type Image } from '../image/image.ts'
import type { IdMap } from './id-map.ts'

/** Which projects of the target stand for those of the source. */
export interface ProjectMap {
  /** By their ids. */
  readonly targets: ReadonlyMap<string, string>
  /** What becomes of images of other projects: they are left alone, or belong to whoever copies them. */
  readonly unmapped: 'skip' | 'drop'
}

/** The image with the owner that it is to have on the target; undefined when it is to be skipped. */
export function withOwner(image: Image, { targets, unmapped }: ProjectMap): Image | undefined {
  if (image.owner === null) return image
  const owner = targets.get(image.owner)
  if (owner !== undefined) return { ...image, owner }
  return unmapped === 'skip' ? undefined : { ...image, owner: ANY_OWNER }
}

/**
 * Tells what an image of the target was on the source, by its id and its owner there, if it was: several images where one
 * project stands for several.
 */
export function originsBy(
  ids: IdMap | undefined,
  projects: ProjectMap | undefined,
): (image: Image) => readonly Image[] {
  const sources = new Map<string, string[]>()
  for (const [from, to] of projects?.targets ?? []) {
    const before = sources.get(to)
    if (before === undefined) sources.set(to, [from])
    else before.push(from)
  }
  return image => {
    const owners = sources.get(image.owner ?? '') ?? [image.owner]
    const id = ids?.sourceOf(image.id) ?? image.id
    return owners.map(owner => ({ ...image, id, owner }))
  }
}
