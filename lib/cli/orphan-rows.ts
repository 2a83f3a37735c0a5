import { isGlanceError, messageOf } from '../errors.ts'
import type { ImageStatus } from '../image/status.ts'
import type { Orphan, Searched, SearchedService } from '../server/domain/orphans.ts'
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts'
import { countOf, formatBytes } from './format.ts'
import type { Log } from './log.ts'

/** Data that no image names. */
export interface OrphanRow {
  /** Of the image that it is named by. */
  readonly id: string
  /** The id of the store that it is in. */
  readonly store: string
  /** `orphan`: it is there as it was. */
  readonly status: 'orphan' | 'removed' | 'failed'
  /** What became of that image; null when the database knows none. */
  readonly image: ImageStatus | null
  /** Bytes. */
  readonly size: number
  /** ISO 8601: when it was last written to. */
  readonly modified: string
  /** Whether it is more than what is left of a write that was cut off. */
  readonly whole: boolean
  /** Null unless it failed. */
  readonly error: string | null
}

export interface OrphanSummary {
  readonly totals: {
    /** How many there are still. */
    readonly orphans: number
    /** Of those. */
    readonly bytes: number
    readonly removed: number
    /** Of orphans that could not be deleted, and stores that could not be looked through. */
    readonly failed: number
  }
}

export interface OrphanOptions {
  /** Only what was last written to then or before. */
  readonly until: Date
  /** Ids of stores. */
  readonly deleteFrom: ReadonlySet<string>
  readonly log: Log
  readonly signal: AbortSignal
}

const NOTHING: OrphanSummary['totals'] = { orphans: 0, bytes: 0, removed: 0, failed: 0 }

/** Looks for orphans in these stores, and deletes those that are in one of `deleteFrom`. What fails is told. */
export async function* orphanRows(
  service: SearchedService,
  places: readonly Searched[],
  { until, deleteFrom, log, signal }: OrphanOptions,
): AsyncGenerator<OrphanRow, OrphanSummary, void> {
  const { findOrphans } = await import('../server/domain/orphans.ts')
  let totals = NOTHING
  const failed = (what: string, error: unknown) => {
    signal.throwIfAborted()
    if (!isGlanceError(error)) throw error
    log.error(`${what}: ${messageOf(error)}`)
    totals = { ...totals, failed: totals.failed + 1 }
    return error.message
  }
  for (const place of places) {
    const { id: store } = place.store
    try {
      const narrowed = (reason: string) => log.warning(`store ${store}: ${reason}`)
      const isToGo = deleteFrom.has(store) && (await mayBeEmptied(service, place, signal))
      for await (const orphan of findOrphans(service, place, { until, narrowed, signal })) {
        const found = rowOf(store, orphan)
        const row = isToGo ? await deleted(service, place, orphan, found, failed) : found
        if (row === undefined) continue
        totals = added(totals, row)
        yield row
      }
    } catch (error) {
      failed(`store ${store}`, error)
    }
  }
  return { totals }
}

/** @throws {GlanceError} `conflict` where another database seems to be the one of the store. */
async function mayBeEmptied(
  service: SearchedService,
  place: Searched,
  signal: AbortSignal,
): Promise<true> {
  const { isOf } = await import('../server/domain/orphans.ts')
  if (place.isStaging || (await isOf(service, place, { signal }))) return true
  const { GlanceError } = await import('../errors.ts')
  const message =
    'the database knows nothing of what is in there, so nothing is deleted: is it the one of this store?'
  throw new GlanceError('conflict', message)
}

/** Undefined when it is no orphan any more. */
async function deleted(
  service: SearchedService,
  place: Searched,
  orphan: Orphan,
  row: OrphanRow,
  failed: (what: string, error: unknown) => string,
): Promise<OrphanRow | undefined> {
  const { deleteOrphan } = await import('../server/domain/orphans.ts')
  try {
    const isGone = await deleteOrphan(service, place, orphan)
    return isGone ? { ...row, status: 'removed' } : undefined
  } catch (error) {
    return { ...row, status: 'failed', error: failed(`${row.id} in store ${row.store}`, error) }
  }
}

function rowOf(store: string, { data, status: image }: Orphan): OrphanRow {
  const { id, size, modifiedAt, isWhole: whole } = data
  const modified = modifiedAt.toISOString()
  return { id, store, status: 'orphan', image, size, modified, whole, error: null }
}

function added(totals: OrphanSummary['totals'], row: OrphanRow): OrphanSummary['totals'] {
  if (row.status === 'removed') return { ...totals, removed: totals.removed + 1 }
  return { ...totals, orphans: totals.orphans + 1, bytes: totals.bytes + row.size }
}

/** For people; `isToGo` when it would be deleted. Undefined for one that the log told of. */
export function orphanText(row: OrphanRow, isToGo: boolean): string | undefined {
  if (row.status === 'failed') return undefined
  const what = row.whole ? '' : ' of a write that was cut off'
  const end = row.status === 'removed' ? ': deleted' : isToGo ? ': would be deleted' : ''
  return `${row.id}: ${formatBytes(row.size)}${what} in store ${row.store}, last written ${row.modified}, ${whose(row)}${end}`
}

function whose({ image }: OrphanRow): string {
  if (image === null) return 'of no image'
  return image === 'deleted' ? 'of a deleted image' : `of an image that is ${image} and not there`
}

export function orphanSummaryText({
  totals: { orphans, bytes, removed, failed },
}: OrphanSummary): string {
  return `${countOf(orphans, 'orphan')} (${formatBytes(bytes)}), ${removed} deleted, ${failed} failed`
}

export function orphanExitStatus({ totals: { orphans, failed } }: OrphanSummary): ExitStatus {
  return orphans === 0 && failed === 0 ? EXIT_STATUS.done : EXIT_STATUS.differences
}
