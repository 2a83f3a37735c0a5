import type { WantedNamespace } from '../../../image/metadef-request.ts'
import type { Tables } from './access.ts'
import { addNamespace } from './add.ts'

/** As Glance (glance/db/sqlalchemy/metadata.py): what a file gives no owner belongs to a project of this name. */
const OWNER = 'admin'

/**
 * Adds a namespace that a service is to come with, and what is in it, unless there is one of that name; resolves to
 * whether there was none. Part of a transaction. @throws {GlanceError} `duplicate` when something in it is there twice.
 */
export async function loadNamespace(
  tables: Tables,
  wanted: WantedNamespace,
  now: Date,
): Promise<boolean> {
  const there = await tables.metadefs.namespaces.find(wanted.namespace)
  if (there === undefined) await addNamespace(tables, wanted, OWNER, now)
  return there === undefined
}
