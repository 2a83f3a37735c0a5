import { GlanceError } from '../errors.ts'
import { isImageId, type Properties } from '../image/image.ts'
import type { V1Attributes } from '../image/v1-attributes.ts'
import { parseIsoTime } from './iso-time.ts'
import { checkText, reserved } from './schema/validate.ts'
import { fromV1Headers } from './v1-headers.ts'
import { isReservedProperty } from './v2-image.ts'

/** What the headers of `POST /v1/images` or `PUT /v1/images/{id}` say. */
export interface V1ImageRequest {
  readonly attributes: V1Attributes
  readonly properties: Properties
}

/** What `disk_format` and `container_format` may be. */
export interface V1Formats {
  readonly diskFormats: readonly string[]
  readonly containerFormats: readonly string[]
}

/** The headers that there are (glance/common/utils.py, `IMAGE_META_HEADERS`). */
const KNOWN: ReadonlySet<string> = new Set([
  'location',
  'size',
  'is_public',
  'disk_format',
  'container_format',
  'name',
  'status',
  'copy_from',
  'uri',
  'checksum',
  'created_at',
  'updated_at',
  'deleted_at',
  'min_ram',
  'min_disk',
  'owner',
  'store',
  'id',
  'protected',
  'deleted',
  'virtual_size',
])

const TIMES = ['created_at', 'updated_at', 'deleted_at'] as const
const TEXTS = ['id', 'name', 'status', 'owner', 'checksum', 'location', 'store'] as const
const LONGEST_TEXT = 255
/** What a database column holds. */
const LARGEST_MINIMUM = 2 ** 31 - 1
const AMAZON: ReadonlySet<string> = new Set(['aki', 'ari', 'ami'])

/**
 * Reads the metadata of an image from the headers of a request (glance/api/v1/images.py, `validate_image_meta`). The
 * service alone sets times and whether an image is deleted: they are held to their form and passed over.
 * @throws {GlanceError} `invalid`; `forbidden` for a property that nobody may set.
 */
export function parseV1Image(
  headers: Iterable<readonly [name: string, value: string]>,
  formats: V1Formats,
): V1ImageRequest {
  const { attributes, properties } = fromV1Headers(headers)
  for (const name of attributes.keys()) {
    if (!KNOWN.has(name)) throw invalid(`Bad header: x-image-meta-${name}`)
  }
  for (const name of TIMES) checkTime(name, attributes.get(name))
  for (const name of TEXTS) checkText(name, attributes.get(name) ?? '')
  for (const [name, value] of properties) {
    if (name === '') throw invalid('Bad header: x-image-meta-property-')
    if (name.length > LONGEST_TEXT) throw invalid(`Property name too long: ${name.length}`)
    if (isReservedProperty(name)) throw reserved(name)
    checkText(name, value ?? '')
  }
  const said: V1Attributes = {
    ...textsIn(attributes),
    ...flagsIn(attributes),
    ...numbersIn(attributes),
  }
  return { attributes: { ...said, ...formatsIn(attributes, formats) }, properties }
}

/**
 * The id of an image from any form of a UUID that Python reads, such as one without hyphens; one in the usual form is
 * taken as it is. Undefined for anything else.
 */
export function v1ImageId(text: string): string | undefined {
  if (isImageId(text)) return text
  const digits = text
    .replaceAll(/urn:|uuid:/gi, '')
    .replace(/^[{}]+/, '')
    .replace(/[{}]+$/, '')
    .replaceAll('-', '')
    .toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** As oslo.utils reads it: anything that does not say yes says no. */
export function isYes(text: string | null): boolean {
  return /^(?:true|t|on|yes|y|1)$/i.test(text?.trim() ?? '')
}

type Given = ReadonlyMap<string, string | null>

function textsIn(given: Given): V1Attributes {
  const name = given.get('name')
  if (name != null && name.length > LONGEST_TEXT) {
    throw invalid(`Image name too long: ${name.length}`)
  }
  const owner = given.get('owner')
  if (owner != null && owner.length > LONGEST_TEXT) throw invalid('owner is too long')
  const checksum = given.get('checksum')
  if (checksum != null && checksum.length > 32) {
    throw invalid(`Invalid checksum '${checksum}': can't exceed 32 characters`)
  }
  const id = given.get('id')
  if (id != null && v1ImageId(id) === undefined) throw invalid('Invalid image id format')
  const status = given.get('status')
  const location = given.get('location')
  const store = given.get('store')
  return {
    ...(id !== undefined && { id: id === null ? null : (v1ImageId(id) ?? null) }),
    ...(name !== undefined && { name }),
    ...(status !== undefined && { status }),
    ...(owner !== undefined && { owner }),
    // A client of 2012 that prints what it does not have.
    ...(checksum !== undefined && { checksum: checksum === 'None' ? null : checksum }),
    ...(location !== undefined && { location }),
    ...(store !== undefined && { store }),
  }
}

function flagsIn(given: Given): V1Attributes {
  const isPublic = given.get('is_public')
  const isProtected = given.get('protected')
  return {
    ...(isPublic !== undefined && { isPublic: isYes(isPublic) }),
    ...(isProtected !== undefined && { protected: isYes(isProtected) }),
  }
}

function numbersIn(given: Given): V1Attributes {
  const size = given.get('size')
  const minDisk = given.get('min_disk')
  const minRam = given.get('min_ram')
  const virtual = given.get('virtual_size')
  const isUnknown = virtual === null || virtual === 'None'
  return {
    ...(size !== undefined && { size: wholeNumber('size', size) }),
    ...(minDisk !== undefined && { minDisk: minimum('min_disk', minDisk) }),
    ...(minRam !== undefined && { minRam: minimum('min_ram', minRam) }),
    ...(virtual !== undefined && {
      virtualSize: isUnknown ? null : wholeNumber('virtual_size', virtual),
    }),
  }
}

/** A format of Amazon's is one of both kinds: the other, unless it is given, becomes the same. */
function formatsIn(given: Given, { diskFormats, containerFormats }: V1Formats): V1Attributes {
  const diskFormat = given.get('disk_format')
  const containerFormat = given.get('container_format')
  if (diskFormat !== undefined && !diskFormats.includes(diskFormat ?? '')) {
    throw invalid(`Invalid disk format '${diskFormat ?? 'None'}' for image.`)
  }
  if (containerFormat !== undefined && !containerFormats.includes(containerFormat ?? '')) {
    throw invalid(`Invalid container format '${containerFormat ?? 'None'}' for image.`)
  }
  const disk = diskFormat ?? amazon(containerFormat)
  const container = containerFormat ?? amazon(diskFormat)
  const isAmazon = amazon(disk) !== undefined || amazon(container) !== undefined
  if (isAmazon && disk !== container) {
    throw invalid(
      'Invalid mix of disk and container formats. When setting a disk or container format to one of ' +
        "'aki', 'ari', or 'ami', the container and disk formats must match.",
    )
  }
  return {
    ...(disk !== undefined && { diskFormat: disk }),
    ...(container !== undefined && { containerFormat: container }),
  }
}

function amazon(format: string | null | undefined): string | undefined {
  return format != null && AMAZON.has(format) ? format : undefined
}

function checkTime(name: string, text: string | null | undefined): void {
  if (text == null || text === 'None') return
  const time = parseIsoTime(text)
  if (time === undefined || time.getUTCFullYear() < 1900) {
    throw invalid(`Invalid time format for ${name}.`)
  }
}

function minimum(name: string, text: string | null): number {
  const value = wholeNumber(name, text)
  if (value <= LARGEST_MINIMUM) return value
  throw invalid(`'${name}' value out of range, must not exceed ${LARGEST_MINIMUM}.`)
}

function wholeNumber(name: string, text: string | null): number {
  const refusal = `Invalid value '${text ?? 'None'}' for parameter '${name}'`
  if (text === null || !/^\s*[+-]?\d+\s*$/.test(text)) {
    throw invalid(`${refusal}: Cannot convert image ${name} '${text ?? 'None'}' to an integer.`)
  }
  const value = Number(text)
  if (value < 0) throw invalid(`${refusal}: Cannot be a negative value.`)
  if (value > Number.MAX_SAFE_INTEGER) throw invalid(`${refusal}: It is out of range.`)
  return value || 0 // Not -0.
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
