import type { Image, Visibility } from '../image/image.ts'
import { isBaseAttribute, isReservedProperty, USER_MADE, type UserMade } from './v2-image.ts'

/** The value of an attribute that can be carried from one service to another. */
export type AttributeValue = string | number | boolean | null | readonly string[]

/** One attribute that differs; `undefined` on the side that lacks the custom property. */
export interface FieldChange {
  /** In the API's names. */
  readonly field: string
  readonly from: AttributeValue | undefined
  readonly to: AttributeValue | undefined
}

/**
 * An image as a flat map in the API's names, with what one service can carry to another: what a user may set, custom
 * properties last. What the service makes itself is not in it, and neither are the properties it keeps for itself, nor those
 * without a value, which few services take.
 */
export function attributesOf(image: Image): Map<string, AttributeValue> {
  const attributes = new Map<string, AttributeValue>()
  for (const name of USER_MADE) attributes.set(name, READ[name](image))
  for (const [name, value] of image.properties) {
    if (value === null || isReservedProperty(name) || isBaseAttribute(name)) continue
    attributes.set(name, value)
  }
  return attributes
}

/** What it takes to turn `present` into `wanted`, in the API's names. */
export function changesBetween(present: Image, wanted: Image): FieldChange[] {
  if (isAlike(present, wanted)) return []
  const from = attributesOf(present)
  const to = attributesOf(wanted)
  return [...new Set([...to.keys(), ...from.keys()])]
    .map(field => ({ field, from: from.get(field), to: to.get(field) }))
    .filter(change => !equal(change.from, change.to))
}

/** Whether nothing differs at all, as with most images of two services that are compared. */
function isAlike(one: Image, other: Image): boolean {
  if (one === other) return true
  for (const name of USER_MADE) if (!equal(READ[name](one), READ[name](other))) return false
  if (one.properties.size !== other.properties.size) return false
  for (const [name, value] of one.properties) {
    if (other.properties.get(name) !== value) return false // One that is missing is not null.
  }
  return true
}

/** `image` with those of its attributes that are named in `fields` as they are in `other`. */
export function withAttributesOf(image: Image, other: Image, fields: ReadonlySet<string>): Image {
  const isOfUse = (name: string) =>
    isUserMade(name) || image.properties.has(name) || other.properties.has(name)
  if (fields.size === 0 || !some(fields, isOfUse)) return image
  const taken = USER_MADE.filter(name => fields.has(name)).map(name => TAKE[name](other))
  const properties = new Map([...image.properties].filter(([name]) => !fields.has(name)))
  for (const [name, value] of other.properties) {
    if (fields.has(name)) properties.set(name, value)
  }
  return Object.assign({}, image, { properties }, ...taken) as Image // Each piece is a Partial<Image>.
}

function some(names: ReadonlySet<string>, is: (name: string) => boolean): boolean {
  for (const name of names) if (is(name)) return true
  return false
}

function isUserMade(name: string): boolean {
  return Object.hasOwn(TAKE, name)
}

const READ = {
  name: image => image.name,
  visibility: image => image.visibility,
  os_hidden: image => image.hidden,
  protected: image => image.protected,
  owner: image => image.owner,
  container_format: image => image.containerFormat,
  disk_format: image => image.diskFormat,
  min_disk: image => image.minDisk,
  min_ram: image => image.minRam,
  tags: image => image.tags,
} as const satisfies Record<UserMade, (image: Image) => AttributeValue>

const TAKE = {
  name: ({ name }) => ({ name }),
  visibility: ({ visibility }): { visibility: Visibility } => ({ visibility }),
  os_hidden: ({ hidden }) => ({ hidden }),
  protected: image => ({ protected: image.protected }),
  owner: ({ owner }) => ({ owner }),
  container_format: ({ containerFormat }) => ({ containerFormat }),
  disk_format: ({ diskFormat }) => ({ diskFormat }),
  min_disk: ({ minDisk }) => ({ minDisk }),
  min_ram: ({ minRam }) => ({ minRam }),
  tags: ({ tags }) => ({ tags }),
} as const satisfies Record<UserMade, (image: Image) => Partial<Image>>

function equal(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  if (a === b) return true
  return (
    Array.isArray(a) &&
    Array.isArray(b) &&
    a.length === b.length &&
    a.every((tag, i) => tag === b[i])
  )
}
