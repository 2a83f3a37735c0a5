import type { Selectable } from 'kysely'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { NamespacePart } from '../../image/metadef.ts'
import type { PartTable } from '../database.ts'
import { type PartCodec, timesFromRow, timesToRow } from './metadef-rows.ts'
import { namespaceId } from './namespaces.ts'
import type { Sql, Tables } from './tables.ts'
import { type Access, atomically, reading } from './transactions.ts'

/** Few enough for the parameters that a statement may have, whatever the engine. */
const ROWS_AT_ONCE = 500

/** The parts of one kind. */
export class SqlParts<T extends NamespacePart> implements PartTable<T> {
  readonly #access: Access
  readonly #codec: PartCodec<T>

  constructor(access: Access, codec: PartCodec<T>) {
    this.#access = access
    this.#codec = codec
  }

  async list(namespace: string): Promise<readonly T[]> {
    return (await this.listEach([namespace])).get(namespace) ?? []
  }

  async listEach(namespaces: readonly string[]): Promise<ReadonlyMap<string, readonly T[]>> {
    if (namespaces.length === 0) return new Map() // An empty list is not SQL everywhere.
    const rows = await reading(this.#access, sql =>
      this.#parts(sql)
        .where('namespace', 'in', [...namespaces])
        .orderBy('metadef_parts.position')
        .orderBy('name')
        .execute(),
    )
    return grouped(rows, row => this.#fromRow(row))
  }

  async find(namespace: string, name: string): Promise<T | undefined> {
    const row = await reading(this.#access, sql =>
      this.#parts(sql)
        .where('namespace', '=', namespace)
        .where('name', '=', name)
        .executeTakeFirst(),
    )
    return row && this.#fromRow(row)
  }

  async insert(namespace: string, part: T): Promise<void> {
    await naming(namespace, part.name, () => this.#insert(namespace, [part]))
  }

  async insertAll(namespace: string, parts: readonly T[]): Promise<void> {
    await naming(namespace, 'one of them', () => this.#insert(namespace, parts))
  }

  async replace(namespace: string, name: string, by: T): Promise<void> {
    await naming(namespace, by.name, () =>
      atomically(this.#access, async tx => {
        const { numUpdatedRows } = await tx
          .updateTable('metadef_parts')
          .set(this.#columns(by))
          .where('namespace_id', '=', await namespaceId(tx, namespace))
          .where('kind', '=', this.#codec.kind)
          .where('name', '=', name)
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) throw notFound(namespace, name)
      }),
    )
  }

  async delete(namespace: string, name: string): Promise<void> {
    await atomically(this.#access, async tx => {
      const { numDeletedRows } = await tx
        .deleteFrom('metadef_parts')
        .where('namespace_id', '=', await namespaceId(tx, namespace))
        .where('kind', '=', this.#codec.kind)
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      if (numDeletedRows === 0n) throw notFound(namespace, name)
    })
  }

  async clear(namespace: string): Promise<void> {
    await atomically(this.#access, tx =>
      tx
        .deleteFrom('metadef_parts')
        .where('namespace_id', 'in', ids =>
          ids.selectFrom('metadef_namespaces').select('id').where('namespace', '=', namespace),
        )
        .where('kind', '=', this.#codec.kind)
        .execute(),
    )
  }

  #insert(namespace: string, parts: readonly T[]): Promise<void> {
    const { kind } = this.#codec
    return atomically(this.#access, async tx => {
      const id = await namespaceId(tx, namespace)
      const { last } = await tx
        .selectFrom('metadef_parts')
        .select(parts => parts.fn.max<number | null>('position').as('last'))
        .where('namespace_id', '=', id)
        .where('kind', '=', kind)
        .executeTakeFirstOrThrow()
      const rows = parts.map((part, i) => {
        const position = (last ?? 0) + 1 + i
        return { namespace_id: id, kind, position, ...this.#columns(part) }
      })
      for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
        const batch = rows.slice(at, at + ROWS_AT_ONCE)
        await tx.insertInto('metadef_parts').values(batch).execute()
      }
    })
  }

  #parts(sql: Sql) {
    return sql
      .selectFrom('metadef_parts')
      .innerJoin('metadef_namespaces', 'metadef_namespaces.id', 'metadef_parts.namespace_id')
      .selectAll('metadef_parts')
      .select('namespace')
      .where('kind', '=', this.#codec.kind)
  }

  #columns(part: T) {
    const document = JSON.stringify(this.#codec.toDocument(part))
    return { name: part.name, document, ...timesToRow(part) }
  }

  #fromRow(row: Selectable<Tables['metadef_parts']>): T {
    const own = this.#codec.fromDocument(JSON.parse(row.document))
    return { name: row.name, ...own, ...timesFromRow(row) } as T // The codec has given the rest of one.
  }
}

function grouped<R extends { readonly namespace: string }, T>(
  rows: readonly R[],
  fromRow: (row: R) => T,
): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const row of rows) {
    const others = found.get(row.namespace)
    if (others === undefined) found.set(row.namespace, [fromRow(row)])
    else others.push(fromRow(row))
  }
  return found
}

/** Says of a duplicate what it is. */
async function naming(namespace: string, name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isGlanceError(error, 'duplicate')) throw error
    const message = `${name} already exists in namespace ${namespace}`
    throw new GlanceError('duplicate', message, { cause: error })
  }
}

function notFound(namespace: string, name: string): GlanceError {
  return new GlanceError('not_found', `no ${name} in namespace ${namespace}`)
}
