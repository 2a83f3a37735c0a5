import type { Options, PositionalOptions } from 'yargs'
import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { plan } from '../replicate/plan.ts'
import { count, NOTHING } from '../replicate/report.ts'
import { run, type RunOptions, type TransferEvent } from '../replicate/run.ts'
import { RateLimit } from '../stream/limit-rate.ts'
import { parseBandwidth } from './bandwidth.ts'
import type { Command, CommandContext } from './command.ts'
import { describeNotCarried, type ErrorRow, errorRow, notCarried } from './differences.ts'
import { EXIT_STATUS } from './exit-status.ts'
import { printable } from './format.ts'
import { describeLosses, LossReport, type LossSummary } from './losses.ts'
import {
  type ApiOptions,
  ENDPOINT,
  type EndpointOptions,
  parseFieldNames,
  PLAN,
  type PlanOptions,
  TRANSFER,
  type TransferOptions,
} from './options.ts'
import type { SeveralSummary, SeveralTargets } from './several-targets.ts'
import { PACE, type PaceOptions, parseOrder, type ViaOptions } from './transfer-options.ts'
import {
  bytesOf,
  countsOf,
  narrate,
  planned,
  rowOf,
  type ShownTotals,
  shownTotals,
  tell,
  type TransferRow,
} from './transfer-rows.ts'

export interface ReplicationOptions
  extends EndpointOptions, ApiOptions, PlanOptions, TransferOptions, PaceOptions, ViaOptions {}

export interface TransferSummary {
  readonly dry_run: boolean
  readonly totals: ShownTotals
  /** What is never carried to this target, and why. */
  readonly not_carried: readonly RefusedField[]
  readonly lost: LossSummary
  /** What ended the run before its end. */
  readonly error: ErrorRow | null
}

/** What options mean, found out before anything is asked of anybody. */
export interface Prepared {
  readonly leaveOut: ReadonlySet<string>
  readonly pace: Pick<RunOptions, 'bandwidth' | 'checkers' | 'order' | 'via'>
}

function paceOf({ bandwidth, checkers, order, via }: PaceOptions & ViaOptions): Prepared['pace'] {
  const rateAt = bandwidth === undefined ? undefined : parseBandwidth(bandwidth)
  return {
    checkers,
    via,
    order: parseOrder(order),
    bandwidth: rateAt === undefined ? undefined : new RateLimit(() => rateAt(new Date())),
  }
}

/** Makes `target` have the images of `source`, or in a dry run tells what that would take; logs each image. */
async function* replicate(
  source: Endpoint,
  target: Endpoint,
  { leaveOut, pace }: Prepared,
  options: ReplicationOptions,
  { log, progress, signal }: CommandContext,
): AsyncGenerator<TransferRow, TransferSummary, void> {
  const planning = { metadataOnly: options.metaonly, strict: options.strict, leaveOut }
  await using losses = await LossReport.open(options.lossReport)
  const { attempts, concurrency, discardUnfinished, dryRun } = options
  const events = dryRun
    ? rehearse(source, target, planning, signal)
    : run(
        (onUnreadable, signal) => plan(source, target, planning, { onUnreadable, signal }),
        source,
        target,
        {
          attempts,
          concurrency,
          discardUnfinished,
          ...pace,
          signal,
          onBytes: total => progress.copied(total),
        },
      )
  let totals = NOTHING
  let broken: unknown
  try {
    for await (const event of events) {
      totals = count(totals, event)
      if (event.type === 'planned') progress.expect(1, bytesOf(event.step))
      narrate(event, log)
      const row = rowOf(event, dryRun)
      if (row === undefined) continue
      if (event.step?.action === 'create' || event.step?.action === 'update') progress.finish()
      tell(row, log)
      if (row.error === null && row.result !== 'interrupted') await losses.add(row, row.lost)
      yield row
    }
  } catch (error) {
    // What was done until then is told; where that is nothing, there is only the error to tell.
    if (totals === NOTHING || !isGlanceError(error)) throw error
    log.error(printable(error.message))
    broken = error
  }
  return {
    dry_run: dryRun,
    totals: shownTotals(totals),
    not_carried: notCarried(target, leaveOut),
    lost: losses.summary,
    error: broken === undefined ? null : errorRow(broken),
  }
}

/** How one of the commands that replicate differs from the others. */
interface Replication<P extends string> {
  readonly name: string
  readonly summary: string
  readonly positionals: Readonly<Record<P, PositionalOptions>>
  /** Those that only some of the commands have. */
  readonly options: Readonly<Record<string, Options>>
  /** For the command that takes several targets. */
  readonly several?: SeveralTargets
  /** The addresses of the ends. */
  ends(options: Ends<P>): { readonly source: string; readonly targets: readonly string[] }
}

/** What stands at the places of the command line; a list where there may be several. */
type Ends<P extends string> = Readonly<Record<P, string | readonly string[]>>

export function replicationCommand<P extends string>({
  name,
  summary,
  positionals,
  options,
  several,
  ends,
}: Replication<P>): Command<
  ReplicationOptions & Ends<P>,
  TransferRow,
  TransferSummary | SeveralSummary
> {
  return {
    name,
    summary,
    positionals,
    options: { ...TRANSFER, ...PACE, ...PLAN, ...options, ...ENDPOINT },
    async *run(options, context) {
      const { source: address, targets } = ends(options)
      const again = targets.find((one, i) => targets.indexOf(one) !== i)
      if (again !== undefined)
        throw new GlanceError('usage', `'${again}' is named as a target twice`)
      const prepared = { leaveOut: parseFieldNames(options.dontreplicate), pace: paceOf(options) }
      await using source = await context.open(address, 'source')
      if (several !== undefined && targets.length > 1) {
        return yield* several.replicate(source, targets, prepared, options, context)
      }
      await using target = await context.open(targets[0] ?? '', 'target', {
        writable: !options.dryRun,
      })
      return yield* replicate(source, target, prepared, options, context)
    },
    exitStatus: summary => {
      const { totals, error } = summary
      const targets = 'targets' in summary ? summary.targets : []
      const lost = targets.filter(({ error }) => error !== null).length
      if (error !== null || (lost > 0 && lost === targets.length)) return EXIT_STATUS.endpoint
      return totals.failed + totals.refused + lost > 0 ? EXIT_STATUS.differences : EXIT_STATUS.done
    },
    views: {
      row: () => undefined,
      summary: (summary, options) => summaryLine(summary, options, several),
    },
  }
}

function summaryLine(
  summary: TransferSummary | SeveralSummary,
  { verbose, lossReport }: ReplicationOptions,
  several: SeveralTargets | undefined,
): string {
  const losses = describeLosses(summary.lost, lossReport)
  const lines =
    'targets' in summary
      ? (several?.describe(summary) ?? [])
      : [
          ...(verbose ? describeNotCarried(summary.not_carried) : []),
          countsOf(summary.totals, summary.dry_run),
        ]
  return [...lines, ...(losses === undefined ? [] : [losses])].join('\n')
}

/** The events of a run in which everything is planned and nothing done. */
async function* rehearse(
  source: Endpoint,
  target: Endpoint,
  planning: Parameters<typeof plan>[2],
  signal: AbortSignal,
): AsyncGenerator<TransferEvent> {
  const unreadable: TransferEvent[] = []
  const onUnreadable = (id: string, error: unknown) => {
    unreadable.push({ type: 'failed', id, step: null, error })
  }
  for await (const step of plan(source, target, planning, { onUnreadable, signal })) {
    yield* unreadable.splice(0)
    yield planned(step)
  }
  yield* unreadable
}
