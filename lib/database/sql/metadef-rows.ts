import type { Insertable, Selectable } from 'kysely'
import type {
  MetadefNamespace,
  MetadefObject,
  MetadefProperty,
  MetadefTag,
  NamespacePart,
  PropertyDefinition,
  ResourceTypeAssociation,
} from '../../image/metadef.ts'
import type { MetadefPartKind, Tables } from './tables.ts'

export type NamespaceColumns = Omit<Insertable<Tables['metadef_namespaces']>, 'id' | 'position'>

export function namespaceToRow(record: MetadefNamespace): NamespaceColumns {
  return {
    namespace: record.namespace,
    display_name: record.displayName,
    description: record.description,
    visibility: record.visibility,
    protected: Number(record.protected),
    owner: record.owner,
    ...timesToRow(record),
  }
}

export function namespaceFromRow(row: Selectable<Tables['metadef_namespaces']>): MetadefNamespace {
  return {
    namespace: row.namespace,
    displayName: row.display_name,
    description: row.description,
    visibility: row.visibility,
    protected: row.protected !== 0,
    owner: row.owner,
    ...timesFromRow(row),
  }
}

export function timesToRow({ createdAt, updatedAt }: Times<Date, 'createdAt' | 'updatedAt'>) {
  return { created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() }
}

export function timesFromRow(row: Times<string, 'created_at' | 'updated_at'>) {
  return { createdAt: new Date(row.created_at), updatedAt: new Date(row.updated_at) }
}

type Times<T, Name extends string> = Readonly<Record<Name, T>>

/** How a kind of part is kept: what it has besides a name and times goes into its document, and comes back from it. */
export interface PartCodec<T extends NamespacePart> {
  readonly kind: MetadefPartKind
  toDocument(part: T): unknown
  fromDocument(document: unknown): Omit<T, keyof NamespacePart>
}

// The documents come back as they went in, which is what the assertions rest on.

export const PROPERTY: PartCodec<MetadefProperty> = {
  kind: 'property',
  toDocument: ({ definition }) => definition,
  fromDocument: document => ({ definition: document as PropertyDefinition }),
}

export const OBJECT: PartCodec<MetadefObject> = {
  kind: 'object',
  toDocument: ({ description, required, properties }) => ({
    description,
    required,
    properties: [...properties],
  }),
  fromDocument: document => {
    const { properties, ...rest } = document as Omit<MetadefObject, 'properties'> & {
      readonly properties: readonly [string, PropertyDefinition][]
    }
    return { ...rest, properties: new Map(properties) }
  },
}

export const TAG: PartCodec<MetadefTag> = {
  kind: 'tag',
  toDocument: () => ({}),
  fromDocument: () => ({}),
}

export const ASSOCIATION: PartCodec<ResourceTypeAssociation> = {
  kind: 'association',
  toDocument: ({ prefix, propertiesTarget }) => ({ prefix, propertiesTarget }),
  fromDocument: document => document as Omit<ResourceTypeAssociation, keyof NamespacePart>,
}
