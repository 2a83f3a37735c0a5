import { type Image, isImageId } from '../image/image.ts'

/**
 * The property by which a copy says which source it was made from, and which image it is: the source's name, a blank and
 * the copy's own id. Nova gives the properties of an image to the snapshots of its servers, and people clone images with
 * theirs: what bears the id of another image is no copy. It belongs to the copy: it is neither compared nor carried on.
 */
export const PROVENANCE = 'glance_replicator_source'

/** The property by which it says which id that image has there, when it is not its own. It belongs to the copy as well. */
const ORIGIN_ID = 'glance_replicator_source_id'

/** All that belong to copies. */
export const OF_COPIES: readonly string[] = [PROVENANCE, ORIGIN_ID]

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

/**
 * What is to become a copy of the source's image `id` under the id that it has here: where that is another and it says its
 * source, it says that too.
 */
export function renumberedFrom(id: string, image: Image): Image {
  const mark = image.properties.get(PROVENANCE)
  if (mark == null) return image
  const marked = copiedFrom(mark.slice(0, mark.lastIndexOf(' ')), image)
  if (id === image.id) return marked
  return { ...marked, properties: new Map([...marked.properties, [ORIGIN_ID, id]]) }
}

/** The id that a copy says its image has on the source, or else its own. What only inherits that is no copy. */
export function originIdOf({ id, properties }: Image): string {
  const origin = properties.get(ORIGIN_ID)
  const isCopy = properties.get(PROVENANCE)?.endsWith(` ${id}`) === true
  return isCopy && origin != null && isImageId(origin) ? origin : id
}
