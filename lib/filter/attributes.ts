import type { Image } from '../image/image.ts'

/** One attribute of every image: what kind of value it has, and how to read it. */
export type Attribute =
  | { readonly kind: 'text'; readonly read: (image: Image) => string | null }
  /** `unit`: what a plain number counts. */
  | {
      readonly kind: 'number'
      readonly unit: 'bytes' | 'MiB' | 'GiB'
      readonly read: (image: Image) => number | null
    }
  | { readonly kind: 'flag'; readonly read: (image: Image) => boolean }
  | { readonly kind: 'time'; readonly read: (image: Image) => Date }
  | { readonly kind: 'tags'; readonly read: (image: Image) => readonly string[] }

/** What a filter may ask of every image, by the names of the API. Any other name is that of a custom property. */
export const ATTRIBUTES = {
  id: { kind: 'text', read: image => image.id },
  name: { kind: 'text', read: image => image.name },
  status: { kind: 'text', read: image => image.status },
  visibility: { kind: 'text', read: image => image.visibility },
  owner: { kind: 'text', read: image => image.owner },
  container_format: { kind: 'text', read: image => image.containerFormat },
  disk_format: { kind: 'text', read: image => image.diskFormat },
  checksum: { kind: 'text', read: image => image.checksum },
  os_hash_algo: { kind: 'text', read: image => image.digest?.algorithm ?? null },
  os_hash_value: { kind: 'text', read: image => image.digest?.value ?? null },
  os_hidden: { kind: 'flag', read: image => image.hidden },
  protected: { kind: 'flag', read: image => image.protected },
  min_disk: { kind: 'number', unit: 'GiB', read: image => image.minDisk },
  min_ram: { kind: 'number', unit: 'MiB', read: image => image.minRam },
  size: { kind: 'number', unit: 'bytes', read: image => image.size },
  virtual_size: { kind: 'number', unit: 'bytes', read: image => image.virtualSize },
  created_at: { kind: 'time', read: image => image.createdAt },
  updated_at: { kind: 'time', read: image => image.updatedAt },
  tags: { kind: 'tags', read: image => image.tags },
} as const satisfies Record<string, Attribute>
export type AttributeName = keyof typeof ATTRIBUTES

/** What people write in place of some of them. */
const ALIASES: Readonly<Record<string, AttributeName>> = {
  hidden: 'os_hidden',
  tag: 'tags',
  created: 'created_at',
  updated: 'updated_at',
}

/** What a filter asks about. */
export type Field =
  | { readonly type: 'attribute'; readonly name: AttributeName }
  | { readonly type: 'property'; readonly name: string }

/** The field that a word names. */
export function fieldNamed(word: string): Field {
  const name = Object.hasOwn(ALIASES, word) ? ALIASES[word] : word
  return isAttributeName(name)
    ? { type: 'attribute', name }
    : { type: 'property', name: name ?? word }
}

export function attributeOf(name: AttributeName): Attribute {
  return ATTRIBUTES[name]
}

/** The value of a field for people and for grouping; null where there is none. */
export function valueOf(field: Field, image: Image): string | null {
  if (field.type === 'property') return image.properties.get(field.name) ?? null
  const attribute = attributeOf(field.name)
  switch (attribute.kind) {
    case 'text':
      return attribute.read(image)
    case 'number':
      return attribute.read(image)?.toString() ?? null
    case 'flag':
      return String(attribute.read(image))
    case 'time':
      return attribute.read(image).toISOString()
    case 'tags':
      return attribute.read(image).join(' ')
  }
}

function isAttributeName(name: string | undefined): name is AttributeName {
  return name !== undefined && Object.hasOwn(ATTRIBUTES, name)
}
