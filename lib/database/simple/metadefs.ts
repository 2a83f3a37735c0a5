import { GlanceError } from '../../errors.ts'
import type { MetadefNamespace, NamespacePart, ResourceType } from '../../image/metadef.ts'
import type { MetadefTables, NamespaceTable, PartTable, ResourceTypeTable } from '../database.ts'
import { compareNamespaces, matchesNamespace } from './metadef-query.ts'
import type { Access, NamespaceRow, PartKind, Rows } from './rows.ts'

export function simpleMetadefs(access: Access): MetadefTables {
  return {
    namespaces: namespaces(access),
    properties: parts(access, 'properties'),
    objects: parts(access, 'objects'),
    tags: parts(access, 'tags'),
    associations: parts(access, 'associations'),
    resourceTypes: resourceTypes(access),
  }
}

function namespaces(access: Access): NamespaceTable {
  return {
    find: async namespace => access.rows().namespaces.get(namespace)?.record,
    list: async query => {
      const rows = access.rows()
      const marker = query.marker === null ? null : locate(rows, query.marker)
      return [...rows.namespaces.values()]
        .filter(row => marker === null || compareNamespaces(query.sort, row, marker) > 0)
        .filter(row => matchesNamespace(query, row))
        .toSorted((a, b) => compareNamespaces(query.sort, a, b))
        .slice(0, query.limit)
        .map(row => row.record)
    },
    insert: record =>
      access.write(({ namespaces }) => {
        if (namespaces.has(record.namespace)) throw namespaceExists(record)
        const position = 1 + Math.max(0, ...Array.from(namespaces.values(), row => row.position))
        const parts = { properties: [], objects: [], tags: [], associations: [] }
        namespaces.set(record.namespace, { position, record: { ...record }, parts })
      }),
    replace: (namespace, by) =>
      access.write(rows => {
        const row = locate(rows, namespace)
        if (by.namespace !== namespace && rows.namespaces.has(by.namespace)) {
          throw namespaceExists(by)
        }
        rows.namespaces.delete(namespace)
        rows.namespaces.set(by.namespace, { ...row, record: { ...by } })
      }),
    delete: namespace =>
      access.write(rows => {
        locate(rows, namespace)
        rows.namespaces.delete(namespace)
      }),
  }
}

function parts<T extends NamespacePart>(access: Access, kind: PartKind): PartTable<T> {
  // What is under a kind was put there by the table of that kind.
  const partsOf = (row: NamespaceRow | undefined) => (row?.parts[kind] ?? []) as readonly T[]
  const write = (
    namespace: string,
    change: (parts: readonly T[]) => readonly NamespacePart[],
  ): Promise<void> =>
    access.write(rows => {
      const row = locate(rows, namespace)
      const parts = { ...row.parts, [kind]: change(partsOf(row)) }
      rows.namespaces.set(namespace, { ...row, parts })
    })
  const insertAll = (namespace: string, added: readonly T[]) =>
    write(namespace, parts => {
      const taken = new Set(parts.map(({ name }) => name))
      for (const { name } of added) {
        if (taken.has(name)) throw partExists(namespace, name)
        taken.add(name)
      }
      return [...parts, ...structuredClone(added)]
    })
  const list = (namespace: string) => partsOf(access.rows().namespaces.get(namespace))
  return {
    list: async namespace => list(namespace),
    listEach: async namespaces => new Map(namespaces.map(name => [name, list(name)])),
    find: async (namespace, name) => list(namespace).find(part => part.name === name),
    insert: (namespace, part) => insertAll(namespace, [part]),
    insertAll,
    replace: (namespace, name, by) =>
      write(namespace, parts => {
        const index = indexOf(namespace, parts, name)
        if (by.name !== name) requireFree(namespace, parts, by.name)
        return parts.with(index, structuredClone(by))
      }),
    delete: (namespace, name) =>
      write(namespace, parts => parts.toSpliced(indexOf(namespace, parts, name), 1)),
    clear: async namespace => {
      if (access.rows().namespaces.has(namespace)) await write(namespace, () => [])
    },
  }
}

function resourceTypes(access: Access): ResourceTypeTable {
  return {
    list: async () => [...access.rows().resourceTypes.values()],
    find: async name => access.rows().resourceTypes.get(name),
    insert: (type: ResourceType) =>
      access.write(({ resourceTypes }) => {
        if (resourceTypes.has(type.name)) {
          throw new GlanceError('duplicate', `resource type ${type.name} already exists`)
        }
        resourceTypes.set(type.name, { ...type })
      }),
  }
}

/** @throws {GlanceError} `not_found`. */
function locate({ namespaces }: Rows, namespace: string): NamespaceRow {
  const row = namespaces.get(namespace)
  if (row === undefined) throw new GlanceError('not_found', `no namespace ${namespace} found`)
  return row
}

/** @throws {GlanceError} `not_found`. */
function indexOf(namespace: string, parts: readonly NamespacePart[], name: string): number {
  const index = parts.findIndex(part => part.name === name)
  if (index === -1) throw new GlanceError('not_found', `no ${name} in namespace ${namespace}`)
  return index
}

/** @throws {GlanceError} `duplicate`. */
function requireFree(namespace: string, parts: readonly NamespacePart[], name: string): void {
  if (parts.some(part => part.name === name)) throw partExists(namespace, name)
}

function partExists(namespace: string, name: string): GlanceError {
  return new GlanceError('duplicate', `${name} already exists in namespace ${namespace}`)
}

function namespaceExists({ namespace }: MetadefNamespace): GlanceError {
  return new GlanceError('duplicate', `namespace ${namespace} already exists`)
}
