import type { PartTable } from '../../../database/database.ts'
import { GlanceError } from '../../../errors.ts'
import type { NamespacePart } from '../../../image/metadef.ts'
import { naming } from './access.ts'
import type { Wording } from './wording.ts'

/** How many of a kind one request may bring: ten times what any of the namespaces has that Glance comes with. */
const MOST_AT_ONCE = 1000

/** Adds these to a namespace, in this order. @throws {GlanceError} `duplicate`; `over_limit` for too many at once. */
export async function addParts<T extends NamespacePart>(
  table: PartTable<T>,
  { duplicate }: Wording,
  namespace: string,
  parts: readonly T[],
): Promise<void> {
  if (parts.length === 0) return
  requireFew(parts.length)
  const taken = new Set((await table.list(namespace)).map(({ name }) => name))
  for (const { name } of parts) {
    if (taken.has(name)) throw new GlanceError('duplicate', duplicate(name, namespace))
    taken.add(name)
  }
  await naming(duplicate('one of them', namespace), table.insertAll(namespace, parts))
}

/** @throws {GlanceError} `over_limit`. */
export function requireFew(count: number): void {
  if (count <= MOST_AT_ONCE) return
  const message = `a namespace takes at most ${MOST_AT_ONCE} definitions of a kind at once, not ${count}`
  throw new GlanceError('over_limit', message)
}
