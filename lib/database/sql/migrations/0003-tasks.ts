import { rowsIn } from '../count.ts'
import { indexed } from '../engine.ts'
import { lossOf, type Migration } from '../migration.ts'

/** Tasks, which outlive their images. */
export const tasks: Migration = {
  async up(db, engine) {
    await db.schema
      .createTable('tasks')
      .addColumn('id', 'varchar(36)', column => column.primaryKey())
      .addColumn('type', 'varchar(30)', column => column.notNull())
      .addColumn('status', 'varchar(30)', column => column.notNull())
      .addColumn('owner', 'varchar(255)')
      .addColumn('image_id', 'varchar(36)')
      .addColumn('request_id', 'varchar(255)')
      .addColumn('user_id', 'varchar(255)')
      .addColumn('input', 'text', column => column.notNull())
      .addColumn('result', 'text')
      .addColumn('message', 'text', column => column.notNull())
      .addColumn('created_at', 'varchar(30)', column => column.notNull())
      .addColumn('updated_at', 'varchar(30)', column => column.notNull())
      .addColumn('expires_at', 'varchar(30)')
      .execute()
    for (const key of ['status', 'owner', 'image_id', 'created_at', 'expires_at']) {
      const index = db.schema.createIndex(`ix_tasks_${key}`).on('tasks')
      const columns = new Set([key, 'created_at', 'id'])
      await index.expression(indexed(engine, columns, NULLABLE)).execute()
    }
  },

  async down(db) {
    await db.schema.dropTable('tasks').execute()
  },

  async losses(db) {
    return lossOf('tasks', await rowsIn(db, 'tasks'))
  },
}

const NULLABLE: ReadonlySet<string> = new Set(['owner', 'image_id', 'expires_at'])
