import { type Kysely, type Migration, sql } from 'kysely'

/** Custom properties without a value. SQLite changes no column, so the table is made anew. */
export const nullProperties: Migration = {
  async up(db: Kysely<unknown>) {
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
}
