import { ANY_OWNER, type Image, isHollow } from '../image/image.ts'
import type { AttributeValue } from './attributes.ts'
import { isV1HeaderText, isV1PropertyName, propertyHeaderLength } from './v1-headers.ts'
import { isBaseAttribute, isReservedProperty, isWithheldName } from './v2-image.ts'

/** One attribute or custom property of which something does not survive being written somewhere. */
export interface LostField {
  /** `digest`: one that the service makes itself, and that the next which knows it makes again from the data. */
  readonly kind: 'attribute' | 'property' | 'digest'
  /** In the names of the v2 API. */
  readonly field: string
  /** What it was. */
  readonly value: AttributeValue
  /** Why it is lost, and what it becomes where it becomes something else. */
  readonly reason: string
}

/** What no other service brings back. */
export function forGood(lost: readonly LostField[]): readonly LostField[] {
  return lost.filter(({ kind }) => kind !== 'digest')
}

/** An image as some API has it once it was written there. */
export interface Expressed {
  /** The image itself when nothing is lost. */
  readonly image: Image
  readonly lost: readonly LostField[]
}

/** Bytes of a header's value, at most: servers of v1's time take lines of 8 KiB. */
const LONGEST_VALUE = 8000

/**
 * Bytes of the headers of an image's name, owner and properties, at most: servers take 64 KiB of headers in all
 * (eventlet/wsgi.py, `MAX_TOTAL_HEADER_SIZE`), a token and the rest of the image among them.
 */
const LONGEST_HEADERS = 47 * 1024

/** What a v2 service makes of an image: as a dump, but that data needs formats there, also when it is none. */
export function expressibleByV2Service(given: Image): Expressed {
  const { image, lost } = expressibleInV2(given)
  if (!isHollow(image)) return { image, lost }
  const formats = {
    diskFormat: image.diskFormat ?? HOLLOW.disk_format,
    containerFormat: image.containerFormat ?? HOLLOW.container_format,
  }
  const lose = (field: keyof typeof HOLLOW): LostField => ({
    kind: 'attribute',
    field,
    value: null,
    reason: `v2 makes no image active without it: it becomes ${HOLLOW[field]}`,
  })
  return {
    image: { ...image, ...formats },
    lost: [
      ...lost,
      ...(image.containerFormat === null ? [lose('container_format')] : []),
      ...(image.diskFormat === null ? [lose('disk_format')] : []),
    ],
  }
}

/** Of these formats every Glance takes data that is none; of those that it can tell from the data it does not. */
const HOLLOW = { container_format: 'bare', disk_format: 'raw' } as const

/** What v2 and a dump, which holds v2 documents, make of an image: they lose next to nothing. */
export function expressibleInV2(image: Image): Expressed {
  if (!hasOddNames(image)) return { image, lost: [] }
  const lost: LostField[] = []
  const properties = kept(image, lost, name => {
    if (isBaseAttribute(name)) return 'v2 has an attribute of this name'
    return isWithheldName(name) ? 'v2 gives this name to no property' : null
  })
  return lost.length === 0 ? { image, lost } : { image: { ...image, properties }, lost }
}

function hasOddNames({ properties }: Image): boolean {
  for (const name of properties.keys())
    if (isBaseAttribute(name) || isWithheldName(name)) return true
  return false
}

/**
 * What v1 makes of an image. It has neither tags nor hidden images, knows only public images and others, which are
 * `shared` to v2, and everything it has stands in headers.
 */
export function expressibleInV1(image: Image): Expressed {
  const lost: LostField[] = []
  const lose = (field: string, value: AttributeValue, reason: string) => {
    lost.push({ kind: 'attribute', field, value, reason })
  }
  const { name, visibility, hidden, owner, tags } = image
  const isPublic = visibility === 'public'
  if (visibility === 'private' || visibility === 'community') {
    lose('visibility', visibility, 'v1 has only public and other images: it becomes shared')
  }
  if (hidden) lose('os_hidden', true, 'v1 hides no images: it is listed')
  if (tags.length > 0) lose('tags', tags, 'v1 has no tags')
  const header = name === null ? null : fitting(name)
  if (header !== name) {
    const becomes = header === null ? 'no name' : `'${header}'`
    lose('name', name, `it does not fit a header: it becomes ${becomes}`)
  }
  const isOwner = owner === null || owner === ANY_OWNER || isHeaderValue(owner)
  if (!isOwner) lose('owner', owner, 'it does not fit a header: it becomes ours')
  const properties = kept(image, lost, (property, value) => {
    if (isBaseAttribute(property)) return 'v2 has an attribute of this name'
    if (!isV1PropertyName(property)) return 'its name comes back from a header as another'
    if (value === '') return 'v1 takes an empty value for none'
    return isHeaderValue(value) ? null : 'its value does not fit a header'
  })
  const room = LONGEST_HEADERS - lengthOf(header) - lengthOf(isOwner ? owner : null)
  for (const name of withoutRoom(properties, room)) {
    const value = properties.get(name) ?? null
    properties.delete(name)
    const reason = 'the headers of the image are too long together, and it is of the longest'
    lost.push({ kind: 'property', field: name, value, reason })
  }
  if (image.digest !== null) {
    const { algorithm, value } = image.digest
    const reason = `v1 keeps no ${algorithm}, only an MD5`
    lost.push({ kind: 'digest', field: 'os_hash_value', value, reason })
  }
  if (lost.length === 0) return { image, lost }
  return {
    image: {
      ...image,
      name: header,
      visibility: isPublic ? 'public' : 'shared',
      hidden: false,
      tags: [],
      owner: isOwner ? owner : null,
      properties,
    },
    lost,
  }
}

/**
 * The properties without those for which there is a reason; those that have a value, and are not the service's own, are
 * added to what is lost.
 */
function kept(
  image: Image,
  lost: LostField[],
  reasonFor: (name: string, value: string) => string | null,
): Map<string, string | null> {
  const properties = new Map<string, string | null>()
  for (const [name, value] of image.properties) {
    const reason = reasonFor(name, value ?? 'none')
    if (reason === null) properties.set(name, value)
    else if (value !== null && !isReservedProperty(name)) {
      lost.push({ kind: 'property', field: name, value, reason })
    }
  }
  return properties
}

/** The longest of the properties, in their order, without which the headers of the others have `room` bytes. */
function withoutRoom(properties: Image['properties'], room: number): readonly string[] {
  const lengths = new Map(
    [...properties].flatMap(([name, value]) =>
      value === null || isReservedProperty(name)
        ? []
        : [[name, propertyHeaderLength(name, value)] as const],
    ),
  )
  let left = room
  const kept = new Set<string>()
  // By name as well, so that the same are left out in whatever order a service lists them.
  for (const [name, length] of [...lengths].toSorted(
    ([a, one], [b, other]) => one - other || (a < b ? -1 : 1),
  )) {
    left -= length
    if (left >= 0) kept.add(name)
  }
  return [...lengths.keys()].filter(name => !kept.has(name))
}

function lengthOf(text: string | null): number {
  return Buffer.byteLength(text ?? '')
}

function isHeaderValue(value: string): boolean {
  return isV1HeaderText(value) && Buffer.byteLength(value) <= LONGEST_VALUE
}

/** The text itself, or else on one line without blanks at its ends; null when nothing remains. */
function fitting(text: string): string | null {
  if (isHeaderValue(text)) return text
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim()
  return isHeaderValue(line) ? line : null
}
