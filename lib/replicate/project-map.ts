import { ANY_OWNER, type Image } from '../image/image.ts'

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
