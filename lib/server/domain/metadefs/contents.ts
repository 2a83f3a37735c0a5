import type {
  MetadefObject,
  MetadefTag,
  PropertyDefinition,
  ResourceTypeAssociation,
} from '../../../image/metadef.ts'
import type { Tables } from './access.ts'

/** What is in a namespace. */
export interface Contents {
  readonly associations: readonly ResourceTypeAssociation[]
  readonly properties: ReadonlyMap<string, PropertyDefinition>
  readonly objects: readonly MetadefObject[]
  readonly tags: readonly MetadefTag[]
}

/** All of it: properties and objects by name, tags with the last one first, as Glance lists them. */
export async function contentsOf({ metadefs }: Tables, namespace: string): Promise<Contents> {
  return {
    associations: await metadefs.associations.list(namespace),
    properties: await propertiesOf({ metadefs }, namespace),
    objects: await objectsOf({ metadefs }, namespace),
    tags: (await metadefs.tags.list(namespace)).toReversed(),
  }
}

export async function propertiesOf(
  { metadefs }: Tables,
  namespace: string,
): Promise<ReadonlyMap<string, PropertyDefinition>> {
  const properties = (await metadefs.properties.list(namespace)).toSorted(byName)
  return new Map(properties.map(({ name, definition }) => [name, definition]))
}

export async function objectsOf(
  { metadefs }: Tables,
  namespace: string,
): Promise<readonly MetadefObject[]> {
  return (await metadefs.objects.list(namespace)).toSorted(byName)
}

/** The same with `prefix` before the names of all properties, wherever they are named. */
export function prefixed(contents: Contents, prefix: string): Contents {
  const rename = (properties: ReadonlyMap<string, PropertyDefinition>) =>
    new Map(Array.from(properties, ([name, definition]) => [prefix + name, definition]))
  return {
    ...contents,
    properties: rename(contents.properties),
    objects: contents.objects.map(object => ({
      ...object,
      required: object.required.map(name => prefix + name),
      properties: rename(object.properties),
    })),
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))
}
