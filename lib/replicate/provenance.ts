import type { Image } from '../image/image.ts'

/**
 * The property by which a copy says which source it was made from. It belongs to the copy: it is neither compared nor
 * carried on.
 */
export const PROVENANCE = 'glance_replicator_source'

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
