import { rowsIn } from '../count.ts'
import { lossOf, type Migration } from '../migration.ts'

/** Metadata definitions: namespaces, what is in them, and the resource types that they speak of. */
export const metadefs: Migration = {
  async up(db) {
    await db.schema
      .createTable('metadef_namespaces')
      .addColumn('id', 'varchar(36)', column => column.primaryKey())
      .addColumn('position', 'integer', column => column.notNull())
      .addColumn('namespace', 'varchar(80)', column => column.notNull())
      .addColumn('display_name', 'varchar(80)')
      .addColumn('description', 'text')
      .addColumn('visibility', 'varchar(32)', column => column.notNull())
      .addColumn('protected', 'smallint', column => column.notNull())
      .addColumn('owner', 'varchar(255)')
      .addColumn('created_at', 'varchar(30)', column => column.notNull())
      .addColumn('updated_at', 'varchar(30)', column => column.notNull())
      .addUniqueConstraint('uq_metadef_namespaces_namespace', ['namespace'])
      .execute()
    await db.schema
      .createTable('metadef_parts')
      .addColumn('namespace_id', 'varchar(36)', column =>
        column.notNull().references('metadef_namespaces.id'),
      )
      .addColumn('kind', 'varchar(20)', column => column.notNull())
      .addColumn('name', 'varchar(80)', column => column.notNull())
      .addColumn('position', 'integer', column => column.notNull())
      .addColumn('document', 'text', column => column.notNull())
      .addColumn('created_at', 'varchar(30)', column => column.notNull())
      .addColumn('updated_at', 'varchar(30)', column => column.notNull())
      .addPrimaryKeyConstraint('pk_metadef_parts', ['namespace_id', 'kind', 'name'])
      .execute()
    await db.schema
      .createTable('metadef_resource_types')
      .addColumn('name', 'varchar(80)', column => column.primaryKey())
      .addColumn('position', 'integer', column => column.notNull())
      .addColumn('created_at', 'varchar(30)', column => column.notNull())
      .addColumn('updated_at', 'varchar(30)', column => column.notNull())
      .execute()
    await db.schema
      .createIndex('ix_metadef_parts_name')
      .on('metadef_parts')
      .columns(['kind', 'name'])
      .execute()
  },

  async down(db) {
    for (const table of ['parts', 'resource_types', 'namespaces']) {
      await db.schema.dropTable(`metadef_${table}`).execute()
    }
  },

  async losses(db) {
    return [
      ...lossOf('namespaces of metadata definitions', await rowsIn(db, 'metadef_namespaces')),
      ...lossOf('resource types', await rowsIn(db, 'metadef_resource_types')),
    ]
  },
}
