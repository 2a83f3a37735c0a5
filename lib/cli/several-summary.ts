import type { RefusedField } from '../endpoint/endpoint.ts'
import type { ConcurrencyRow } from './concurrency.ts'
import type { Rate } from './copy-rate.ts'
import type { ErrorRow } from './differences.ts'
import type { Estimate } from './estimate.ts'
import { countOf, printable } from './format.ts'
import type { LossSummary } from './losses.ts'
import type { ShortageRow } from './preflight.ts'
import { describeUnmapped, isRefused, type Unmapped } from './projects.ts'
import type { SelectionSummary } from './selection.ts'
import { countsOf, type ShownTotals } from './transfer-rows.ts'

/** What a run for several targets has come to. */
export interface SeveralSummary extends SelectionSummary {
  readonly dry_run: boolean
  /** Of all targets together: an image counts once for each. */
  readonly totals: ShownTotals
  readonly lost: LossSummary
  /** How fast data was copied to all of them, in this run or the one before; null where nobody knows. */
  readonly rate: Rate | null
  /** How many images were copied at once, as `-j auto` found; null otherwise. */
  readonly concurrency: ConcurrencyRow | null
  /** How long it would take, in a dry run. */
  readonly estimate: Estimate | null
  /** Whether no target has room for what it lacks, so that nothing was done. */
  readonly stopped: boolean
  /** Whether `--max-duration` was over before all was done. */
  readonly cut_short: boolean
  readonly targets: readonly {
    readonly target: string
    readonly totals: ShownTotals
    readonly not_carried: readonly RefusedField[]
    /** What it has too little of; unless it was to go on all the same, it was given up. */
    readonly shortages: readonly ShortageRow[]
    /** Projects of the source for which none of the target is known (`--map-projects`). */
    readonly unmapped: Unmapped | null
    /** Why no image that left the source was removed from it although some should have been. */
    readonly withheld: ErrorRow | null
    /** Why the target was given up. */
    readonly error: ErrorRow | null
  }[]
  /** What ended the run before its end. */
  readonly error: ErrorRow | null
}

/** A line for each target. */
export function describeTargets({ targets, dry_run }: SeveralSummary): readonly string[] {
  const refusals = targets.filter(({ unmapped }) => isRefused(unmapped))
  if (refusals.length > 0) {
    return refusals.map(({ target, unmapped }) => {
      return `${printable(target)}: ${describeUnmapped(unmapped)}`
    })
  }
  const failed = targets.filter(({ error }) => error !== null).length
  return [
    ...targets.map(({ target, totals, error }) => {
      const end = error === null ? '' : ', given up'
      return `${printable(target)}: ${countsOf(totals, dry_run)}${end}`
    }),
    ...(failed > 0 ? [`${countOf(failed, 'target')} of ${targets.length} given up`] : []),
  ]
}

/** What the targets have come to together. */
export function sumOf(totals: readonly ShownTotals[]): ShownTotals {
  return totals.reduce(sum)
}

function sum(one: ShownTotals, other: ShownTotals): ShownTotals {
  return {
    created: one.created + other.created,
    updated: one.updated + other.updated,
    same: one.same + other.same,
    no_data: one.no_data + other.no_data,
    conflict: one.conflict + other.conflict,
    unmapped: one.unmapped + other.unmapped,
    failed: one.failed + other.failed,
    refused: one.refused + other.refused,
    interrupted: one.interrupted + other.interrupted,
    hidden: one.hidden + other.hidden,
    deactivated: one.deactivated + other.deactivated,
    deleted: one.deleted + other.deleted,
    kept: one.kept + other.kept,
    bytes: one.bytes + other.bytes,
  }
}
