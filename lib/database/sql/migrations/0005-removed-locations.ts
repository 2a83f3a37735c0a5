import type { Kysely, Migration } from 'kysely'

/** Places that images are no longer at, and whose data is to be deleted later. */
export const removedLocations: Migration = {
  async up(db: Kysely<unknown>) {
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
}
