import type { Image } from '../image/image.ts'

/**
 * The property by which a copy says which source it was made from, and which image it is: the source's name, a blank and
 * the copy's own id. Nova gives the properties of an image to the snapshots of its servers, and people clone images with
 * theirs: what bears the id of another image is no copy. It belongs to the copy: it is neither compared nor carried on.
 */
export const PROVENANCE = 'glance_replicator_source'

/** Characters of a source's name, at most: with the id there are as many as Nova takes of a property. */
export const LONGEST_PROVENANCE = 255 - ' 00000000-0000-0000-0000-000000000000'.length

/** The image as a copy from `source` under its id. */
export function copiedFrom(source: string, image: Image): Image {
  return {
    ...image,
    properties: new Map([...image.properties, [PROVENANCE, markOf(source, image)]]),
  }
}

/** Whether the image is a copy from `source`. */
export function isCopyFrom(source: string, image: Image): boolean {
  return image.properties.get(PROVENANCE) === markOf(source, image)
}

function markOf(source: string, { id }: Image): string {
  return `${source} ${id}`
}
