import type { SortDirection, Viewer } from './query.ts'

export const NAMESPACE_VISIBILITIES = ['public', 'private'] as const
export type NamespaceVisibility = (typeof NAMESPACE_VISIBILITIES)[number]

/** A named group of metadata definitions: what properties an image, a volume or a server may have, and what they mean. */
export interface MetadefNamespace {
  readonly namespace: string
  readonly displayName: string | null
  readonly description: string | null
  readonly visibility: NamespaceVisibility
  /** Whether it is kept from being deleted, and all that is in it. */
  readonly protected: boolean
  /** Project; everybody sees a namespace that has none. */
  readonly owner: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Something in a namespace, called by a name that nothing else of its kind has there. */
export interface NamespacePart {
  readonly name: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

export const PROPERTY_TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'] as const
type PropertyType = (typeof PROPERTY_TYPES)[number]

/** What a property may be, in the words of JSON Schema, which are also the API's. What was not said is not there. */
export interface PropertyDefinition {
  /** As somebody wrote it; what the property is called says the key that it stands under. */
  readonly name?: string
  readonly type: PropertyType
  readonly title: string
  readonly description?: string
  /** How a scheduler may compare it, such as `<in>`. */
  readonly operators?: readonly string[]
  /** Always text, whatever the type. */
  readonly default?: string | null
  readonly readonly?: boolean
  readonly required?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly confidential?: boolean
  readonly items?: { readonly type: PropertyType; readonly enum?: readonly unknown[] }
  readonly uniqueItems?: boolean
  readonly minItems?: number
  readonly maxItems?: number
  readonly additionalItems?: boolean
}

/** A property that stands in a namespace by itself. */
export interface MetadefProperty extends NamespacePart {
  readonly definition: PropertyDefinition
}

/** Properties that belong together. */
export interface MetadefObject extends NamespacePart {
  readonly description: string | null
  /** Names of properties. */
  readonly required: readonly string[]
  /** By name. */
  readonly properties: ReadonlyMap<string, PropertyDefinition>
}

/** A word to be used as an image's tag, say. */
export type MetadefTag = NamespacePart

/** A kind of thing that has metadata, such as `OS::Glance::Image`. It outlives the namespaces that speak of it. */
export type ResourceType = NamespacePart

/** That the properties of a namespace are meant for things of a resource type, which is its name. */
export interface ResourceTypeAssociation extends NamespacePart {
  /** What the names of the properties begin with there. */
  readonly prefix: string | null
  /** Which of the type's several sets of metadata is meant. */
  readonly propertiesTarget: string | null
}

/** What namespaces may be sorted by, in the API's names. */
export const NAMESPACE_SORT_KEYS = [
  'created_at',
  'updated_at',
  'namespace',
  'display_name',
  'description',
  'visibility',
  'protected',
  'owner',
] as const
export type NamespaceSortKey = (typeof NAMESPACE_SORT_KEYS)[number]

/** A page of namespaces that is wanted. An administrator sees all, anybody else public ones and those of their project. */
export interface NamespaceQuery {
  readonly viewer: Viewer
  /** Null: both. */
  readonly visibility: NamespaceVisibility | null
  /** Only namespaces associated with one of these; null: all. */
  readonly resourceTypes: readonly string[] | null
  /** Namespaces that tie are in the order in which they were added, or the reverse of it when descending. */
  readonly sort: { readonly key: NamespaceSortKey; readonly direction: SortDirection }
  /** How many at the most. */
  readonly limit: number
  /** The namespace after which the page begins; `not_found` when it is not there. */
  readonly marker: string | null
}

/** What tags may be sorted by, in the API's names. */
export const TAG_SORT_KEYS = ['created_at', 'updated_at', 'name'] as const

/** A page of a namespace's tags that is wanted. */
export interface TagQuery {
  /** Tags that tie are in the order in which they were added, or the reverse of it when descending. */
  readonly sort: { readonly key: (typeof TAG_SORT_KEYS)[number]; readonly direction: SortDirection }
  /** How many at the most; null: all. */
  readonly limit: number | null
  /** The tag after which the page begins. */
  readonly marker: string | null
}
