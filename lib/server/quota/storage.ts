import type { ImageTable } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'

/** Somebody who wants to store data. */
export interface StorageRequest {
  /** Whose images count; null for those of nobody. */
  readonly project: string | null
  /** The image that the data is for, which does not count itself. */
  readonly image: string
  /** Bytes; null when unknown: then there only has to be room at all. */
  readonly size: number | null
}

/**
 * The bytes that the project may still store (`user_storage_quota`): `maximum` without what it has. Each place where
 * an image's data is kept counts. A negative `maximum` is none.
 * @throws {GlanceError} `over_limit` when that is too little.
 */
export async function requireStorage(
  images: Pick<ImageTable, 'usage'>,
  maximum: number,
  { project, image, size }: StorageRequest,
): Promise<number> {
  if (maximum < 0) return Number.POSITIVE_INFINITY
  const { storedBytes } = await images.usage(project, { except: image })
  const left = maximum - storedBytes
  if (size === null ? left > 0 : size <= left) return left
  throw new GlanceError(
    'over_limit',
    `image exceeds the storage quota: The size of the data ${size ?? 'None'} will exceed the limit. ` +
      `${left} bytes remaining.`,
  )
}
