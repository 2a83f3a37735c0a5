import type { ImageStatus } from '../../image/status.ts'
import type { ImageRecord, ImageUsage } from '../database.ts'
import { IMPORTING_PROPERTY, STAGED, UPLOADING } from '../usage.ts'

/** What the images of a project among these take up. */
export function usage(
  images: Iterable<ImageRecord>,
  owner: string | null,
  except: string | null,
): ImageUsage {
  const own = [...images].filter(
    image =>
      image.owner === owner &&
      image.id !== except &&
      image.status !== 'killed' &&
      image.status !== 'deleted' &&
      image.status !== 'pending_delete',
  )
  return {
    storedBytes: total(own, image => (image.size ?? 0) * copiesOf(image)),
    stagedBytes: total(own, image => (isOnItsWay(image, STAGED) ? (image.size ?? 0) : 0)),
    images: own.length,
    uploading: total(own, image => (isOnItsWay(image, UPLOADING) ? 1 : 0)),
  }
}

function copiesOf({ locations, removedLocations }: ImageRecord): number {
  return locations.length + removedLocations.length
}

function isOnItsWay(image: ImageRecord, statuses: readonly ImageStatus[]): boolean {
  return statuses.includes(image.status) || (image.properties.get(IMPORTING_PROPERTY) ?? '') !== ''
}

function total(images: readonly ImageRecord[], measure: (image: ImageRecord) => number): number {
  return images.reduce((sum, image) => sum + measure(image), 0)
}
