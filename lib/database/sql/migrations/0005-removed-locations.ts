import { rowsIn } from '../count.ts'
import { lossOf, type Migration } from '../migration.ts'

/** Places that images are no longer at, and whose data is to be deleted later. */
export const removedLocations: Migration = {
  async up(db) {
    await db.schema
      .createTable('image_removed_locations')
      .addColumn('image_id', 'varchar(36)', column => column.notNull().references('images.id'))
      .addColumn('position', 'integer', column => column.notNull())
      .addColumn('url', 'text', column => column.notNull())
      .addColumn('metadata', 'text', column => column.notNull())
      .addColumn('removed_at', 'varchar(30)', column => column.notNull())
      .addPrimaryKeyConstraint('pk_image_removed_locations', ['image_id', 'position'])
      .execute()
    await db.schema
      .createIndex('ix_image_removed_locations_removed_at')
      .on('image_removed_locations')
      .column('removed_at')
      .execute()
  },

  async down(db) {
    await db.schema.dropTable('image_removed_locations').execute()
  },

  async losses(db) {
    const rows = await rowsIn(db, 'image_removed_locations')
    return lossOf('places whose data is to be deleted later', rows)
  },
}
