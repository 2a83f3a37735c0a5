import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import { Extras } from '../replicate/extras.ts'
import type { IdMap } from '../replicate/id-map.ts'
import { plan } from '../replicate/plan.ts'
import type { Removal, RemovalPlan } from '../replicate/removal.ts'
import { count, NOTHING } from '../replicate/report.ts'
import { renumbered } from '../replicate/renumber.ts'
import type { RunOptions } from '../replicate/run.ts'
import { carryOut, rehearse, type Steps } from './carry-out.ts'
import type { CommandContext } from './command.ts'
import { Concurrency, type ConcurrencyRow } from './concurrency.ts'
import { CopyRate, type Rate } from './copy-rate.ts'
import { type ErrorRow, errorRow, notCarried } from './differences.ts'
import { type Estimate, estimate } from './estimate.ts'
import { leftOut } from './fields.ts'
import { printable } from './format.ts'
import { LossReport, type LossSummary } from './losses.ts'
import { atOnceOf } from './options.ts'
import { type PlanWriter, savingPlan } from './plan-writer.ts'
import { Preflight, type ShortageRow } from './preflight.ts'
import { isRefused, mapProjects, projectsIn, type Unmapped } from './projects.ts'
import { orderRemoval } from './removal.ts'
import {
  NOTHING_REMOVED,
  removeDeparted,
  type RemovalRow,
  type RemovalRunOptions,
} from './removal-rows.ts'
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
  /** How fast data was copied, in this run or the one before; null where nobody knows. */
  readonly rate: Rate | null
  /** How many images were copied at once, as `-j auto` found; null otherwise. */
  readonly concurrency: ConcurrencyRow | null
  /** How long it would take, in a dry run. */
  readonly estimate: Estimate | null
  /** What the target has too little of; unless it was to go on all the same, nothing was done then. */
  readonly shortages: readonly ShortageRow[]
  /** Whether that is why. */
  readonly stopped: boolean
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

/** What is to be done to a target, and what is to be told of it. */
export interface Task {
  readonly steps: Steps
  /** The same, as far as it has to be known how much that is. Default: the steps. */
  readonly counted?: Steps
  readonly recheck?: RunOptions['recheck']
  readonly removal: Removal | null
  /** How images are removed, once all else is done. Default: those that are found to have left the source. */
  readonly removing?: (
    origin: Endpoint,
    removal: Removal,
    options: RemovalRunOptions,
  ) => ReturnType<typeof removeDeparted>
  /** Where what is planned is written down, which is of use in a dry run. */
  readonly saving?: PlanWriter | undefined
  readonly ids: IdMap | undefined
  readonly unmapped: Unmapped | null
}

/** Makes `target` have the images of `source`, or in a dry run tells what that would take; logs each image. */
export async function* replicateToOne(
  source: Endpoint,
  target: Endpoint,
  prepared: PreparedForOne,
  options: ReplicationOptions,
  context: CommandContext,
): AsyncGenerator<TransferRow | RemovalRow, TransferSummary, void> {
  const { selection, fields, wish, from, to, ids } = prepared
  const { signal } = context
  const { removal, provenance } = await orderRemoval(wish, source, [target], { signal })
  const projectsOf = projectsIn(source, options, prepared, context)
  const ends = { source, target, projectsOf, addresses: { source: from, target: to } }
  const mapped = await mapProjects(options, ends, fields, context)
  const { metaonly: metadataOnly, strict, onConflict, members } = options
  const projects = mapped?.map
  const mapping = { onConflict, ids, projects, members }
  const planning = { metadataOnly, strict, selection, fields, provenance, ...mapping }
  await using saving = await savingPlan(options, ends, {
    removal,
    command: prepared.command,
    now: context.program.clock.now(),
    signal,
  })
  const task: Task = {
    saving,
    steps: context => plan(source, target, planning, context),
    counted: context => plan(source, target, { ...planning, members: false }, context),
    removal,
    ids,
    unmapped: mapped?.unmapped ?? null,
  }
  return yield* perform(source, target, task, prepared, options, context)
}

/** Does to `target` what is planned, or in a dry run tells of it; logs each image. */
export async function* perform(
  source: Endpoint,
  target: Endpoint,
  task: Task,
  { selection, fields, pace, known }: Prepared,
  options: ReplicationOptions,
  { log, progress, signal, closing, program }: CommandContext,
): AsyncGenerator<TransferRow | RemovalRow, TransferSummary, void> {
  const { steps, counted = steps, recheck, removal, saving, ids, unmapped } = task
  const extras = removal === null ? undefined : new Extras(removal.copiesFrom)
  await using losses = await LossReport.open(options.lossReport)
  const { attempts, discardUnfinished, dryRun, onConflict } = options
  const concurrency = new Concurrency(options, log)
  const preflight = new Preflight(target, options, { log, signal })
  const screened: Steps = context => preflight.screened(steps(context))
  const refused = isRefused(unmapped)
  if (!dryRun && !refused) {
    const all = () => preflight.screened(counted({ onUnreadable: () => {}, signal }))
    await preflight.checkAll(source, all).catch((error: unknown) => {
      if (!signal.aborted) throw error // The run ends by itself then.
    })
  }
  const isStopped = refused || preflight.stops
  const events = isStopped
    ? []
    : dryRun
      ? rehearse(screened, preflight, { extras, recheck, signal, onPair: saving?.onPair })
      : carryOut(source, target, screened, {
          extras,
          ids,
          onConflict,
          isLeftOut: name => fields.leavesOut(name) || fields.decides(name),
          recheck,
          attempts,
          ...concurrency.options,
          mostAtOnce: preflight.mostAtOnce,
          discardUnfinished,
          ...pace,
          closing,
          signal,
          onBytes: total => progress.copied(total),
          onNote: note => log.warning(printable(note)),
        })
  const now = () => program.clock.now()
  const copying = new CopyRate(known.rate, now)
  let totals = NOTHING
  let removed = NOTHING_REMOVED
  let unreadable = 0
  let failed = 0
  let broken: unknown
  let cutShort = false
  try {
    for await (const event of events) {
      totals = count(totals, event)
      if (!dryRun) copying.note(event)
      if (event.type === 'failed' && event.step === null) unreadable += 1
      if (isCopyMissing(event)) failed += 1
      if (event.type === 'planned') progress.expect(1, bytesOf(event.step))
      narrate(event, log, { ids })
      const row = rowOf(event, dryRun, ids)
      if (row === undefined) continue
      if (event.step?.action === 'create' || event.step?.action === 'update') progress.finish()
      tell(row, event, log)
      if (isSettled(event, row)) await losses.add(row, row.lost)
      if (event.type === 'finished') await saving?.step(event.step)
      yield row
    }
    if (removal !== null && extras !== undefined && !signal.aborted && !isStopped) {
      if (closing.aborted) cutShort = true
      else {
        const origin = ids === undefined ? source : renumbered(source, ids)
        const doubts = { extras, unreadable, failed }
        const onPlanned = async (plan: RemovalPlan) => await saving?.removals(plan)
        const atOnce = atOnceOf(options)
        const how = { concurrency: atOnce, dryRun, onPlanned, closing, signal }
        const around = { ...doubts, ...how, log }
        removed = yield* (
          task.removing?.(origin, removal, around) ??
          removeDeparted(origin, target, removal, around)
        )
        if (removed.broken !== undefined) throw removed.broken
        cutShort = closing.aborted && (signal.aborted || removed.totals.interrupted > 0)
      }
    }
    if (!signal.aborted && !refused && !cutShort) await saving?.commit(extras)
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
    unmapped,
    rate: copying.rate,
    concurrency: concurrency.row(dryRun),
    estimate: dryRun ? estimate(totals.bytes, { ...known, now: now() }) : null,
    shortages: preflight.shortages,
    stopped: preflight.stops,
    withheld: removed.withheld,
    cut_short: cutShort,
    error: broken === undefined ? null : errorRow(broken),
    // Of a listing that was not read to its end nobody knows what is not in it.
    ...(broken === undefined && !cutShort && !signal.aborted && !isStopped
      ? selectionSummary(selection, options, log)
      : {}),
  }
}
