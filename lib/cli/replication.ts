import type { Options, PositionalOptions } from 'yargs'
import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { MemoryEndpoint } from '../endpoint/memory.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { FieldRules } from '../replicate/fields.ts'
import { plan } from '../replicate/plan.ts'
import { count, NOTHING } from '../replicate/report.ts'
import { run, type RunOptions, type TransferEvent } from '../replicate/run.ts'
import type { Selection } from '../replicate/select.ts'
import { RateLimit } from '../stream/limit-rate.ts'
import { parseBandwidth } from './bandwidth.ts'
import type { Command, CommandContext } from './command.ts'
import { describeNotCarried, type ErrorRow, errorRow, notCarried } from './differences.ts'
import { STANDARD } from './dumps.ts'
import { EXIT_STATUS } from './exit-status.ts'
import { type FieldOptions, FIELDS, leftOut, readFields, requireTakenBy } from './fields.ts'
import { printable } from './format.ts'
import { describeLosses, LossReport, type LossSummary } from './losses.ts'
import {
  type ApiOptions,
  ENDPOINT,
  type EndpointOptions,
  PLAN,
  type PlanOptions,
  TRANSFER,
  type TransferOptions,
} from './options.ts'
import {
  readSelection,
  SELECTION,
  type SelectionOptions,
  selectionSummary,
  type SelectionSummary,
} from './selection.ts'
import type { SeveralSummary, SeveralTargets } from './several-targets.ts'
import { PACE, type PaceOptions, parseOrder, type ViaOptions } from './transfer-options.ts'
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
import { DEADLINE, UNATTENDED } from './unattended/options.ts'

export interface ReplicationOptions
  extends
    EndpointOptions,
    ApiOptions,
    PlanOptions,
    SelectionOptions,
    FieldOptions,
    TransferOptions,
    PaceOptions,
    ViaOptions {}

export interface TransferSummary extends SelectionSummary {
  readonly dry_run: boolean
  readonly totals: ShownTotals
  /** What is never carried to this target, and why. */
  readonly not_carried: readonly RefusedField[]
  readonly lost: LossSummary
  /** Whether `--max-duration` was over before all was done. */
  readonly cut_short: boolean
  /** What ended the run before its end. */
  readonly error: ErrorRow | null
}

/** What options mean, found out before anything is asked of anybody. */
export interface Prepared {
  readonly selection: Selection | undefined
  readonly fields: FieldRules
  readonly pace: Pick<RunOptions, 'bandwidth' | 'checkers' | 'order' | 'via'>
}

/** A target of the command line, to be disposed of; in a dry run nothing is written there. */
export async function openTarget(
  address: string,
  { fields }: Prepared,
  { dryRun }: ReplicationOptions,
  context: CommandContext,
): Promise<Endpoint> {
  // An archive is always written anew.
  if (dryRun && address.startsWith('tar:')) return new MemoryEndpoint(address)
  const target = await context.open(address, 'target', { writable: !dryRun })
  try {
    requireTakenBy(target, fields)
    return target
  } catch (error) {
    await target[Symbol.asyncDispose]()
    throw error
  }
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
  { selection, fields, pace }: Prepared,
  options: ReplicationOptions,
  { log, progress, signal, closing }: CommandContext,
): AsyncGenerator<TransferRow, TransferSummary, void> {
  const planning = { metadataOnly: options.metaonly, strict: options.strict, selection, fields }
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
          closing,
          signal,
          onBytes: total => progress.copied(total),
        },
      )
  let totals = NOTHING
  let broken: unknown
  let cutShort = false
  try {
    for await (const event of events) {
      totals = count(totals, event)
      if (event.type === 'planned') progress.expect(1, bytesOf(event.step))
      narrate(event, log)
      const row = rowOf(event, dryRun)
      if (row === undefined) continue
      if (event.step?.action === 'create' || event.step?.action === 'update') progress.finish()
      tell(row, log)
      if (isSettled(event, row)) await losses.add(row, row.lost)
      yield row
    }
  } catch (error) {
    if (closing.aborted && error === closing.reason) cutShort = true
    // What was done until then is told; where that is nothing, there is only the error to tell.
    else if (totals === NOTHING || !isGlanceError(error)) throw error
    else {
      log.error(printable(error.message))
      broken = error
    }
  }
  return {
    dry_run: dryRun,
    totals: shownTotals(totals),
    not_carried: notCarried(target, leftOut(options, fields)),
    lost: losses.summary,
    cut_short: cutShort,
    error: broken === undefined ? null : errorRow(broken),
    // Of a listing that was not read to its end nobody knows what is not in it.
    ...(broken === undefined && !cutShort && !signal.aborted
      ? selectionSummary(selection, options, log)
      : {}),
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
    options: {
      ...TRANSFER,
      ...PACE,
      ...PLAN,
      ...SELECTION,
      ...FIELDS,
      ...options,
      ...DEADLINE,
      ...UNATTENDED,
      ...ENDPOINT,
    },
    async *run(options, context) {
      const { source: address, targets } = ends(options)
      const again = targets.find((one, i) => targets.indexOf(one) !== i)
      if (again !== undefined)
        throw new GlanceError('usage', `'${again}' is named as a target twice`)
      const prepared: Prepared = {
        fields: readFields(options),
        selection: await readSelection(options, new Date()),
        pace: paceOf(options),
      }
      await using source = await context.open(address, 'source')
      if (several !== undefined && targets.length > 1) {
        return yield* several.replicate(source, targets, prepared, options, context)
      }
      await using target = await openTarget(targets[0] ?? '', prepared, options, context)
      return yield* replicate(source, target, prepared, options, context)
    },
    takesOutput: options => ends(options).targets.includes(STANDARD),
    exitStatus: summary => {
      const { totals, error, cut_short, not_found: missing = [] } = summary
      const targets = 'targets' in summary ? summary.targets : []
      const lost = targets.filter(({ error }) => error !== null).length
      if (error !== null || (lost > 0 && lost === targets.length)) return EXIT_STATUS.endpoint
      const undone = totals.failed + totals.refused + lost + missing.length
      if (undone > 0) return EXIT_STATUS.differences
      return cut_short ? EXIT_STATUS.timeOver : EXIT_STATUS.done
    },
    views: {
      row: () => undefined,
      summary: (summary, options) => summaryLine(summary, options, several),
    },
  }
}

function summaryLine(
  summary: TransferSummary | SeveralSummary,
  { verbose, lossReport, strict }: ReplicationOptions,
  several: SeveralTargets | undefined,
): string {
  const losses = describeLosses(summary.lost, { lossReport, strict })
  const lines =
    'targets' in summary
      ? (several?.describe(summary) ?? [])
      : [
          ...(verbose ? describeNotCarried(summary.not_carried) : []),
          countsOf(summary.totals, summary.dry_run),
        ]
  return [
    ...lines,
    ...(losses === undefined ? [] : [losses]),
    ...(summary.cut_short ? ['--max-duration is over: what is left is for the next run'] : []),
  ].join('\n')
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
