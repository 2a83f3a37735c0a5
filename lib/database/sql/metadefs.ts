import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ResourceType } from '../../image/metadef.ts'
import type { MetadefTables, ResourceTypeTable } from '../database.ts'
import { SqlParts } from './metadef-parts.ts'
import { ASSOCIATION, OBJECT, PROPERTY, TAG, timesFromRow, timesToRow } from './metadef-rows.ts'
import { SqlNamespaces } from './namespaces.ts'
import { type Access, atomically, reading } from './transactions.ts'

export function sqlMetadefs(access: Access): MetadefTables {
  return {
    namespaces: new SqlNamespaces(access),
    properties: new SqlParts(access, PROPERTY),
    objects: new SqlParts(access, OBJECT),
    tags: new SqlParts(access, TAG),
    associations: new SqlParts(access, ASSOCIATION),
    resourceTypes: new SqlResourceTypes(access),
  }
}

class SqlResourceTypes implements ResourceTypeTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async list(): Promise<readonly ResourceType[]> {
    const rows = await reading(this.#access, sql => {
      const types = sql.selectFrom('metadef_resource_types').selectAll()
      return types.orderBy('position').orderBy('name').execute()
    })
    return rows.map(row => ({ name: row.name, ...timesFromRow(row) }))
  }

  async find(name: string): Promise<ResourceType | undefined> {
    const row = await reading(this.#access, sql => {
      const types = sql.selectFrom('metadef_resource_types').selectAll()
      return types.where('name', '=', name).executeTakeFirst()
    })
    return row && { name: row.name, ...timesFromRow(row) }
  }

  async insert(type: ResourceType): Promise<void> {
    try {
      await atomically(this.#access, async tx => {
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
