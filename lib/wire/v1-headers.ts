import type { Properties } from '../image/image.ts'

/** Before the name of each attribute of an image, on the way in and on the way out. */
const ATTRIBUTE = 'x-image-meta-'
/** Before the name of each custom property. */
const PROPERTY = 'x-image-meta-property-'

/** What an attribute says in a header. */
export type HeaderValue = string | number | boolean | null

/** An image's metadata as the headers of the v1 API have it: names with underscores, values as text. */
export interface V1Metadata {
  /** By their names in the API, such as `disk_format`; null for a header that was empty. */
  readonly attributes: ReadonlyMap<string, string | null>
  readonly properties: Properties
}

/**
 * The headers for these attributes and properties, names in lower case, which the original replicator looks for, in
 * the order given (glance/common/utils.py). What is null has no header; with `nulls` it has an empty one, by which a
 * client clears it. Values are UTF-8 in the form in which Node.js sends it as it is.
 */
export function toV1Headers(
  attributes: Iterable<readonly [string, HeaderValue]>,
  properties: Properties,
  { nulls = false }: { readonly nulls?: boolean } = {},
): Record<string, string> {
  const headers: Record<string, string> = {}
  const set = (name: string, value: HeaderValue) => {
    if (value !== null || nulls) headers[name] = toLatin1(text(value))
  }
  for (const [name, value] of attributes) set(ATTRIBUTE + name, value)
  for (const [name, value] of properties) set(PROPERTY + name.toLowerCase(), value)
  return headers
}

/**
 * Reads such headers, whoever sent them: a client of ours, of theirs, or a server that capitalises each part of a name.
 * A hyphen in a name counts as an underscore. Values that are no UTF-8 are taken for Latin-1.
 */
export function fromV1Headers(
  headers: Iterable<readonly [name: string, value: string]>,
): V1Metadata {
  const attributes = new Map<string, string | null>()
  const properties = new Map<string, string | null>()
  for (const [header, sent] of headers) {
    const name = header.toLowerCase()
    const value = sent === '' ? null : fromLatin1(sent)
    if (name.startsWith(PROPERTY)) properties.set(underscored(name, PROPERTY), value)
    else if (name.startsWith(ATTRIBUTE)) attributes.set(underscored(name, ATTRIBUTE), value)
  }
  return { attributes, properties }
}

/** Whether a custom property of this name comes back under it: a token in lower case without hyphens. */
export function isV1PropertyName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9a-z]+$/.test(name)
}

/** Bytes of the header of a property, with its end. */
export function propertyHeaderLength(name: string, value: string): number {
  return PROPERTY.length + Buffer.byteLength(name) + Buffer.byteLength(value) + ': \r\n'.length
}

/** Whether a text comes back as it is: one line that is not empty and neither begins nor ends with a blank. */
export function isV1HeaderText(value: string): boolean {
  return /^[^\p{Cc}]+$/u.test(value) && value.trim() === value
}

/** As Python prints it. */
function text(value: HeaderValue): string {
  if (value === null) return ''
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return String(value)
}

function underscored(name: string, prefix: string): string {
  return name.slice(prefix.length).replaceAll('-', '_')
}

/** Node.js sends a header as Latin-1, and so each byte of this as it is. */
function toLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function fromLatin1(text: string): string {
  try {
    return UTF8.decode(Buffer.from(text, 'latin1'))
  } catch {
    return text
  }
}
