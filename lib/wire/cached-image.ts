/** A copy of an image in the cache of a service. */
interface CachedImage {
  readonly imageId: string
  readonly hits: number
  readonly lastAccessed: Date
  readonly lastModified: Date
  /** Bytes. */
  readonly size: number
}

/** As both versions of the API list it, with times in seconds since 1970. */
export function toCachedImage(image: CachedImage): Record<string, unknown> {
  return {
    image_id: image.imageId,
    hits: image.hits,
    last_accessed: image.lastAccessed.getTime() / 1000,
    last_modified: image.lastModified.getTime() / 1000,
    size: image.size,
  }
}
