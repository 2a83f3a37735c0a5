import type { Selectable } from 'kysely'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { type ImageQuery, SORT_KEYS, type SortKey } from '../../image/query.ts'
import { IMAGE_STATUSES, type ImageStatus } from '../../image/status.ts'
import type { ImageChange, ImageRecord, ImageTable, ImageUsage, PendingQuery } from '../database.ts'
import { totalOrder } from '../order.ts'
import { matches } from './conditions.ts'
import { ordered } from './engine.ts'
import { isAfter } from './paging.ts'
import { dropParts, replaceParts, withParts } from './parts.ts'
import { imageColumns, imageToRow } from './rows.ts'
import type { Sql, Tables } from './tables.ts'
import { type Access, atomically, consistently, reading } from './transactions.ts'
import { usage } from './usage.ts'

export class SqlImages implements ImageTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  find(
    id: string,
    { deleted = false }: { readonly deleted?: boolean } = {},
  ): Promise<ImageRecord | undefined> {
    return consistently(this.#access, tx => findIn(tx, id, deleted ? IMAGE_STATUSES : SHOWN))
  }

  list(query: ImageQuery): Promise<readonly ImageRecord[]> {
    return consistently(this.#access, async tx => {
      const order = totalOrder(query.sort)
      const marker =
        query.marker === null ? null : await findMarker(tx, query.marker, query.deleted)
      let page = tx
        .selectFrom('images')
        .selectAll()
        .where(images => matches(images, query))
        .limit(query.limit)
      if (marker !== null) page = page.where(isAfter(order, marker, NULLABLE))
      for (const step of order) {
        page = page.orderBy(step.key, ordered(this.#access.engine, step, NULLABLE.has(step.key)))
      }
      return withParts(tx, await page.execute())
    })
  }

  findPending(id: string): Promise<ImageRecord | undefined> {
    return consistently(this.#access, tx => findIn(tx, id, ['pending_delete']))
  }

  listPending({ until, limit, marker }: PendingQuery): Promise<readonly ImageRecord[]> {
    const time = until.toISOString()
    return consistently(this.#access, async tx => {
      const removed = tx
        .selectFrom('image_removed_locations')
        .select('image_id')
        .where('removed_at', '<=', time)
      let page = tx
        .selectFrom('images')
        .selectAll()
        .where(({ or, and, eb }) =>
          or([
            and([eb('status', '=', 'pending_delete'), eb('deleted_at', '<=', time)]),
            eb('id', 'in', removed),
          ]),
        )
        .orderBy('id')
        .limit(limit)
      if (marker !== null) page = page.where('id', '>', marker)
      return withParts(tx, await page.execute())
    })
  }

  async insert(image: ImageRecord): Promise<void> {
    try {
      await atomically(this.#access, async tx => {
        const isPending = image.status === 'pending_delete'
        const deletedAt = image.deletedAt ?? (isPending ? image.updatedAt : null)
        await tx
          .insertInto('images')
          .values(imageToRow({ ...image, deletedAt }))
          .execute()
        if (image.status !== 'deleted') await replaceParts(tx, image.id, image)
      })
    } catch (error) {
      if (!isGlanceError(error, 'duplicate')) throw error
      throw new GlanceError('duplicate', `image ${image.id} already exists`, { cause: error })
    }
  }

  update(id: string, change: ImageChange, from: readonly ImageStatus[]): Promise<ImageRecord> {
    return atomically(this.#access, async tx => {
      const deletes = change.status === 'deleted'
      const hides = deletes || change.status === 'pending_delete'
      const columns = imageColumns(hides ? { deletedAt: change.updatedAt, ...change } : change)
      // First of all, so that the row is ours from here on.
      const { numUpdatedRows } = await tx
        .updateTable('images')
        .set(columns)
        .where('id', '=', id)
        .where('status', 'in', [...from])
        .where('status', '<>', 'deleted')
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n) throw await refusal(tx, id, from)
      if (deletes) await dropParts(tx, id)
      else await replaceParts(tx, id, change)
      return read(tx, id)
    })
  }

  usage(owner: string | null, { except }: { readonly except?: string } = {}): Promise<ImageUsage> {
    return reading(this.#access, sql => usage(sql, owner, except ?? null))
  }
}

/** The keys of a listing that an image need not have. */
const NULLABLE: ReadonlySet<string> = new Set(['name', 'container_format', 'disk_format', 'size'])

/** The statuses of images that are there for whoever asks. */
const SHOWN = IMAGE_STATUSES.filter(status => status !== 'deleted' && status !== 'pending_delete')

async function findIn(
  sql: Sql,
  id: string,
  statuses: readonly ImageStatus[],
): Promise<ImageRecord | undefined> {
  const image = sql.selectFrom('images').selectAll().where('id', '=', id)
  const [found] = await withParts(sql, await image.where('status', 'in', statuses).execute())
  return found
}

async function read(sql: Sql, id: string): Promise<ImageRecord> {
  const found = await findIn(sql, id, IMAGE_STATUSES)
  if (found === undefined) throw notFound(id)
  return found
}

/** @throws {GlanceError} `not_found`. */
async function findMarker(
  sql: Sql,
  id: string,
  deleted: ImageQuery['deleted'],
): Promise<Pick<Selectable<Tables['images']>, SortKey>> {
  const image = sql
    .selectFrom('images')
    .select([...SORT_KEYS])
    .where('id', '=', id)
  const marker = await image
    .where('status', 'in', deleted === undefined ? SHOWN : IMAGE_STATUSES)
    .executeTakeFirst()
  if (marker === undefined) throw notFound(id)
  return marker
}

/** Why no row was updated. */
async function refusal(sql: Sql, id: string, from: readonly ImageStatus[]): Promise<GlanceError> {
  const image = sql.selectFrom('images').select('status').where('id', '=', id)
  const found = await image.where('status', 'in', SHOWN).executeTakeFirst()
  if (found === undefined) return notFound(id)
  return new GlanceError('conflict', `image ${id} is ${found.status}, not ${from.join(' or ')}`)
}

function notFound(id: string): GlanceError {
  return new GlanceError('not_found', `no image found with ID ${id}`)
}
