import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import { Extras } from '../replicate/extras.ts'
import { plan, type PlanContext } from '../replicate/plan.ts'
import { count, NOTHING } from '../replicate/report.ts'
import { run, type TransferEvent } from '../replicate/run.ts'
import type { CommandContext } from './command.ts'
import { type ErrorRow, errorRow, notCarried } from './differences.ts'
import { leftOut } from './fields.ts'
import { printable } from './format.ts'
import { LossReport, type LossSummary } from './losses.ts'
import { orderRemoval } from './removal.ts'
import { NOTHING_REMOVED, removeDeparted, type RemovalRow } from './removal-rows.ts'
import type { Prepared, ReplicationOptions } from './replication.ts'
import { selectionSummary, type SelectionSummary } from './selection.ts'
import {
  bytesOf,
  isCopyMissing,
  isSettled,
  narrate,
  planned,
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
  /** Why no image that left the source was removed although some should have been. */
  readonly withheld: ErrorRow | null
  /** Whether `--max-duration` was over before all was done. */
  readonly cut_short: boolean
  /** What ended the run before its end. */
  readonly error: ErrorRow | null
}

/** Makes `target` have the images of `source`, or in a dry run tells what that would take; logs each image. */
export async function* replicateToOne(
  source: Endpoint,
  target: Endpoint,
  { selection, fields, pace, wish }: Prepared,
  options: ReplicationOptions,
  { log, progress, signal, closing }: CommandContext,
): AsyncGenerator<TransferRow | RemovalRow, TransferSummary, void> {
  const { removal, provenance } = await orderRemoval(wish, source, [target], { signal })
  const { metaonly: metadataOnly, strict } = options
  const planning = { metadataOnly, strict, selection, fields, provenance }
  const extras = removal === null ? undefined : new Extras(removal.copiesFrom)
  await using losses = await LossReport.open(options.lossReport)
  const { attempts, concurrency, discardUnfinished, dryRun } = options
  const events = dryRun
    ? rehearse(source, target, planning, { extras, signal })
    : run(
        (onUnreadable, signal) => plan(source, target, planning, { extras, onUnreadable, signal }),
        source,
        target,
        {
          attempts,
          concurrency,
          discardUnfinished,
          ...pace,
          closing,
          signal,
          onBytes: total => progress.copied(total),
        },
      )
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
      narrate(event, log)
      const row = rowOf(event, dryRun)
      if (row === undefined) continue
      if (event.step?.action === 'create' || event.step?.action === 'update') progress.finish()
      tell(row, log)
      if (isSettled(event, row)) await losses.add(row, row.lost)
      yield row
    }
    if (removal !== null && extras !== undefined && !signal.aborted) {
      if (closing.aborted) cutShort = true
      else {
        const context = { extras, unreadable, failed, concurrency, dryRun, log, closing, signal }
        removed = yield* removeDeparted(source, target, removal, context)
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
    withheld: removed.withheld,
    cut_short: cutShort,
    error: broken === undefined ? null : errorRow(broken),
    // Of a listing that was not read to its end nobody knows what is not in it.
    ...(broken === undefined && !cutShort && !signal.aborted
      ? selectionSummary(selection, options, log)
      : {}),
  }
}

/** The events of a run in which everything is planned and nothing done. */
async function* rehearse(
  source: Endpoint,
  target: Endpoint,
  planning: Parameters<typeof plan>[2],
  context: Pick<PlanContext, 'extras' | 'signal'>,
): AsyncGenerator<TransferEvent> {
  const unreadable: TransferEvent[] = []
  const onUnreadable = (id: string, error: unknown) => {
    unreadable.push({ type: 'failed', id, step: null, error })
  }
  for await (const step of plan(source, target, planning, { ...context, onUnreadable })) {
    yield* unreadable.splice(0)
    yield planned(step)
  }
  yield* unreadable
}
