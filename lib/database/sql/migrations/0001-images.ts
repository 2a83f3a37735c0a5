import { sql } from 'kysely'
import { rowsIn } from '../count.ts'
import { indexed } from '../engine.ts'
import { lossOf, type Migration } from '../migration.ts'

/** Images with all that belongs to them, and the indexes that listings are read from. */
export const images: Migration = {
  async up(db, engine) {
    await db.schema
      .createTable('images')
      .addColumn('id', 'varchar(36)', column => column.primaryKey())
      .addColumn('name', 'varchar(255)')
      .addColumn('status', 'varchar(30)', column => column.notNull())
      .addColumn('visibility', 'varchar(30)', column => column.notNull())
      .addColumn('os_hidden', 'smallint', column => column.notNull())
      .addColumn('protected', 'smallint', column => column.notNull())
      .addColumn('owner', 'varchar(255)')
      .addColumn('container_format', 'varchar(64)')
      .addColumn('disk_format', 'varchar(64)')
      .addColumn('min_disk', 'integer', column => column.notNull())
      .addColumn('min_ram', 'integer', column => column.notNull())
      .addColumn('size', 'bigint')
      .addColumn('virtual_size', 'bigint')
      .addColumn('checksum', 'varchar(32)')
      .addColumn('os_hash_algo', 'varchar(64)')
      .addColumn('os_hash_value', 'varchar(128)')
      .addColumn('created_at', 'varchar(30)', column => column.notNull())
      .addColumn('updated_at', 'varchar(30)', column => column.notNull())
      .addColumn('deleted_at', 'varchar(30)')
      .execute()
    await db.schema
      .createTable('image_properties')
      .addColumn('image_id', 'varchar(36)', column => column.notNull().references('images.id'))
      .addColumn('name', 'varchar(255)', column => column.notNull())
      .addColumn('value', 'text', column => column.notNull())
      .addPrimaryKeyConstraint('pk_image_properties', ['image_id', 'name'])
      .execute()
    await db.schema
      .createTable('image_tags')
      .addColumn('image_id', 'varchar(36)', column => column.notNull().references('images.id'))
      .addColumn('value', 'varchar(255)', column => column.notNull())
      .addPrimaryKeyConstraint('pk_image_tags', ['image_id', 'value'])
      .execute()
    await db.schema
      .createTable('image_locations')
      .addColumn('image_id', 'varchar(36)', column => column.notNull().references('images.id'))
      .addColumn('position', 'integer', column => column.notNull())
      .addColumn('url', 'text', column => column.notNull())
      .addColumn('metadata', 'text', column => column.notNull())
      .addPrimaryKeyConstraint('pk_image_locations', ['image_id', 'position'])
      .execute()
    await db.schema
      .createTable('image_members')
      .addColumn('image_id', 'varchar(36)', column => column.notNull().references('images.id'))
      .addColumn('member_id', 'varchar(255)', column => column.notNull())
      .addColumn('position', 'integer', column => column.notNull())
      .addColumn('status', 'varchar(30)', column => column.notNull())
      .addColumn('can_share', 'smallint', column => column.notNull())
      .addColumn('created_at', 'varchar(30)', column => column.notNull())
      .addColumn('updated_at', 'varchar(30)', column => column.notNull())
      .addPrimaryKeyConstraint('pk_image_members', ['image_id', 'member_id'])
      .execute()
    for (const key of SORTED) {
      const index = db.schema.createIndex(`ix_images_${key}`).on('images')
      const columns = new Set([key, 'created_at', 'id'])
      await index.expression(indexed(engine, columns, NULLABLE)).execute()
    }
    await db.schema
      .createIndex('ix_images_status_id')
      .on('images')
      .columns(['status', 'id'])
      .execute()
    await db.schema
      .createIndex('ix_image_properties_name')
      .on('image_properties')
      .column('name')
      .execute()
    await db.schema.createIndex('ix_image_tags_value').on('image_tags').column('value').execute()
    await db.schema
      .createIndex('ix_image_members_member')
      .on('image_members')
      .columns(['member_id', 'status'])
      .execute()
  },

  async down(db) {
    for (const table of ['members', 'locations', 'tags', 'properties']) {
      await db.schema.dropTable(`image_${table}`).execute()
    }
    await db.schema.dropTable('images').execute()
  },

  async losses(db) {
    const deleted = await rowsIn(db, 'images', sql`status = 'deleted'`)
    const all = await rowsIn(db, 'images')
    return [...lossOf('images', all - deleted), ...lossOf('ids of deleted images', deleted)]
  },
}

const NULLABLE: ReadonlySet<string> = new Set(['name', 'container_format', 'disk_format', 'size'])

/** The keys of a listing but `id`, which is the primary key. */
const SORTED = [
  'name',
  'status',
  'container_format',
  'disk_format',
  'size',
  'created_at',
  'updated_at',
]
