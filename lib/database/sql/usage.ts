import { sql } from 'kysely'
import type { ImageUsage } from '../database.ts'
import { IMPORTING_PROPERTY, STAGED, UPLOADING } from '../usage.ts'
import type { Sql } from './tables.ts'

/** What the images of a project take up, by one query. */
export async function usage(
  db: Sql,
  owner: string | null,
  except: string | null,
): Promise<ImageUsage> {
  const copies = sql`((SELECT count(*) FROM image_locations WHERE image_id = images.id)
    + (SELECT count(*) FROM image_removed_locations WHERE image_id = images.id))`
  const isCopied = sql`EXISTS (SELECT 1 FROM image_properties
    WHERE image_id = images.id AND name = ${IMPORTING_PROPERTY} AND value <> '')`
  let query = db
    .selectFrom('images')
    .select([
      sql<Sum>`sum(size * ${copies})`.as('stored'),
      sql<Sum>`sum(CASE WHEN status IN (${sql.join(STAGED)}) OR ${isCopied} THEN size END)`.as(
        'staged',
      ),
      sql<Sum>`count(*)`.as('images'),
      sql<Sum>`sum(CASE WHEN status IN (${sql.join(UPLOADING)}) OR ${isCopied} THEN 1 END)`.as(
        'uploading',
      ),
    ])
    .where('status', 'not in', ['killed', 'pending_delete', 'deleted'])
    .where('owner', owner === null ? 'is' : '=', owner)
  if (except !== null) query = query.where('id', '<>', except)
  const sums = await query.executeTakeFirstOrThrow()
  return {
    storedBytes: Number(sums.stored),
    stagedBytes: Number(sums.staged),
    images: Number(sums.images),
    uploading: Number(sums.uploading),
  }
}

/** Null when there is nothing to add up; text in some engines. */
type Sum = number | string | bigint | null
