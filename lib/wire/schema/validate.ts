import type { ErrorObject } from 'ajv'
import { GlanceError } from '../../errors.ts'
import type { Visibility } from '../../image/image.ts'
import { isReservedProperty, isWithheldName } from '../v2-image.ts'
import { type ImageSchema, STANDARD_SCHEMA } from './image-schema.ts'

/** Some attributes of an image as the v2 API spells them, each of the type that the schema demands. */
export interface ImageDocument {
  readonly id?: string
  readonly name?: string | null
  readonly visibility?: Visibility
  readonly os_hidden?: boolean
  readonly protected?: boolean
  readonly owner?: string | null
  readonly container_format?: string | null
  readonly disk_format?: string | null
  readonly min_disk?: number
  readonly min_ram?: number
  readonly tags?: readonly string[]
  readonly [name: string]: unknown
}

/** The longest name of a custom property, in characters. */
const MAX_NAME_LENGTH = 255

/** The largest `min_disk` or `min_ram`: what a database column holds. */
const MAX_MINIMUM = 2 ** 31 - 1

/** What MySQL's three-byte UTF-8 cannot hold, and halves of it. */
const UNSTORABLE = /[\p{Surrogate}\u{10000}-\u{10ffff}]/u

/**
 * Holds attributes of an image, any of them, to the image schema, and their text to what every Glance can store.
 * @throws {GlanceError} `invalid`.
 */
export function validateImageDocument(
  given: unknown,
  schema: ImageSchema = STANDARD_SCHEMA,
): ImageDocument {
  const faults = schema.faults(given)
  if (faults.length > 0) throw mismatch(describe(faults))
  const document = given as ImageDocument // Has no faults.
  for (const name of ['min_disk', 'min_ram'] as const) {
    const value = document[name] ?? 0
    if (value < 0) {
      const message = `Invalid value '${value}' for parameter '${name}': Cannot be a negative value`
      throw new GlanceError('invalid', message)
    }
    if (value > MAX_MINIMUM) {
      const message = `'${name}' value out of range, must not exceed ${MAX_MINIMUM}.`
      throw new GlanceError('invalid', message)
    }
  }
  for (const [name, value] of Object.entries(document)) {
    if (holdsUnstorable(name)) {
      throw unstorable('Property names', 'unicode')
    }
    if (!holdsUnstorable(value)) continue
    throw typeof value === 'string' ? unstorable(name) : unstorable('Param values', 'unicode')
  }
  return document
}

/** @throws {GlanceError} `invalid` when too long; `forbidden` when Glance keeps it to itself. */
export function checkPropertyName(name: string): void {
  if (name.length > MAX_NAME_LENGTH) {
    throw new GlanceError(
      'invalid',
      `Custom property should not be greater than ${MAX_NAME_LENGTH} characters.`,
    )
  }
  if (isWithheldName(name) || isReservedProperty(name)) throw reserved(name)
}

export function reserved(name: string): GlanceError {
  return new GlanceError('forbidden', `Attribute '${name}' is reserved.`)
}

/** The refusal of `what` for text that not every Glance can store. */
function unstorable(what: string, text = 'unicode characters'): GlanceError {
  return new GlanceError('invalid', `${what} can't contain 4 byte ${text}.`)
}

/** Holds text that is no image's to what every Glance can store. @throws {GlanceError} `invalid`, naming it. */
export function checkText(name: string, text: string): void {
  if (holdsUnstorable(text)) throw unstorable(name)
}

export function mismatch(reason: string): GlanceError {
  return new GlanceError('invalid', `Provided object does not match schema 'image': ${reason}`)
}

/** What ajv found wrong, for a message. */
export function describe(errors: readonly ErrorObject[] | null | undefined): string {
  return (errors ?? [])
    .map(({ instancePath, message, params }) => {
      const allowed =
        'allowedValues' in params ? `: ${JSON.stringify(params['allowedValues'])}` : ''
      return `${instancePath || 'it'} ${message}${allowed}`
    })
    .join('; ')
}

/** Whether there is text in it, however deep, that not every Glance can store. */
export function holdsUnstorable(value: unknown): boolean {
  if (typeof value === 'string') return UNSTORABLE.test(value)
  if (Array.isArray(value)) return value.some(holdsUnstorable)
  return typeof value === 'object' && value !== null && holdsUnstorable(Object.entries(value))
}
