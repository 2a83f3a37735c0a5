import { sql } from 'kysely'
import { rowsIn } from '../count.ts'
import { lossOf, type Migration } from '../migration.ts'

/** Custom properties without a value. SQLite changes no column, so the table is made anew. */
export const nullProperties: Migration = {
  async up(db) {
    await db.schema
      .createTable('image_properties_anew')
      .addColumn('image_id', 'varchar(36)', column => column.notNull().references('images.id'))
      .addColumn('name', 'varchar(255)', column => column.notNull())
      .addColumn('value', 'text')
      .addPrimaryKeyConstraint('pk_image_properties_anew', ['image_id', 'name'])
      .execute()
    await sql`INSERT INTO image_properties_anew (image_id, name, value)
      SELECT image_id, name, value FROM image_properties`.execute(db)
    await db.schema.dropTable('image_properties').execute()
    await db.schema.alterTable('image_properties_anew').renameTo('image_properties').execute()
    await db.schema
      .createIndex('ix_image_properties_name')
      .on('image_properties')
      .column('name')
      .execute()
  },

  async down(db) {
    await db.schema
      .createTable('image_properties_before')
      .addColumn('image_id', 'varchar(36)', column => column.notNull().references('images.id'))
      .addColumn('name', 'varchar(255)', column => column.notNull())
      .addColumn('value', 'text', column => column.notNull())
      .addPrimaryKeyConstraint('pk_image_properties', ['image_id', 'name'])
      .execute()
    await sql`INSERT INTO image_properties_before (image_id, name, value)
      SELECT image_id, name, value FROM image_properties WHERE value IS NOT NULL`.execute(db)
    await db.schema.dropTable('image_properties').execute()
    await db.schema.alterTable('image_properties_before').renameTo('image_properties').execute()
    await db.schema
      .createIndex('ix_image_properties_name')
      .on('image_properties')
      .column('name')
      .execute()
  },

  async losses(db) {
    const rows = await rowsIn(db, 'image_properties', sql`value is null`)
    return lossOf('custom properties without a value', rows)
  },
}
