import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { isGlanceError, messageOf } from '../errors.ts'
import { withoutCredentials } from '../http/redact.ts'
import { Extras } from '../replicate/extras.ts'
import { planAll } from '../replicate/plan-all.ts'
import { count, NOTHING, type Totals } from '../replicate/report.ts'
import { type PlanningContext, runAll, type TargetEvent } from '../replicate/run-all.ts'
import type { CommandContext } from './command.ts'
import { CopyRate, type Rate } from './copy-rate.ts'
import { type ErrorRow, errorRow, notCarried } from './differences.ts'
import { type Estimate, estimate } from './estimate.ts'
import { countOf, printable } from './format.ts'
import { leftOut } from './fields.ts'
import { LossReport, type LossSummary } from './losses.ts'
import type { ShortageRow } from './preflight.ts'
import { PreflightAll } from './preflight-all.ts'
import {
  describeUnmapped,
  isRefused,
  type MappedProjects,
  mapProjects,
  projectsIn,
  type Unmapped,
} from './projects.ts'
import { orderRemoval } from './removal.ts'
import {
  NOTHING_REMOVED,
  removeDeparted,
  type RemovalOutcome,
  type RemovalRow,
} from './removal-rows.ts'
import { namedTwice, openTarget, type Prepared, type ReplicationOptions } from './replication.ts'
import { selectionSummary, type SelectionSummary } from './selection.ts'
import {
  bytesOf,
  countsOf,
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

/** What became of one image on one of several targets. */
type TargetRow = (TransferRow | RemovalRow) & { readonly target: string }

/** What a run for several targets has come to. */
export interface SeveralSummary extends SelectionSummary {
  readonly dry_run: boolean
  /** Of all targets together: an image counts once for each. */
  readonly totals: ShownTotals
  readonly lost: LossSummary
  /** How fast data was copied to all of them, in this run or the one before; null where nobody knows. */
  readonly rate: Rate | null
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

/** What is known of one target until now. */
interface TargetState {
  /** The target as it was named. */
  readonly address: string
  mapped: MappedProjects | undefined
  totals: Totals
  removed: RemovalOutcome
  /** How many images of the source could not be understood. */
  unreadable: number
  /** How many images it lacks that were to be copied. */
  failed: number
  /** Why it was given up; undefined while it was not. */
  error: unknown
}

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
  const { attempts, concurrency, discardUnfinished, dryRun } = options
  const { selection, fields } = prepared
  await using losses = await LossReport.open(options.lossReport)
  const opened: Endpoint[] = []
  await using _ = { [Symbol.asyncDispose]: async () => await disposeOf(opened) }
  const targets = new Map<Endpoint | string, TargetState>()
  for (const address of addresses) {
    try {
      const target = await openTarget(address, prepared, options, context)
      const where = target.address
      const isTwin = where !== undefined && opened.some(other => other.address === where)
      opened.push(target)
      if (isTwin) throw namedTwice(address, `: it is ${where}`)
      targets.set(target, stateOf(address))
    } catch (error) {
      signal.throwIfAborted()
      if (!isGlanceError(error) || error.code === 'usage') throw error
      log.error(printable(error.message))
      targets.set(address, stateOf(address, error))
    }
  }
  if (opened.length === 0) throw [...targets.values()][0]?.error
  const { removal, provenance } = await orderRemoval(prepared.wish, source, opened, { signal })
  const { metaonly: metadataOnly, strict, onConflict, members } = options
  const planning = { metadataOnly, strict, selection, fields, provenance, onConflict, members }
  const projectsOf = projectsIn(source, options, prepared, context)
  const giveUp = (target: Endpoint, error: unknown) => {
    stateIn(targets, target).error = error
    log.error(`${target.name}: given up: ${printable(messageOf(error))}`)
  }
  for (const target of opened) {
    const state = stateIn(targets, target)
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
  const ready = opened.filter(target => stateIn(targets, target).error === undefined)
  if (ready.length === 0) throw [...targets.values()].at(-1)?.error
  const refused = [...targets.values()].some(({ mapped }) => isRefused(mapped?.unmapped))
  const projects = new Map(
    ready.map(target => [target, stateIn(targets, target).mapped?.map] as const),
  )
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
      if (broken === undefined) stateIn(targets, target).error = preflights.of(target).error
      else giveUp(target, broken)
    }
    going = ready.filter(target => stateIn(targets, target).error === undefined)
  }
  const events =
    going.length === 0
      ? []
      : dryRun
        ? rehearseAll(rounds, preflights, signal)
        : runAll(rounds, source, going, {
            attempts,
            concurrency,
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
      const state = stateIn(targets, event.target)
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
      const state = stateIn(targets, target)
      const found = extras?.get(target)
      if (removal === null || found === undefined || refused || state.error !== undefined) continue
      if (closing.aborted) cutShort = true
      if (closing.aborted || signal.aborted) break
      const { unreadable, failed } = state
      const where = target.name
      const doubts = { extras: found, unreadable, failed }
      const context = { ...doubts, concurrency, dryRun, log, where, closing, signal }
      state.removed = yield* onTarget(target, removeDeparted(source, target, removal, context))
      const { broken } = state.removed
      if (broken !== undefined) giveUp(target, broken)
      cutShort = closing.aborted && (signal.aborted || state.removed.totals.interrupted > 0)
    }
  } catch (error) {
    const isNothing = [...targets.values()].every(({ totals }) => totals === NOTHING)
    if (closing.aborted && error === closing.reason) cutShort = true
    else if (isNothing || !isGlanceError(error)) throw error
    else {
      log.error(printable(error.message))
      broken = error
    }
  }
  for (const target of dryRun ? going : []) {
    const state = stateIn(targets, target)
    if (state.error !== undefined) continue
    await preflights.check(target)
    const broken = preflights.brokenBy(target)
    if (broken === undefined) state.error = preflights.of(target).error
    else giveUp(target, broken)
  }
  const states = [...targets]
  const isAnyLeft = states.some(([, { error }]) => error === undefined)
  const totals = states.map(([, state]) => totalsOf(state)).reduce(sum)
  return {
    dry_run: dryRun,
    totals,
    lost: losses.summary,
    rate: copying.rate,
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

async function disposeOf(endpoints: readonly Endpoint[]): Promise<void> {
  await Promise.all(endpoints.map(async endpoint => await endpoint[Symbol.asyncDispose]()))
}

/** A line for each target. */
function describeTargets({ targets, dry_run }: SeveralSummary): readonly string[] {
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

/** The events of a run in which everything is planned and nothing done. */
async function* rehearseAll(
  rounds: (context: PlanningContext) => ReturnType<typeof planAll>,
  preflights: PreflightAll,
  signal: AbortSignal,
): AsyncGenerator<TargetEvent> {
  const aside: TargetEvent[] = []
  const onBroken = (target: Endpoint, error: unknown) =>
    void aside.push({ type: 'broken', target, error })
  const context: PlanningContext = {
    signal,
    onUnreadable: (target, id, error) =>
      aside.push({ type: 'failed', target, id, step: null, error }),
    onBroken,
  }
  for await (const round of rounds(context)) {
    yield* aside.splice(0)
    for (const each of round) {
      const { step, target } = each
      const foretold = await preflights.foretold(each, onBroken)
      if (foretold === undefined) continue
      preflights.count(each)
      yield { ...planned(step, foretold), target }
    }
  }
  yield* aside
}

function stateOf(address: string, error?: unknown): TargetState {
  return {
    address,
    mapped: undefined,
    totals: NOTHING,
    removed: NOTHING_REMOVED,
    unreadable: 0,
    failed: 0,
    error,
  }
}

/** That of a target that was opened. */
function stateIn(
  states: ReadonlyMap<Endpoint | string, TargetState>,
  target: Endpoint,
): TargetState {
  const state = states.get(target)
  if (state === undefined) throw new TypeError(`${target.name}: not one of the targets`)
  return state
}

function totalsOf({ totals, removed }: TargetState): ShownTotals {
  return shownTotals(totals, removed.totals)
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
