import type { ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import type { ImportRequest } from '../../image/import.ts'

/** @throws {GlanceError} `conflict` unless the image is one that the method imports into, as it is now. */
export function requireImportable(
  image: ImageRecord,
  { method: { name } }: Pick<ImportRequest, 'method'>,
): void {
  const { status } = image
  if (name === 'copy-image') {
    if (status !== 'active') {
      throw conflict('only images with status active can be targeted for copying')
    }
  } else if (status === 'active') {
    throw conflict('image with status active cannot be target for import')
  } else if (name === 'glance-direct') {
    if (status !== 'uploading') {
      throw conflict("image needs to be staged before 'glance-direct' method can be used")
    }
    if (image.size === null) throw conflict('the data of the image is still being staged')
  } else if (status !== 'queued') {
    throw conflict(`image needs to be in 'queued' state to use '${name}' method`)
  }
  if (!image.containerFormat) throw conflict("'container_format' needs to be set before import")
  if (!image.diskFormat) throw conflict("'disk_format' needs to be set before import")
}

function conflict(message: string): GlanceError {
  return new GlanceError('conflict', message)
}
