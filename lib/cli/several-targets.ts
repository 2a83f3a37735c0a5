import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { isGlanceError, messageOf } from '../errors.ts'
import { planAll } from '../replicate/plan-all.ts'
import { count, NOTHING, type Totals } from '../replicate/report.ts'
import { type PlanningContext, runAll, type TargetEvent } from '../replicate/run-all.ts'
import type { CommandContext } from './command.ts'
import { type ErrorRow, errorRow, notCarried } from './differences.ts'
import { countOf, printable } from './format.ts'
import { leftOut } from './fields.ts'
import { LossReport, type LossSummary } from './losses.ts'
import { openTarget, type Prepared, type ReplicationOptions } from './replication.ts'
import { selectionSummary, type SelectionSummary } from './selection.ts'
import {
  bytesOf,
  countsOf,
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
interface TargetRow extends TransferRow {
  readonly target: string
}

/** What a run for several targets has come to. */
export interface SeveralSummary extends SelectionSummary {
  readonly dry_run: boolean
  /** Of all targets together: an image counts once for each. */
  readonly totals: ShownTotals
  readonly lost: LossSummary
  /** Whether `--max-duration` was over before all was done. */
  readonly cut_short: boolean
  readonly targets: readonly {
    readonly target: string
    readonly totals: ShownTotals
    readonly not_carried: readonly RefusedField[]
    /** Why the target was given up. */
    readonly error: ErrorRow | null
  }[]
  /** What ended the run before its end. */
  readonly error: ErrorRow | null
}

/** What a command does when it is given more than one target. */
export const several = { replicate: replicateToAll, describe: describeTargets } as const
export type SeveralTargets = typeof several

/**
 * Makes all targets have the images of `source`, whose data is read once; opens and disposes of them. What cannot be
 * opened is told of and left out. @throws {GlanceError} when none of them can be opened, or the source not be listed.
 */
async function* replicateToAll(
  source: Endpoint,
  addresses: readonly string[],
  prepared: Prepared,
  options: ReplicationOptions,
  context: CommandContext,
): AsyncGenerator<TargetRow, SeveralSummary, void> {
  const { log, progress, signal, closing } = context
  const { dryRun } = options
  const { selection, fields } = prepared
  await using losses = await LossReport.open(options.lossReport)
  const opened: Endpoint[] = []
  await using _ = { [Symbol.asyncDispose]: async () => await disposeOf(opened) }
  const targets = new Map<Endpoint | string, { totals: Totals; error: unknown }>()
  for (const address of addresses) {
    try {
      const target = await openTarget(address, prepared, options, context)
      opened.push(target)
      targets.set(target, { totals: NOTHING, error: undefined })
    } catch (error) {
      signal.throwIfAborted()
      if (!isGlanceError(error) || error.code === 'usage') throw error
      log.error(printable(error.message))
      targets.set(address, { totals: NOTHING, error })
    }
  }
  if (opened.length === 0) throw [...targets.values()][0]?.error
  const planning = { metadataOnly: options.metaonly, strict: options.strict, selection, fields }
  const rounds = (planned: PlanningContext) => planAll(source, opened, planning, planned)
  const { attempts, concurrency, discardUnfinished } = options
  const events = dryRun
    ? rehearseAll(rounds, signal)
    : runAll(rounds, source, opened, {
        attempts,
        concurrency,
        discardUnfinished,
        ...prepared.pace,
        closing,
        signal,
        onBytes: total => progress.copied(total),
      })
  let broken: unknown
  let cutShort = false
  try {
    for await (const event of events) {
      const state = targets.get(event.target) ?? { totals: NOTHING, error: undefined }
      if (event.type === 'broken') {
        targets.set(event.target, { ...state, error: event.error })
        log.error(`${event.target.name}: given up: ${printable(messageOf(event.error))}`)
        continue
      }
      targets.set(event.target, { ...state, totals: count(state.totals, event) })
      const where = ` on ${event.target.name}`
      if (event.type === 'planned') progress.expect(1, bytesOf(event.step))
      narrate(event, log, where)
      const row = rowOf(event, dryRun)
      if (row === undefined) continue
      if (event.step?.action === 'create' || event.step?.action === 'update') progress.finish()
      tell(row, log, where)
      const told = { ...row, target: event.target.name }
      if (isSettled(event, row)) await losses.add(told, row.lost)
      yield told
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
  const states = [...targets]
  const isAnyLeft = states.some(([, { error }]) => error === undefined)
  return {
    dry_run: dryRun,
    totals: shownTotals(states.map(([, { totals }]) => totals).reduce(sum, NOTHING)),
    lost: losses.summary,
    cut_short: cutShort,
    targets: states.map(([target, { totals, error }]) => ({
      target: typeof target === 'string' ? target : target.name,
      totals: shownTotals(totals),
      not_carried: typeof target === 'string' ? [] : notCarried(target, leftOut(options, fields)),
      error: error === undefined ? null : errorRow(error),
    })),
    error: broken === undefined ? null : errorRow(broken),
    // Of a listing that was not read to its end nobody knows what is not in it.
    ...(broken === undefined && !cutShort && !signal.aborted && isAnyLeft
      ? selectionSummary(selection, options, log)
      : {}),
  }
}

async function disposeOf(endpoints: readonly Endpoint[]): Promise<void> {
  await Promise.all(endpoints.map(async endpoint => await endpoint[Symbol.asyncDispose]()))
}

/** A line for each target. */
function describeTargets({ targets, dry_run }: SeveralSummary): readonly string[] {
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
  signal: AbortSignal,
): AsyncGenerator<TargetEvent> {
  const aside: TargetEvent[] = []
  const context: PlanningContext = {
    signal,
    onUnreadable: (target, id, error) =>
      aside.push({ type: 'failed', target, id, step: null, error }),
    onBroken: (target, error) => aside.push({ type: 'broken', target, error }),
  }
  for await (const round of rounds(context)) {
    yield* aside.splice(0)
    for (const { step, target } of round) yield { ...planned(step), target }
  }
  yield* aside
}

function sum(one: Totals, other: Totals): Totals {
  return {
    created: one.created + other.created,
    updated: one.updated + other.updated,
    same: one.same + other.same,
    noData: one.noData + other.noData,
    failed: one.failed + other.failed,
    refused: one.refused + other.refused,
    interrupted: one.interrupted + other.interrupted,
    bytes: one.bytes + other.bytes,
  }
}
