import { GlanceError } from '../../errors.ts'
import { compareIds } from '../../image/image.ts'
import type { ImageQuery } from '../../image/query.ts'
import type { ImageStatus } from '../../image/status.ts'
import { inBatches, repeatedId } from '../batches.ts'
import type {
  ImageChange,
  ImageRecord,
  ImageTable,
  ImageUsage,
  PendingQuery,
  PurgeOptions,
} from '../database.ts'
import { requireImageFits } from '../fits.ts'
import { totalOrder } from '../order.ts'
import { compareBy, matches } from './query.ts'
import { type Access, existing, live, type Rows } from './rows.ts'
import { usage } from './usage.ts'

export class SimpleImages implements ImageTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async find(
    id: string,
    { deleted = false }: { readonly deleted?: boolean } = {},
  ): Promise<ImageRecord | undefined> {
    const rows = this.#access.rows()
    return deleted ? existing(rows, id) : live(rows, id)
  }

  async list(query: ImageQuery): Promise<readonly ImageRecord[]> {
    const rows = this.#access.rows()
    const order = totalOrder(query.sort)
    const at = query.marker
    const find = query.deleted === undefined ? live : existing
    const marker = at === null ? null : find(rows, at)
    if (marker === undefined) throw new GlanceError('not_found', `no image found with ID ${at}`)
    return [...rows.images.values()]
      .filter(image => marker === null || compareBy(order, image, marker) > 0)
      .filter(image => matches(query, image, rows.members.get(image.id) ?? []))
      .toSorted((a, b) => compareBy(order, a, b))
      .slice(0, query.limit)
  }

  async findPending(id: string): Promise<ImageRecord | undefined> {
    return pending(this.#access.rows(), id)
  }

  async listPending({ until, limit, marker }: PendingQuery): Promise<readonly ImageRecord[]> {
    return [...this.#access.rows().images.values()]
      .filter(image => (marker === null || image.id > marker) && isPendingSince(image, until))
      .toSorted((a, b) => compareIds(a.id, b.id))
      .slice(0, limit)
  }

  insert(image: ImageRecord): Promise<void> {
    return this.#insert([image])
  }

  async insertAll(images: AsyncIterable<ImageRecord> | Iterable<ImageRecord>): Promise<void> {
    for await (const batch of inBatches(images)) await this.#insert(batch)
  }

  update(id: string, change: ImageChange, from: readonly ImageStatus[]): Promise<ImageRecord> {
    return this.#access.write(rows => {
      requireImageFits(change)
      const hidden = from.includes('pending_delete') ? pending(rows, id) : undefined
      const deleted =
        from.includes('deleted') && change.status === undefined ? existing(rows, id) : undefined
      const image = live(rows, id) ?? hidden ?? deleted
      if (image === undefined) throw new GlanceError('not_found', `no image found with ID ${id}`)
      if (!from.includes(image.status)) {
        throw new GlanceError(
          'conflict',
          `image ${id} is ${image.status}, not ${from.join(' or ')}`,
        )
      }
      const removedLocations = change.status === 'deleted' ? [] : image.removedLocations
      const changed = kept({ ...image, removedLocations, ...change })
      rows.images.set(id, changed)
      if (changed.status === 'deleted') rows.members.delete(id)
      return changed
    })
  }

  async usage(
    owner: string | null,
    { except }: { readonly except?: string } = {},
  ): Promise<ImageUsage> {
    return usage(this.#access.rows().images.values(), owner, except ?? null)
  }

  async purge(before: Date, { limit = Infinity, signal }: PurgeOptions = {}): Promise<number> {
    signal?.throwIfAborted()
    return this.#access.write(({ images }) => {
      const isOld = ({ status, deletedAt, removedLocations }: ImageRecord) =>
        status === 'deleted' &&
        deletedAt !== null &&
        deletedAt < before &&
        removedLocations.length === 0
      const old = [...images.values()].filter(isOld).slice(0, limit)
      for (const { id } of old) images.delete(id)
      return old.length
    })
  }

  #insert(batch: readonly ImageRecord[]): Promise<void> {
    return this.#access.write(({ images }) => {
      for (const image of batch) requireImageFits(image)
      const taken = batch.find(({ id }) => images.has(id))?.id ?? repeatedId(batch)
      if (taken !== undefined) throw new GlanceError('duplicate', `image ${taken} already exists`)
      for (const image of batch) {
        const nothing = image.status === 'deleted' ? { removedLocations: [] } : {}
        images.set(image.id, kept({ ...image, ...nothing }))
      }
    })
  }
}

function pending({ images }: Rows, id: string): ImageRecord | undefined {
  const image = images.get(id)
  return image?.status === 'pending_delete' ? image : undefined
}

function isPendingSince(
  { status, deletedAt, removedLocations }: ImageRecord,
  until: Date,
): boolean {
  if (removedLocations.some(({ removedAt }) => removedAt <= until)) return true
  return status === 'pending_delete' && deletedAt !== null && deletedAt <= until
}

/** A copy that nobody else has, in the form in which images are kept. */
function kept(image: ImageRecord): ImageRecord {
  const deletedAt = image.deletedAt ?? image.updatedAt
  if (image.status === 'deleted') {
    const removedLocations = structuredClone(image.removedLocations)
    return { ...image, deletedAt, tags: [], properties: new Map(), locations: [], removedLocations }
  }
  return {
    ...image,
    ...(image.status === 'pending_delete' && { deletedAt }),
    tags: [...new Set(image.tags)].toSorted(),
    properties: new Map(image.properties),
    locations: structuredClone(image.locations),
    removedLocations: structuredClone(image.removedLocations),
  }
}
