import { GlanceError } from '../errors.ts'
import {
  type Image,
  isImageId,
  type Properties,
  VISIBILITIES,
  type Visibility,
} from '../image/image.ts'
import { isObject } from '../image/json.ts'
import { isImageStatus } from '../image/status.ts'
import { shown } from './shown.ts'

/** A JSON object as the Images API v2 sends and takes it. */
export type V2Document = Readonly<Record<string, unknown>>

/** Attributes of an image that the service alone sets: 403 in a request, and never carried to another service. */
export const SERVER_MADE = [
  'status',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'created_at',
  'updated_at',
  'self',
  'file',
  'schema',
  'direct_url',
  'locations',
  'stores',
] as const

/** Attributes that a user sets, besides custom properties. */
export const USER_MADE = [
  'name',
  'visibility',
  'os_hidden',
  'protected',
  'owner',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'tags',
] as const
export type UserMade = (typeof USER_MADE)[number]

const BASE_ATTRIBUTES: ReadonlySet<string> = new Set(['id', ...SERVER_MADE, ...USER_MADE])

/** Whether `name` is an attribute of every image, and so cannot name a custom property. */
export function isBaseAttribute(name: string): boolean {
  return BASE_ATTRIBUTES.has(name)
}

/** Properties with which Glance keeps its own books (glance/api/v2/images.py): nobody else may set one. */
export function isReservedProperty(name: string): boolean {
  return name.startsWith('os_glance')
}

const WITHHELD: ReadonlySet<string> = new Set(['location', 'deleted', 'deleted_at'])

/** Names that no property of v2 may have, because Glance's databases have columns of these names. */
export function isWithheldName(name: string): boolean {
  return WITHHELD.has(name)
}

/**
 * Reads an image document of the v2 API. Tolerant of what other versions leave out: `os_hidden` and the hashes came
 * with v2.7, and before v2.3 null attributes were omitted. Attributes that it does not know and that are neither text nor null
 * belong to a later version and are passed over. @throws {GlanceError} `corrupt`, naming the attribute.
 */
export function imageFromV2(document: unknown): Image {
  if (!isObject(document))
    throw new GlanceError('corrupt', 'an image document is not a JSON object')
  const id = text(document, 'id')
  // It becomes part of URLs and file names.
  if (id === null || !isImageId(id)) throw unexpected(document, 'id', 'a UUID')
  const algorithm = hex(document, 'os_hash_algo')
  const value = hex(document, 'os_hash_value')
  return {
    id,
    name: text(document, 'name'),
    status: status(document),
    visibility: visibility(document),
    hidden: flag(document, 'os_hidden'),
    protected: flag(document, 'protected'),
    owner: text(document, 'owner'),
    containerFormat: text(document, 'container_format'),
    diskFormat: text(document, 'disk_format'),
    minDisk: count(document, 'min_disk') ?? 0,
    minRam: count(document, 'min_ram') ?? 0,
    size: count(document, 'size'),
    virtualSize: count(document, 'virtual_size'),
    checksum: hex(document, 'checksum'),
    digest: algorithm !== null && value !== null ? { algorithm, value } : null,
    tags: tags(document),
    properties: properties(document),
    createdAt: time(document, 'created_at'),
    updatedAt: time(document, 'updated_at'),
  }
}

/** The image as the v2 API shows it, without links to where it is served. */
export function imageToV2(image: Image): Record<string, unknown> {
  return { ...Object.fromEntries(image.properties), ...baseToV2(image) }
}

/** The same without custom properties. */
export function baseToV2(image: Omit<Image, 'properties'>): Record<string, unknown> {
  return {
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    os_hidden: image.hidden,
    protected: image.protected,
    owner: image.owner,
    container_format: image.containerFormat,
    disk_format: image.diskFormat,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    size: image.size,
    virtual_size: image.virtualSize,
    checksum: image.checksum,
    os_hash_algo: image.digest?.algorithm ?? null,
    os_hash_value: image.digest?.value ?? null,
    tags: image.tags,
    created_at: formatTime(image.createdAt),
    updated_at: formatTime(image.updatedAt),
  }
}

/** `YYYY-MM-DDTHH:MM:SSZ` (glance/common/timeutils.py). */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`
}

/** A digest or the name of one: whoever registers a location says them in capitals where they like. */
function hex(document: V2Document, name: string): string | null {
  return text(document, name)?.toLowerCase() ?? null
}

function text(document: V2Document, name: string): string | null {
  const value = document[name] ?? null
  if (value === null || typeof value === 'string') return value
  throw unexpected(document, name, 'text')
}

function flag(document: V2Document, name: string): boolean {
  const value = document[name] ?? false
  if (typeof value === 'boolean') return value
  throw unexpected(document, name, 'true or false')
}

function count(document: V2Document, name: string): number | null {
  const value = document[name] ?? null
  if (value === null) return null
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw unexpected(document, name, 'a whole number')
}

function time(document: V2Document, name: string): Date {
  const value = text(document, name)
  // v1 records, which old dumps hold, have no zone and mean UTC.
  const parsed = new Date(
    value === null ? 0 : /(?:Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`,
  )
  if (Number.isNaN(parsed.getTime())) throw unexpected(document, name, 'a time')
  return parsed
}

function status(document: V2Document): Image['status'] {
  const value = text(document, 'status') ?? 'queued'
  if (isImageStatus(value)) return value
  throw unexpected(document, 'status', 'an image status')
}

function visibility(document: V2Document): Visibility {
  const value = document['visibility'] ?? 'private'
  const known = VISIBILITIES.find(visibility => visibility === value)
  if (known !== undefined) return known
  throw unexpected(document, 'visibility', `one of ${VISIBILITIES.join(', ')}`)
}

function tags(document: V2Document): readonly string[] {
  const value: unknown = document['tags'] ?? []
  if (!Array.isArray(value)) throw unexpected(document, 'tags', 'a list')
  const names = value.map((tag: unknown) => {
    if (typeof tag === 'string') return tag
    throw unexpected(document, 'tags', 'a list of text')
  })
  const isSorted = names.every((name, i) => i === 0 || (names[i - 1] ?? '') < name)
  return isSorted ? names : [...new Set(names)].toSorted()
}

function properties(document: V2Document): Properties {
  const found = new Map<string, string | null>()
  for (const name of Object.keys(document)) {
    if (isBaseAttribute(name)) continue
    const value = document[name]
    if (value === null || typeof value === 'string') found.set(name, value)
  }
  return found
}

function unexpected(document: V2Document, name: string, wanted: string): GlanceError {
  const found = JSON.stringify(document[name]) ?? 'missing'
  return new GlanceError(
    'corrupt',
    `image ${shown(document['id'])}: ${name} is ${found}, not ${wanted}`,
  )
}
