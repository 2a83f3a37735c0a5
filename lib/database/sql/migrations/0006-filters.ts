import { sql } from 'kysely'
import type { Migration } from '../migration.ts'

/** Indexes by which the few images are found that a viewer sees, or that meet a condition. */
export const filters: Migration = {
  async up(db, { textIndex }) {
    for (const column of COLUMNS) {
      const index = db.schema.createIndex(`ix_images_${column}`).on('images')
      await index.columns([column, 'id']).execute()
    }
    await sql`create index ix_image_properties_value on image_properties
      ${textIndex('name', 'value')}`.execute(db)
  },

  async down(db, { dropIndex }) {
    for (const column of COLUMNS) await dropIndex(`ix_images_${column}`, 'images').execute(db)
    await dropIndex('ix_image_properties_value', 'image_properties').execute(db)
  },

  losses: async () => [],
}

const COLUMNS = ['owner', 'visibility', 'checksum', 'os_hash_value']
