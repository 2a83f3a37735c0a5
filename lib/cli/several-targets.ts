import type { Endpoint } from '../endpoint/endpoint.ts'
import { isGlanceError, messageOf } from '../errors.ts'
import { withoutCredentials } from '../http/redact.ts'
import { Extras } from '../replicate/extras.ts'
import { planAll } from '../replicate/plan-all.ts'
import { count, NOTHING } from '../replicate/report.ts'
import { type PlanningContext, runAll } from '../replicate/run-all.ts'
import type { CommandContext } from './command.ts'
import { Concurrency } from './concurrency.ts'
import { CopyRate } from './copy-rate.ts'
import { errorRow, notCarried } from './differences.ts'
import { estimate } from './estimate.ts'
import { leftOut } from './fields.ts'
import { printable } from './format.ts'
import { LossReport } from './losses.ts'
import { atOnceOf } from './options.ts'
import { PreflightAll } from './preflight-all.ts'
import { isRefused, mapProjects, projectsIn } from './projects.ts'
import { rehearseAll } from './rehearse-all.ts'
import { orderRemoval } from './removal.ts'
import {
  NOTHING_REMOVED,
  removeDeparted,
  type RemovalOutcome,
  type RemovalRow,
} from './removal-rows.ts'
import type { Prepared, ReplicationOptions } from './replication.ts'
import { selectionSummary } from './selection.ts'
import { describeTargets, type SeveralSummary, sumOf } from './several-summary.ts'
import { Targets, totalsOf } from './target-states.ts'
import {
  bytesOf,
  isCopyMissing,
  isSettled,
  narrate,
  rowOf,
  tell,
  type TransferRow,
} from './transfer-rows.ts'

/** What became of one image on one of several targets. */
type TargetRow = (TransferRow | RemovalRow) & { readonly target: string }

/** What a command does when it is given more than one target. */
export const several = { replicate: replicateToAll, describe: describeTargets } as const
export type SeveralTargets = typeof several

/**
 * Makes all targets have the images of `source`, whose data is read once; opens and disposes of them. What cannot be
 * opened is told of and left out. Images that left the source are removed from one target after the other, where that is
 * wanted, but from none that was given up. @throws {GlanceError} when none of them can be opened, or the source not be
 * listed.
 */
async function* replicateToAll(
  source: Endpoint,
  addresses: readonly string[],
  prepared: Prepared,
  options: ReplicationOptions,
  context: CommandContext,
): AsyncGenerator<TargetRow, SeveralSummary, void> {
  const { log, progress, signal, closing, program } = context
  const { attempts, discardUnfinished, dryRun } = options
  const concurrency = new Concurrency(options, log)
  const { selection, fields } = prepared
  await using losses = await LossReport.open(options.lossReport)
  await using targets = await Targets.open(addresses, prepared, options, context)
  const { opened } = targets
  const { removal, provenance } = await orderRemoval(prepared.wish, source, opened, { signal })
  const { metaonly: metadataOnly, strict, onConflict, members } = options
  const planning = { metadataOnly, strict, selection, fields, provenance, onConflict, members }
  const projectsOf = projectsIn(source, options, prepared, context)
  const giveUp = (target: Endpoint, error: unknown) => {
    targets.of(target).error = error
    log.error(`${target.name}: given up: ${printable(messageOf(error))}`)
  }
  for (const target of opened) {
    const state = targets.of(target)
    const addresses = { source: prepared.from, target: state.address }
    const ends = { target, projectsOf, addresses, where: `${target.name}: ` }
    try {
      state.mapped = await mapProjects(options, ends, fields, context)
    } catch (error) {
      signal.throwIfAborted()
      if (!isGlanceError(error) || error.code === 'usage') throw error
      giveUp(target, error)
    }
  }
  const ready = targets.left
  if (ready.length === 0) throw targets.states.at(-1)?.[1].error
  const refused = targets.states.some(([, { mapped }]) => isRefused(mapped?.unmapped))
  const projects = new Map(ready.map(target => [target, targets.of(target).mapped?.map] as const))
  const extras =
    removal === null
      ? undefined
      : new Map(ready.map(target => [target, new Extras(removal.copiesFrom)]))
  const preflights = new PreflightAll(opened, options, { log, signal })
  let going: readonly Endpoint[] = refused ? [] : ready
  const rounds = (context: PlanningContext) =>
    preflights.screened(
      planAll(source, going, planning, { ...context, extras, projects }),
      context.onBroken,
    )
  if (!dryRun && !refused) {
    const untold = { onUnreadable: () => {}, onBroken: () => {}, signal, projects }
    const all = () => planAll(source, ready, { ...planning, members: false }, untold)
    await preflights.checkAll(source, all).catch((error: unknown) => {
      if (!signal.aborted) throw error // The run ends by itself then.
    })
    for (const target of ready) {
      const broken = preflights.brokenBy(target)
      if (broken === undefined) targets.of(target).error = preflights.of(target).error
      else giveUp(target, broken)
    }
    going = targets.left
  }
  const events =
    going.length === 0
      ? []
      : dryRun
        ? rehearseAll(rounds, preflights, signal)
        : runAll(rounds, source, going, {
            attempts,
            ...concurrency.options,
            mostAtOnce: Math.min(...going.map(target => preflights.of(target).mostAtOnce ?? 64)),
            discardUnfinished,
            skipTaken: onConflict === 'skip',
            ...prepared.pace,
            closing,
            signal,
            onBytes: total => progress.copied(total),
            onNote: note => log.warning(printable(note)),
          })
  const now = () => program.clock.now()
  const copying = new CopyRate(prepared.known.rate, now)
  let broken: unknown
  let cutShort = false
  try {
    for await (const event of events) {
      const state = targets.of(event.target)
      if (event.type === 'broken') {
        giveUp(event.target, event.error)
        continue
      }
      state.totals = count(state.totals, event)
      if (!dryRun) copying.note(event)
      if (event.type === 'failed' && event.step === null) state.unreadable += 1
      if (isCopyMissing(event)) state.failed += 1
      const where = ` on ${event.target.name}`
      if (event.type === 'planned') progress.expect(1, bytesOf(event.step))
      narrate(event, log, { where })
      const row = rowOf(event, dryRun)
      if (row === undefined) continue
      if (event.step?.action === 'create' || event.step?.action === 'update') progress.finish()
      tell(row, event, log, where)
      const told = { ...row, target: event.target.name }
      if (isSettled(event, row)) await losses.add(told, row.lost)
      yield told
    }
    for (const target of ready) {
      const state = targets.of(target)
      const found = extras?.get(target)
      if (removal === null || found === undefined || refused || state.error !== undefined) continue
      if (closing.aborted) cutShort = true
      if (closing.aborted || signal.aborted) break
      const { unreadable, failed } = state
      const where = target.name
      const doubts = { extras: found, unreadable, failed }
      const atOnce = atOnceOf(options)
      const how = { concurrency: atOnce, dryRun, closing, signal }
      const context = { ...doubts, ...how, log, where }
      state.removed = yield* onTarget(target, removeDeparted(source, target, removal, context))
      const { broken } = state.removed
      if (broken !== undefined) giveUp(target, broken)
      cutShort = closing.aborted && (signal.aborted || state.removed.totals.interrupted > 0)
    }
  } catch (error) {
    const isNothing = targets.states.every(([, { totals }]) => totals === NOTHING)
    if (closing.aborted && error === closing.reason) cutShort = true
    else if (isNothing || !isGlanceError(error)) throw error
    else {
      log.error(printable(error.message))
      broken = error
    }
  }
  for (const target of dryRun ? going : []) {
    const state = targets.of(target)
    if (state.error !== undefined) continue
    await preflights.check(target)
    const broken = preflights.brokenBy(target)
    if (broken === undefined) state.error = preflights.of(target).error
    else giveUp(target, broken)
  }
  const { states } = targets
  const isAnyLeft = states.some(([, { error }]) => error === undefined)
  const totals = sumOf(states.map(([, state]) => totalsOf(state)))
  return {
    dry_run: dryRun,
    totals,
    lost: losses.summary,
    rate: copying.rate,
    concurrency: concurrency.row(dryRun),
    estimate: dryRun ? estimate(totals.bytes, { ...prepared.known, now: now() }) : null,
    stopped: !refused && ready.every(target => preflights.of(target).stops),
    cut_short: cutShort,
    targets: states.map(([target, state]) => ({
      target: typeof target === 'string' ? withoutCredentials(target) : target.name,
      totals: totalsOf(state),
      not_carried: typeof target === 'string' ? [] : notCarried(target, leftOut(options, fields)),
      shortages: typeof target === 'string' ? [] : preflights.of(target).shortages,
      unmapped: state.mapped?.unmapped ?? null,
      withheld: state.removed.withheld,
      error: state.error === undefined ? null : errorRow(state.error),
    })),
    error: broken === undefined ? null : errorRow(broken),
    // Of a listing that was not read to its end nobody knows what is not in it.
    ...(broken === undefined && !cutShort && !signal.aborted && isAnyLeft && !refused
      ? selectionSummary(selection, options, log)
      : {}),
  }
}

/** The rows, with the target that they are of. */
async function* onTarget(
  { name }: Endpoint,
  rows: AsyncGenerator<RemovalRow, RemovalOutcome>,
): AsyncGenerator<TargetRow, RemovalOutcome> {
  try {
    for (;;) {
      const next = await rows.next()
      if (next.done === true) return next.value
      yield { ...next.value, target: name }
    }
  } finally {
    await rows.return(NOTHING_REMOVED) // Of use where nobody wants more.
  }
}
