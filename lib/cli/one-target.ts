import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import { Extras } from '../replicate/extras.ts'
import type { IdMap } from '../replicate/id-map.ts'
import { renumbered } from '../replicate/renumber.ts'
import { count, NOTHING } from '../replicate/report.ts'
import { carryOut, rehearse } from './carry-out.ts'
import type { CommandContext } from './command.ts'
import { type ErrorRow, errorRow, notCarried } from './differences.ts'
import { leftOut } from './fields.ts'
import { printable } from './format.ts'
import { LossReport, type LossSummary } from './losses.ts'
import { isRefused, mapProjects, type Unmapped } from './projects.ts'
import { orderRemoval } from './removal.ts'
import { NOTHING_REMOVED, removeDeparted, type RemovalRow } from './removal-rows.ts'
import type { Prepared, ReplicationOptions } from './replication.ts'
import { selectionSummary, type SelectionSummary } from './selection.ts'
import {
  bytesOf,
  isCopyMissing,
  isSettled,
  narrate,
  rowOf,
  type ShownTotals,
  shownTotals,
  tell,
  type TransferRow,
} from './transfer-rows.ts'

export interface TransferSummary extends SelectionSummary {
  readonly dry_run: boolean
  readonly totals: ShownTotals
  /** What is never carried to this target, and why. */
  readonly not_carried: readonly RefusedField[]
  readonly lost: LossSummary
  /** Projects of the source for which none of the target is known (`--map-projects`). */
  readonly unmapped: Unmapped | null
  /** Why no image that left the source was removed although some should have been. */
  readonly withheld: ErrorRow | null
  /** Whether `--max-duration` was over before all was done. */
  readonly cut_short: boolean
  /** What ended the run before its end. */
  readonly error: ErrorRow | null
}

/** What options mean for the one target. */
interface PreparedForOne extends Prepared {
  /** The target as it was named. */
  readonly to: string
  readonly ids: IdMap | undefined
}

/** Makes `target` have the images of `source`, or in a dry run tells what that would take; logs each image. */
export async function* replicateToOne(
  source: Endpoint,
  target: Endpoint,
  prepared: PreparedForOne,
  options: ReplicationOptions,
  context: CommandContext,
): AsyncGenerator<TransferRow | RemovalRow, TransferSummary, void> {
  const { log, progress, signal, closing } = context
  const { selection, fields, pace, wish, from, to, ids } = prepared
  const { removal, provenance } = await orderRemoval(wish, source, [target], { signal })
  const ends = { source, target, addresses: { source: from, target: to } }
  const mapped = await mapProjects(options, ends, prepared, context)
  const { metaonly: metadataOnly, strict, onConflict, members } = options
  const projects = mapped?.map
  const mapping = { onConflict, ids, projects, members }
  const planning = { metadataOnly, strict, selection, fields, provenance, ...mapping }
  const extras = removal === null ? undefined : new Extras(removal.copiesFrom)
  await using losses = await LossReport.open(options.lossReport)
  const { attempts, concurrency, discardUnfinished, dryRun } = options
  const refused = isRefused(mapped?.unmapped)
  const events = refused
    ? []
    : dryRun
      ? rehearse(source, target, planning, { extras, signal })
      : carryOut(source, target, planning, {
          attempts,
          concurrency,
          discardUnfinished,
          ...pace,
          extras,
          closing,
          signal,
          onBytes: total => progress.copied(total),
          onNote: note => log.warning(printable(note)),
        })
  let totals = NOTHING
  let removed = NOTHING_REMOVED
  let unreadable = 0
  let failed = 0
  let broken: unknown
  let cutShort = false
  try {
    for await (const event of events) {
      totals = count(totals, event)
      if (event.type === 'failed' && event.step === null) unreadable += 1
      if (isCopyMissing(event)) failed += 1
      if (event.type === 'planned') progress.expect(1, bytesOf(event.step))
      narrate(event, log, { ids })
      const row = rowOf(event, dryRun, ids)
      if (row === undefined) continue
      if (event.step?.action === 'create' || event.step?.action === 'update') progress.finish()
      tell(row, event, log)
      if (isSettled(event, row)) await losses.add(row, row.lost)
      yield row
    }
    if (removal !== null && extras !== undefined && !signal.aborted && !refused) {
      if (closing.aborted) cutShort = true
      else {
        const origin = ids === undefined ? source : renumbered(source, ids)
        const doubts = { extras, unreadable, failed }
        const around = { ...doubts, concurrency, dryRun, log, closing, signal }
        removed = yield* removeDeparted(origin, target, removal, around)
        if (removed.broken !== undefined) throw removed.broken
        cutShort = closing.aborted && (signal.aborted || removed.totals.interrupted > 0)
      }
    }
  } catch (error) {
    if (closing.aborted && error === closing.reason) cutShort = true
    // What was done until then is told; where that is nothing, there is only the error to tell.
    else if ((totals === NOTHING && removed === NOTHING_REMOVED) || !isGlanceError(error))
      throw error
    else {
      log.error(printable(error.message))
      broken = error
    }
  }
  return {
    dry_run: dryRun,
    totals: shownTotals(totals, removed.totals),
    not_carried: notCarried(target, leftOut(options, fields)),
    lost: losses.summary,
    unmapped: mapped?.unmapped ?? null,
    withheld: removed.withheld,
    cut_short: cutShort,
    error: broken === undefined ? null : errorRow(broken),
    // Of a listing that was not read to its end nobody knows what is not in it.
    ...(broken === undefined && !cutShort && !signal.aborted && !refused
      ? selectionSummary(selection, options, log)
      : {}),
  }
}
