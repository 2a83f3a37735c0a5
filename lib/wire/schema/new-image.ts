import { GlanceError } from '../../errors.ts'
import type { OwnAttributes } from '../../image/edit.ts'
import type { Properties } from '../../image/image.ts'
import { isBaseAttribute, SERVER_MADE } from '../v2-image.ts'
import { type ImageSchema, STANDARD_SCHEMA } from './image-schema.ts'
import {
  checkPropertyName,
  type ImageDocument,
  mismatch,
  reserved,
  validateImageDocument,
} from './validate.ts'

/** What a client asks for when it creates an image; what it does not say is not there. */
export interface NewImageRequest extends Partial<OwnAttributes> {
  readonly id?: string
  readonly properties: Properties
}

/** Refused before the types are looked at, as Glance does. */
const LINKS = ['direct_url', 'self', 'file', 'schema', 'stores'] as const

/** As Glance, which takes these for custom properties that the attributes of that name then hide. */
const IGNORED: ReadonlySet<string> = new Set(['os_hash_algo', 'os_hash_value'])

/**
 * Reads the body of a request to create an image.
 * @throws {GlanceError} `invalid` when it is not as the image schema demands; `forbidden` when it has what only the
 * service sets, or a property that Glance keeps to itself.
 */
export function validateNewImage(
  body: unknown,
  schema: ImageSchema = STANDARD_SCHEMA,
): NewImageRequest {
  for (const name of LINKS) {
    if (typeof body === 'object' && body !== null && Object.hasOwn(body, name)) throw readOnly(name)
  }
  const document = validateImageDocument(body, schema)
  const [missing] = schema.missing(document)
  if (missing !== undefined) throw mismatch(`it must have property '${missing}'`)
  for (const name of SERVER_MADE) {
    if (Object.hasOwn(document, name) && !IGNORED.has(name)) {
      throw name === 'locations' ? reserved(name) : readOnly(name)
    }
  }
  const properties = new Map<string, string | null>()
  for (const [name, value] of Object.entries(document)) {
    if (isBaseAttribute(name)) continue
    checkPropertyName(name)
    properties.set(name, propertyText(value))
  }
  const { id } = document
  return { ...(id !== undefined && { id }), ...userAttributes(document), properties }
}

/**
 * A custom property as it is kept: as text, also where a deployer's schema allows something else. Null for a null,
 * which the schema allows for some, such as kernel_id.
 */
export function propertyText(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  return JSON.stringify(value)
}

/** What a document says of the attributes that a user sets, under the names that they have inside. */
export function userAttributes(document: ImageDocument): Partial<OwnAttributes> {
  const { name, visibility, os_hidden, owner, container_format, disk_format, tags } = document
  const { min_disk, min_ram } = document
  return {
    ...(name !== undefined && { name }),
    ...(visibility !== undefined && { visibility }),
    ...(os_hidden !== undefined && { hidden: os_hidden }),
    ...(document.protected !== undefined && { protected: document.protected }),
    ...(owner !== undefined && { owner }),
    ...(container_format !== undefined && { containerFormat: container_format }),
    ...(disk_format !== undefined && { diskFormat: disk_format }),
    ...(min_disk !== undefined && { minDisk: min_disk }),
    ...(min_ram !== undefined && { minRam: min_ram }),
    ...(tags !== undefined && { tags: [...new Set(tags)].toSorted() }),
  }
}

export function readOnly(name: string): GlanceError {
  return new GlanceError('forbidden', `Attribute '${name}' is read-only.`)
}
