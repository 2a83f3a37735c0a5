import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ResourceType } from '../../image/metadef.ts'
import type { MetadefTables, ResourceTypeTable } from '../database.ts'
import { SqlParts } from './metadef-parts.ts'
import { ASSOCIATION, OBJECT, PROPERTY, TAG, timesFromRow, timesToRow } from './metadef-rows.ts'
import { SqlNamespaces } from './namespaces.ts'
import type { Sql } from './tables.ts'
import { atomically } from './transactions.ts'

export function sqlMetadefs(sql: Sql): MetadefTables {
  return {
    namespaces: new SqlNamespaces(sql),
    properties: new SqlParts(sql, PROPERTY),
    objects: new SqlParts(sql, OBJECT),
    tags: new SqlParts(sql, TAG),
    associations: new SqlParts(sql, ASSOCIATION),
    resourceTypes: new SqlResourceTypes(sql),
  }
}

class SqlResourceTypes implements ResourceTypeTable {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async list(): Promise<readonly ResourceType[]> {
    const types = this.#sql.selectFrom('metadef_resource_types').selectAll()
    const rows = await types.orderBy('position').orderBy('name').execute()
    return rows.map(row => ({ name: row.name, ...timesFromRow(row) }))
  }

  async find(name: string): Promise<ResourceType | undefined> {
    const types = this.#sql.selectFrom('metadef_resource_types').selectAll()
    const row = await types.where('name', '=', name).executeTakeFirst()
    return row && { name: row.name, ...timesFromRow(row) }
  }

  async insert(type: ResourceType): Promise<void> {
    try {
      await atomically(this.#sql, async tx => {
        const { last } = await tx
          .selectFrom('metadef_resource_types')
          .select(types => types.fn.max<number | null>('position').as('last'))
          .executeTakeFirstOrThrow()
        const row = { name: type.name, position: (last ?? 0) + 1, ...timesToRow(type) }
        await tx.insertInto('metadef_resource_types').values(row).execute()
      })
    } catch (error) {
      if (!isGlanceError(error, 'duplicate')) throw error
      throw new GlanceError('duplicate', `resource type ${type.name} already exists`, {
        cause: error,
      })
    }
  }
}
