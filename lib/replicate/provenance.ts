import { type Image, isImageId } from '../image/image.ts'

/**
 * The property by which a copy says which source it was made from. It belongs to the copy: it is neither compared nor
 * carried on.
 */
export const PROVENANCE = 'glance_replicator_source'

/** The property by which it says which id that image has there, when it is not its own. It belongs to the copy as well. */
const ORIGIN_ID = 'glance_replicator_source_id'

/** All that belong to copies. */
export const OF_COPIES: readonly string[] = [PROVENANCE, ORIGIN_ID]

/** What a Glance keeps of a property's value, at most. */
export const LONGEST_PROVENANCE = 255

/** The image as a copy from `source`. */
export function copiedFrom(source: string, image: Image): Image {
  return { ...image, properties: new Map([...image.properties, [PROVENANCE, source]]) }
}

/** Whether the image is a copy from `source`. */
export function isCopyFrom(source: string, { properties }: Image): boolean {
  return properties.get(PROVENANCE) === source
}

/** What is to become a copy of the source's image `id`: where it gets another id and says its source, it says that too. */
export function renumberedFrom(id: string, image: Image): Image {
  if (id === image.id || !image.properties.has(PROVENANCE)) return image
  return { ...image, properties: new Map([...image.properties, [ORIGIN_ID, id]]) }
}

/** The id that a copy says its image has on the source, or else its own. */
export function originIdOf({ id, properties }: Image): string {
  const origin = properties.get(ORIGIN_ID)
  return origin != null && isImageId(origin) ? origin : id
}
