import { GlanceError } from '../errors.ts'
import type { ImageEdit } from '../image/edit.ts'
import { type AttributeValue, type FieldChange } from './attributes.ts'
import { propertyText, readOnly, userAttributes } from './schema/new-image.ts'
import { type ImageSchema, STANDARD_SCHEMA } from './schema/image-schema.ts'
import { checkPropertyName, validateImageDocument } from './schema/validate.ts'
import { shown } from './shown.ts'
import { newLocation } from './v2-location.ts'
import { isObject } from '../image/json.ts'
import { isBaseAttribute, SERVER_MADE, type V2Document } from './v2-image.ts'

/** The media type of a list of {@link PatchOperation}s, since v2.1. */
export const PATCH_MEDIA_TYPE = 'application/openstack-images-v2.1-json-patch'

/** The media type of the draft before, `{"add": "/path", "value": …}`, which Tempest still speaks. */
const OLD_PATCH_MEDIA_TYPE = 'application/openstack-images-v2.0-json-patch'

/** The `Accept-Patch` header that goes with a refusal of any other media type. */
export const ACCEPT_PATCH = `${OLD_PATCH_MEDIA_TYPE}, ${PATCH_MEDIA_TYPE}`

/** One step of a JSON patch, in the form of v2.1. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: AttributeValue }
  | { readonly op: 'remove'; readonly path: string }

/** The shortest patch that makes these changes. */
export function patchOf(changes: readonly FieldChange[]): PatchOperation[] {
  return changes.map(({ field, from, to }) => {
    const path = `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (to === undefined) return { op: 'remove', path }
    return { op: from !== undefined || isBaseAttribute(field) ? 'replace' : 'add', path, value: to }
  })
}

/**
 * Reads a JSON patch of an image, of either media type. @throws {GlanceError} `unsupported_media_type`; `invalid` when
 * it is malformed or a value is not as the image schema demands; `forbidden` for what only the service sets.
 */
export function parsePatch(
  mediaType: string | undefined,
  body: unknown,
  schema: ImageSchema = STANDARD_SCHEMA,
): ImageEdit[] {
  const read = READERS.get(mediaType?.split(';')[0]?.trim().toLowerCase() ?? '')
  if (read === undefined) {
    throw new GlanceError('unsupported_media_type', `a patch has to be one of ${ACCEPT_PATCH}`)
  }
  if (!Array.isArray(body)) {
    throw invalid('Request body must be a JSON array of operation objects.')
  }
  return body.flatMap((step: unknown) => {
    if (!isObject(step)) throw invalid('Operations must be JSON objects.')
    return meaningOf(read(step), step, schema)
  })
}

const OPS = ['add', 'remove', 'replace'] as const
type Op = (typeof OPS)[number]

/** What a step does and where, before it is known whether that may be done. */
interface Target {
  readonly op: Op
  readonly path: unknown
  /** Whether to add what is there already is an error. */
  readonly addsOnlyNew: boolean
}

const READERS: ReadonlyMap<string, (step: V2Document) => Target> = new Map([
  [PATCH_MEDIA_TYPE, readStep],
  [OLD_PATCH_MEDIA_TYPE, readOldStep],
])

function readStep(step: V2Document): Target {
  const op = OPS.find(op => op === step['op'])
  if (op === undefined) {
    throw invalid(
      `Invalid operation: ${JSON.stringify(step['op'])}. It must be one of: ${OPS.join(', ')}.`,
    )
  }
  return { op, path: step['path'], addsOnlyNew: false }
}

function readOldStep(step: V2Document): Target {
  const [op, ...others] = OPS.filter(op => Object.hasOwn(step, op))
  if (op === undefined || others.length > 0) {
    throw invalid(
      'Operation objects must contain exactly one member named "add", "remove", or "replace".',
    )
  }
  return { op, path: step[op], addsOnlyNew: true }
}

/** How many parts a path has: one, but for a place among the locations. */
function depthOf(name: string, op: Op): number {
  return name === 'locations' && op !== 'replace' ? 2 : 1
}

function meaningOf(
  { op, path, addsOnlyNew }: Target,
  step: V2Document,
  schema: ImageSchema,
): ImageEdit[] {
  const parts = parsePointer(path)
  const [name = ''] = parts
  if (parts.length !== depthOf(name, op)) {
    throw invalid(`Invalid JSON pointer for this resource: '${shown(path)}'`)
  }
  if (op !== 'remove' && !Object.hasOwn(step, 'value')) {
    throw invalid(`Operation "${op}" requires a member named "value".`)
  }
  if (READ_ONLY.has(name)) throw readOnly(name)
  if (!isBaseAttribute(name)) checkPropertyName(name)
  if (op === 'remove') return [removal(name, parts[1])]
  const value = step['value']
  const document = validateImageDocument({ [name]: parts.length === 1 ? value : [value] }, schema)
  if (name === 'locations') return [locationStep(op, parts[1], value)]
  if (isBaseAttribute(name)) {
    if (op === 'add' && addsOnlyNew) return [alreadyPresent(name)]
    return [{ type: 'set_attribute', name, change: userAttributes(document) }]
  }
  const when = op === 'replace' ? 'present' : addsOnlyNew ? 'absent' : 'either'
  return [{ type: 'set_property', name, value: propertyText(value), when }]
}

const READ_ONLY: ReadonlySet<string> = new Set([
  'id',
  ...SERVER_MADE.filter(name => name !== 'locations'),
])

function alreadyPresent(name: string): ImageEdit {
  return refusal(new GlanceError('conflict', `Property ${name} already present.`))
}

function removal(name: string, position = ''): ImageEdit {
  if (name === 'locations') return { type: 'remove_location', position }
  if (!isBaseAttribute(name)) return { type: 'remove_property', name }
  return refusal(new GlanceError('forbidden', `Property ${name} may not be removed.`))
}

function locationStep(op: 'add' | 'replace', position = '', value: unknown): ImageEdit {
  if (op === 'add') return { type: 'add_location', position, location: newLocation(value) }
  const locations = (value as readonly unknown[]).map(newLocation) // The schema says that it is a list.
  if (locations.length > 0) return { type: 'replace_locations', locations }
  return refusal(new GlanceError('forbidden', 'Cannot set locations to empty list.'))
}

function refusal(error: GlanceError): ImageEdit {
  return { type: 'refuse', error }
}

/** The parts of a JSON pointer, unescaped and without the blanks around each, as Glance. */
function parsePointer(pointer: unknown): string[] {
  if (typeof pointer !== 'string' || !pointer.startsWith('/')) {
    throw invalid(`Pointer \`${shown(pointer)}\` does not start with "/".`)
  }
  if (/~(?![01])/.test(pointer)) {
    throw invalid(`Pointer \`${pointer}\` contains "~" not part of a recognized escape sequence.`)
  }
  if (/\/\s*\//.test(pointer.slice(1))) {
    throw invalid(`Pointer \`${pointer}\` contains adjacent "/".`)
  }
  if (pointer.length > 1 && pointer.endsWith('/')) {
    throw invalid(`Pointer \`${pointer}\` end with "/".`)
  }
  // As Glance: two slashes at the beginning count for one, and a property may have no name.
  const parts = pointer.replace(/^\/+/, '').split('/')
  return parts.map(part => part.replaceAll('~1', '/').replaceAll('~0', '~').trim())
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
