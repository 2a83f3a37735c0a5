import type { NamespaceQuery, NamespaceSortKey } from '../../image/metadef.ts'
import { compareValues } from './query.ts'
import type { NamespaceRow } from './rows.ts'

/** Whether a listing shows a namespace. */
export function matchesNamespace(query: NamespaceQuery, { record, parts }: NamespaceRow): boolean {
  const { viewer, visibility, resourceTypes } = query
  const isOwn = viewer.project !== null && record.owner === viewer.project
  return (
    (viewer.isAdmin || record.visibility === 'public' || isOwn) &&
    (visibility === null || record.visibility === visibility) &&
    (resourceTypes === null || parts.associations.some(({ name }) => resourceTypes.includes(name)))
  )
}

/** Negative when `a` comes before `b`. Null is lower than everything. */
export function compareNamespaces(
  { key, direction }: NamespaceQuery['sort'],
  a: NamespaceRow,
  b: NamespaceRow,
): number {
  for (const value of [SORTED[key], SORTED.created_at, (row: NamespaceRow) => row.position]) {
    const difference = compareValues(value(a), value(b))
    if (difference !== 0) return direction === 'asc' ? difference : -difference
  }
  return 0
}

const SORTED = {
  created_at: row => row.record.createdAt.getTime(),
  updated_at: row => row.record.updatedAt.getTime(),
  namespace: row => row.record.namespace,
  display_name: row => row.record.displayName,
  description: row => row.record.description,
  visibility: row => row.record.visibility,
  protected: row => Number(row.record.protected),
  owner: row => row.record.owner,
} as const satisfies Record<NamespaceSortKey, (row: NamespaceRow) => string | number | null>
