import { type Selectable, sql as raw } from 'kysely'
import { GlanceError } from '../../errors.ts'
import { compareIds } from '../../image/image.ts'
import { type ImageQuery, SORT_KEYS, type SortKey } from '../../image/query.ts'
import { IMAGE_STATUSES, type ImageStatus } from '../../image/status.ts'
import { inBatches } from '../batches.ts'
import type {
  ImageChange,
  ImageRecord,
  ImageTable,
  ImageUsage,
  PendingQuery,
  PurgeOptions,
} from '../database.ts'
import { requireImageFits } from '../fits.ts'
import { type OrderStep, totalOrder } from '../order.ts'
import { candidates } from './candidates.ts'
import { matches } from './conditions.ts'
import type { Engine } from './engine.ts'
import { insertBatch } from './insert.ts'
import { takePage, takePageBy } from './paging.ts'
import { dropParts, replaceParts, withParts } from './parts.ts'
import { purge } from './purge.ts'
import { imageColumns } from './rows.ts'
import type { Sql, Tables } from './tables.ts'
import { type Access, atomically, consistently, reading } from './transactions.ts'
import { usage } from './usage.ts'
import { readImages, readSorted } from './whole-images.ts'

export class SqlImages implements ImageTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  find(
    id: string,
    { deleted = false }: { readonly deleted?: boolean } = {},
  ): Promise<ImageRecord | undefined> {
    return this.#find(id, deleted ? IMAGE_STATUSES : SHOWN)
  }

  list(query: ImageQuery): Promise<readonly ImageRecord[]> {
    const { engine } = this.#access
    return consistently(this.#access, async tx => {
      const { limit } = query
      const marker =
        query.marker === null ? null : await findMarker(tx, query.marker, query.deleted)
      const order = totalOrder(query.sort)
      const few = await candidates(tx, query)
      const index = few === undefined ? indexFor(order) : null
      const listing = imagesBy(tx, engine, index).where(images => matches(images, query, few))
      const page = { order, nullable: NULLABLE, fixed: fixedBy(query), marker, limit }
      const { whole } = engine
      if (whole === undefined) {
        return withParts(tx, await takePage(engine, listing.selectAll(), page))
      }
      const isSorted = few !== undefined || !isIndexed(order)
      return takePageBy(engine, listing, page, images =>
        isSorted
          ? readSorted(imagesBy(tx, engine, null), whole, images, order)
          : readImages(tx, whole, images),
      )
    })
  }

  findPending(id: string): Promise<ImageRecord | undefined> {
    return this.#find(id, ['pending_delete'])
  }

  listPending(query: PendingQuery): Promise<readonly ImageRecord[]> {
    return consistently(this.#access, async tx => {
      const ids = await pendingIds(tx, query)
      if (ids.length === 0) return []
      const images = tx.selectFrom('images').where('id', 'in', ids).orderBy('id')
      return await readImages(tx, this.#access.engine.whole, images)
    })
  }

  insert(image: ImageRecord): Promise<void> {
    return insertBatch(this.#access, [image])
  }

  async insertAll(images: AsyncIterable<ImageRecord> | Iterable<ImageRecord>): Promise<void> {
    for await (const batch of inBatches(images)) await insertBatch(this.#access, batch)
  }

  update(id: string, change: ImageChange, from: readonly ImageStatus[]): Promise<ImageRecord> {
    return atomically(this.#access, async tx => {
      requireImageFits(change)
      const deletes = change.status === 'deleted'
      const hides = deletes || change.status === 'pending_delete'
      const columns = imageColumns(hides ? { deletedAt: change.updatedAt, ...change } : change)
      // First of all, so that the row is ours from here on.
      const { numUpdatedRows } = await tx
        .updateTable('images')
        .set(columns)
        .where('id', '=', id)
        .where('status', 'in', [...from])
        .$if(change.status !== undefined, row => row.where('status', '<>', 'deleted'))
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n) throw await refusal(tx, id, from)
      if (deletes) await dropParts(tx, [id])
      const { removedLocations } = change
      await replaceParts(
        tx,
        id,
        deletes ? { ...(removedLocations && { removedLocations }) } : change,
      )
      return read(tx, this.#access.engine, id)
    })
  }

  usage(owner: string | null, { except }: { readonly except?: string } = {}): Promise<ImageUsage> {
    return reading(this.#access, sql => usage(sql, owner, except ?? null))
  }

  purge(before: Date, options: PurgeOptions = {}): Promise<number> {
    return purge(this.#access, options, async (tx, limit, after) => {
      let page = tx
        .selectFrom('images')
        .select('id')
        .where('status', '=', 'deleted')
        .where('deleted_at', '<', before.toISOString())
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('image_removed_locations')
                .select('image_id')
                .whereRef('image_id', '=', 'images.id'),
            ),
          ),
        )
        .orderBy('id')
        .limit(limit)
      if (after !== undefined) page = page.where('id', '>', after)
      const ids = (await page.execute()).map(({ id }) => id)
      if (ids.length === 0) return ids
      await dropParts(tx, ids)
      await tx.deleteFrom('images').where('id', 'in', ids).execute()
      return ids
    })
  }

  #find(id: string, statuses: readonly ImageStatus[]): Promise<ImageRecord | undefined> {
    const { whole } = this.#access.engine
    const find = (sql: Sql) => findImage(sql, whole, id, statuses)
    // What takes one statement sees one moment.
    return whole === undefined ? consistently(this.#access, find) : reading(this.#access, find)
  }
}

/** The keys of a listing that an image need not have. */
const NULLABLE: ReadonlySet<string> = new Set(['name', 'container_format', 'disk_format', 'size'])

/** The statuses of images that are there for whoever asks. */
const SHOWN = IMAGE_STATUSES.filter(status => status !== 'deleted' && status !== 'pending_delete')

/** The images, read by an index; by their ids for null. */
function imagesBy(sql: Sql, { hint }: Engine, index: string | null) {
  const from = raw<Selectable<Tables['images']>>`images`.as<'images'>(raw`images ${hint(index)}`)
  return sql.selectFrom(from)
}

/** The index that has this order, or at least its beginning. */
function indexFor([step]: readonly OrderStep[]): string | null {
  return step === undefined || step.key === 'id' ? null : `ix_images_${step.key}`
}

/** Whether an index has all of this order, so that nothing is sorted. */
function isIndexed(order: readonly OrderStep[]): boolean {
  const indexed = totalOrder(order.slice(0, 1))
  return (
    order.length === indexed.length &&
    order.every(
      ({ key, direction }, i) => key === indexed[i]?.key && direction === indexed[i].direction,
    )
  )
}

/** The columns of which the conditions leave but one value. */
function fixedBy({ conditions }: ImageQuery): ReadonlySet<string> {
  return new Set(
    conditions.flatMap(each => (each.type === 'text' && each.in.length === 1 ? [each.field] : [])),
  )
}

/** Each by an index of its own, which an engine would not do for both at once. */
async function pendingIds(sql: Sql, { until, limit, marker }: PendingQuery): Promise<string[]> {
  const time = until.toISOString()
  let pending = sql
    .selectFrom('images')
    .select('id')
    .where('status', '=', 'pending_delete')
    .where('deleted_at', '<=', time)
  let removed = sql
    .selectFrom('image_removed_locations')
    .select('image_id as id')
    .distinct()
    .where('removed_at', '<=', time)
  if (marker !== null) {
    pending = pending.where('id', '>', marker)
    removed = removed.where('image_id', '>', marker)
  }
  const rows = [
    ...(await pending.orderBy('id').limit(limit).execute()),
    ...(await removed.orderBy('image_id').limit(limit).execute()),
  ]
  const ids = new Set(rows.map(({ id }) => id))
  return [...ids].toSorted(compareIds).slice(0, limit)
}

/** The image, if it is in one of these statuses. */
async function findImage(
  sql: Sql,
  whole: Engine['whole'],
  id: string,
  statuses: readonly ImageStatus[],
): Promise<ImageRecord | undefined> {
  const image = sql.selectFrom('images').where('id', '=', id).where('status', 'in', statuses)
  const [found] = await readImages(sql, whole, image)
  return found
}

async function read(sql: Sql, { whole }: Engine, id: string): Promise<ImageRecord> {
  const found = await findImage(sql, whole, id, IMAGE_STATUSES)
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
