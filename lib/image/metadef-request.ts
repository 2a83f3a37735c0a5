import type { NamespaceVisibility, PropertyDefinition } from './metadef.ts'

// What callers ask for; what they do not say is not there.

/** A namespace that is wanted, and what is to be in it from the beginning. */
export interface WantedNamespace {
  readonly namespace: string
  readonly displayName?: string
  readonly description?: string
  readonly visibility?: NamespaceVisibility
  readonly protected?: boolean
  readonly owner?: string
  /** By name. */
  readonly properties?: ReadonlyMap<string, PropertyDefinition>
  readonly objects?: readonly WantedObject[]
  /** Names. */
  readonly tags?: readonly string[]
  readonly associations?: readonly WantedAssociation[]
}

export interface WantedProperty {
  readonly name: string
  readonly definition: PropertyDefinition
}

export interface WantedObject {
  readonly name: string
  readonly description?: string
  readonly required?: readonly string[]
  readonly properties?: ReadonlyMap<string, PropertyDefinition>
}

export interface WantedAssociation {
  /** Of the resource type. */
  readonly name: string
  readonly prefix?: string
  readonly propertiesTarget?: string
}
