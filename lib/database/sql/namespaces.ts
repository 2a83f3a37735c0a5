import { randomUUID } from 'node:crypto'
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { MetadefNamespace, NamespaceQuery } from '../../image/metadef.ts'
import type { NamespaceTable } from '../database.ts'
import { namespaceFromRow, namespaceToRow } from './metadef-rows.ts'
import { takePage } from './paging.ts'
import type { Sql, Tables } from './tables.ts'
import { type Access, atomically, consistently, reading } from './transactions.ts'

type Namespaces = ExpressionBuilder<Tables, 'metadef_namespaces'>

export class SqlNamespaces implements NamespaceTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async find(namespace: string): Promise<MetadefNamespace | undefined> {
    const row = await reading(this.#access, sql => selectNamespace(sql, namespace))
    return row && namespaceFromRow(row)
  }

  list(query: NamespaceQuery): Promise<readonly MetadefNamespace[]> {
    return consistently(this.#access, async tx => {
      const marker = query.marker === null ? null : await selectNamespace(tx, query.marker)
      if (marker === undefined) throw notFound(query.marker)
      const listing = tx
        .selectFrom('metadef_namespaces')
        .selectAll()
        .where(namespaces => matches(namespaces, query))
      const { limit } = query
      const page = { order: orderOf(query.sort), nullable: NULLABLE, marker, limit }
      return (await takePage(this.#access.engine, listing, page)).map(namespaceFromRow)
    })
  }

  async insert(record: MetadefNamespace): Promise<void> {
    await naming(record, () =>
      atomically(this.#access, async tx => {
        const { last } = await tx
          .selectFrom('metadef_namespaces')
          .select(namespaces => namespaces.fn.max<number | null>('position').as('last'))
          .executeTakeFirstOrThrow()
        const row = { id: randomUUID(), position: (last ?? 0) + 1, ...namespaceToRow(record) }
        await tx.insertInto('metadef_namespaces').values(row).execute()
      }),
    )
  }

  async replace(namespace: string, by: MetadefNamespace): Promise<void> {
    await naming(by, () =>
      atomically(this.#access, async tx => {
        const { numUpdatedRows } = await tx
          .updateTable('metadef_namespaces')
          .set(namespaceToRow(by))
          .where('namespace', '=', namespace)
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) throw notFound(namespace)
      }),
    )
  }

  async delete(namespace: string): Promise<void> {
    await atomically(this.#access, async tx => {
      const id = await namespaceId(tx, namespace)
      await tx.deleteFrom('metadef_parts').where('namespace_id', '=', id).execute()
      await tx.deleteFrom('metadef_namespaces').where('id', '=', id).execute()
    })
  }
}

/** The key under which a namespace's parts are kept, whatever its name. @throws {GlanceError} `not_found`. */
export async function namespaceId(sql: Sql, namespace: string): Promise<string> {
  const row = await selectNamespace(sql, namespace)
  if (row === undefined) throw notFound(namespace)
  return row.id
}

function selectNamespace(sql: Sql, namespace: string) {
  const namespaces = sql.selectFrom('metadef_namespaces').selectAll()
  return namespaces.where('namespace', '=', namespace).executeTakeFirst()
}

function matches(
  namespaces: Namespaces,
  { viewer, visibility, resourceTypes }: NamespaceQuery,
): Expression<SqlBool> {
  const conditions: Expression<SqlBool>[] = []
  if (!viewer.isAdmin) {
    const isPublic = namespaces('visibility', '=', 'public')
    conditions.push(
      viewer.project === null
        ? isPublic
        : namespaces.or([isPublic, namespaces('owner', '=', viewer.project)]),
    )
  }
  if (visibility !== null) conditions.push(namespaces('visibility', '=', visibility))
  if (resourceTypes !== null) {
    const associations = namespaces
      .selectFrom('metadef_parts')
      .select('namespace_id')
      .where('kind', '=', 'association')
      // An empty list is not SQL everywhere, and no type has an empty name.
      .where('name', 'in', resourceTypes.length === 0 ? [''] : [...resourceTypes])
    conditions.push(namespaces('id', 'in', associations))
  }
  return namespaces.and(conditions)
}

/** Nothing ties on the position. */
function orderOf({ key, direction }: NamespaceQuery['sort']) {
  const keys = [...new Set([key, 'created_at', 'position'] as const)]
  return keys.map(key => ({ key, direction }))
}

const NULLABLE: ReadonlySet<string> = new Set(['display_name', 'description', 'owner'])

/** Says of a duplicate what it is. */
async function naming({ namespace }: MetadefNamespace, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isGlanceError(error, 'duplicate')) throw error
    const message = `namespace ${namespace} already exists`
    throw new GlanceError('duplicate', message, { cause: error })
  }
}

function notFound(namespace: string | null): GlanceError {
  return new GlanceError('not_found', `no namespace ${namespace} found`)
}
