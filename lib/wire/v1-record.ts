import type { Image, Properties } from '../image/image.ts'
import { isGone } from '../image/status.ts'
import { type HeaderValue, toV1Headers } from './v1-headers.ts'

/** An image, deleted or not. */
export type V1Image = Image & { readonly deletedAt: Date | null }

/** The image as `GET /v1/images` shows it. */
export function toV1Summary(image: Image): Record<string, HeaderValue> {
  return {
    id: image.id,
    name: image.name,
    size: image.size,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    checksum: image.checksum,
  }
}

/** The image as `GET /v1/images/detail` and the answers to POST and PUT show it: never where its data is. */
export function toV1Record(image: V1Image): Record<string, unknown> {
  return { ...attributesOf(image), properties: Object.fromEntries(propertiesOf(image)) }
}

/**
 * The image as HEAD and GET show it. Properties whose names are no header names are left out, and line breaks and
 * other control characters become blanks: only JSON shows those. Values are in the form in which Node.js sends UTF-8.
 */
export function toV1ImageHeaders(image: V1Image): Record<string, string> {
  const attributes = Object.entries(attributesOf(image)).map(
    ([name, value]) => [name, printable(value)] as const,
  )
  const properties = [...propertiesOf(image)]
    .filter(([name]) => isToken(name))
    .map(([name, value]) => [name, value === null ? null : oneLine(value)] as const)
  const headers = toV1Headers(attributes, new Map(properties))
  const { 'x-image-meta-checksum': etag } = headers
  return { ...headers, ...(etag !== undefined && { etag }) }
}

function attributesOf(image: V1Image): Record<string, HeaderValue> {
  return {
    ...toV1Summary(image),
    virtual_size: image.virtualSize,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    owner: image.owner,
    status: image.status,
    is_public: image.visibility === 'public',
    protected: image.protected,
    deleted: isGone(image.status),
    created_at: formatV1Time(image.createdAt),
    updated_at: formatV1Time(image.updatedAt),
    deleted_at: image.deletedAt === null ? null : formatV1Time(image.deletedAt),
  }
}

/** What was deleted has none, also while its data waits for that. */
function propertiesOf({ status, properties }: V1Image): Properties {
  return isGone(status) ? new Map() : properties
}

/** In UTC and without saying so, to the microsecond. */
function formatV1Time(time: Date): string {
  return time.toISOString().replace('Z', '000')
}

/** RFC 9110 §5.6.2. */
function isToken(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)
}

function printable(value: HeaderValue): HeaderValue {
  return typeof value === 'string' ? oneLine(value) : value
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ')
}
