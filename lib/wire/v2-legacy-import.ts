import { GlanceError } from '../errors.ts'
import type { ImageSchema } from './schema/image-schema.ts'
import { type NewImageRequest, validateNewImage } from './schema/new-image.ts'
import { isObject } from '../image/json.ts'
import type { V2Document } from './v2-image.ts'

/** Reads the input of a task of type `import`. @throws {GlanceError} `invalid`, `forbidden`. */
export function parseLegacyImport(
  input: V2Document,
  schema: ImageSchema,
): {
  readonly url: string
  readonly image: NewImageRequest
} {
  for (const key of ['import_from', 'import_from_format', 'image_properties']) {
    if (key in input) continue
    throw new GlanceError('invalid', `Input does not contain '${key}' field`)
  }
  const { import_from: url, image_properties: properties } = input
  // As Glance, for an input that says nothing of the image.
  const isEmpty = isObject(properties) && Object.keys(properties).length === 0
  const wanted = isEmpty ? { disk_format: 'qcow2', container_format: 'bare' } : properties
  if (typeof url !== 'string') throw new GlanceError('invalid', "'import_from' has to be a URL")
  return { url, image: validateNewImage(wanted, schema) }
}
