import type { ErrorRow } from '../differences.ts'
import { EXIT_STATUS, type ExitStatus } from '../exit-status.ts'
import { isRefused, type Unmapped } from '../projects.ts'

/** What a run is called: in its summary, its metrics and the environment of its hooks. */
export interface RunName {
  readonly command: string
  /** The job that it is of; null for a run by hand. */
  readonly job: string | null
  /** The positional arguments by their names, without credentials. */
  readonly ends: Readonly<Record<string, string>>
}

/** What is kept of the rows of every command; commands differ in which of these they have. */
interface AnyRow {
  readonly id?: string
  readonly name?: string | null
  readonly result?: string
  readonly size?: number | null
  readonly updated_at?: string | null
  readonly error?: ErrorRow | null
}

interface AnySummary {
  readonly totals?: Readonly<Record<string, number>>
  readonly two_way?: boolean
  readonly cut_short?: boolean
  readonly unmapped?: Unmapped | null
  readonly targets?: readonly { readonly unmapped: Unmapped | null }[]
}

/** How many images and bytes had one result. */
export interface Tally {
  readonly images: number
  readonly bytes: number
}

/** How a run ended. */
export interface RunEnd {
  readonly name: RunName
  readonly startedAt: Date
  readonly finishedAt: Date
  readonly exitStatus: ExitStatus
  /** What the command returned; of one that failed, its `error`. */
  readonly summary: object
  readonly results: ReadonlyMap<string, Tally>
  readonly failedImages: readonly FailedImage[]
  /**
   * The oldest change of the source that the target is known not to have; null when it has all, undefined when not all
   * was looked at.
   */
  readonly oldestPending: Date | null | undefined
}

export interface FailedImage {
  readonly id: string
  readonly name: string | null
  readonly error: ErrorRow
}

/** Failed images that are told one by one. */
const MOST_FAILED = 1000

/** Results of an image that the target does not have as the source does. */
const PENDING: ReadonlySet<string> = new Set([
  'failed',
  'interrupted',
  'missing',
  'differs',
  'error',
])

/** Totals that are no count of images with one result. */
const NO_RESULTS: ReadonlySet<string> = new Set(['bytes', 'images', 'refused', 'removal'])

/** Adds up what happens in a run. */
export class RunRecord {
  readonly #name: RunName
  readonly #startedAt: Date
  readonly #results = new Map<string, Tally>()
  readonly #failed: FailedImage[] = []
  #oldest: Date | null | undefined = null

  constructor(name: RunName, startedAt: Date) {
    this.#name = name
    this.#startedAt = startedAt
  }

  add(row: object): void {
    const { id = '', name = null, result, size, updated_at, error } = row as AnyRow // All are optional.
    if (result === undefined) return
    const { images, bytes } = this.#results.get(result) ?? { images: 0, bytes: 0 }
    this.#results.set(result, { images: images + 1, bytes: bytes + (size ?? 0) })
    const isFailed = error != null && result !== 'kept'
    if (isFailed && this.#failed.length < MOST_FAILED) this.#failed.push({ id, name, error })
    if (PENDING.has(result)) this.#pend(updated_at)
  }

  end(summary: object, exitStatus: ExitStatus, finishedAt: Date): RunEnd {
    const { totals = {}, unmapped, targets = [], cut_short: isCut = false } = summary as AnySummary // They are optional.
    for (const [result, images] of Object.entries(totals)) {
      if (NO_RESULTS.has(result)) continue
      const { bytes } = this.#results.get(result) ?? { bytes: 0 }
      // A record that was created without data has a size, and no bytes were copied.
      const copied = result === 'created' ? totals['bytes'] : undefined
      this.#results.set(result, { images, bytes: copied ?? bytes })
    }
    const isTold =
      !isCut && (exitStatus === EXIT_STATUS.done || exitStatus === EXIT_STATUS.differences)
    const sawAll = isTold && ![{ unmapped }, ...targets].some(end => isRefused(end.unmapped))
    return {
      name: this.#name,
      startedAt: this.#startedAt,
      finishedAt,
      exitStatus,
      summary,
      results: this.#results,
      failedImages: this.#failed,
      oldestPending: sawAll ? this.#oldest : undefined,
    }
  }

  #pend(updatedAt: string | null | undefined): void {
    if (this.#oldest === undefined) return
    const changed = new Date(updatedAt ?? 0)
    if (changed.getTime() === 0) {
      this.#oldest = undefined // It may be of any age.
      return
    }
    if (this.#oldest === null || changed < this.#oldest) this.#oldest = changed
  }
}

/** Seconds. */
export function durationOf({ startedAt, finishedAt }: RunEnd): number {
  return (finishedAt.getTime() - startedAt.getTime()) / 1000
}

/** Whether the run made a difference to the target, or found one. */
export function hasChanges({ results, summary }: RunEnd): boolean {
  const { totals = {}, two_way: twoWay = false } = summary as AnySummary // They are optional.
  if ((totals['removal'] ?? 0) > 0) return true
  return [...CHANGED, ...(twoWay ? ['extra'] : [])].some(
    result => (results.get(result)?.images ?? 0) > 0,
  )
}

const CHANGED = ['created', 'updated', 'hidden', 'deactivated', 'deleted', 'missing', 'differs']

/** What a run is counted as. `incomplete`: nothing failed, but the time was over before all was done. */
export function resultOf({ exitStatus }: RunEnd): 'success' | 'incomplete' | 'failure' {
  if (exitStatus === EXIT_STATUS.done) return 'success'
  return exitStatus === EXIT_STATUS.timeOver ? 'incomplete' : 'failure'
}

/** The document of `--summary-file`, which hooks read too. */
export function summaryDocument(end: RunEnd): object {
  const { name, startedAt, finishedAt, exitStatus, summary, failedImages } = end
  return {
    command: name.command,
    job: name.job,
    ...name.ends,
    result: resultOf(end),
    exit_status: exitStatus,
    started_at: startedAt.toISOString(),
    finished_at: finishedAt.toISOString(),
    duration: durationOf(end),
    ...summary,
    failed_images: failedImages,
  }
}
