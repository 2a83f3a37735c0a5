import { type Kysely, type Migration, sql } from 'kysely'
import type { Engine } from '../engine.ts'

/** Indexes by which the few images are found that a viewer sees, or that meet a condition. */
export const filters = ({ textIndex, dropIndex }: Engine): Migration => ({
  async up(db: Kysely<unknown>) {
    for (const column of COLUMNS) {
      const index = db.schema.createIndex(`ix_images_${column}`).on('images')
      await index.columns([column, 'id']).execute()
    }
    await sql`create index ix_image_properties_value on image_properties
      ${textIndex('name', 'value')}`.execute(db)
  },
  async down(db: Kysely<unknown>) {
    for (const column of COLUMNS) await dropIndex(`ix_images_${column}`, 'images').execute(db)
    await dropIndex('ix_image_properties_value', 'image_properties').execute(db)
  },
})

const COLUMNS = ['owner', 'visibility', 'checksum', 'os_hash_value']
