import type { Options, PositionalOptions } from 'yargs'
import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { isGlanceError, messageOf } from '../errors.ts'
import { plan, type PlanStep } from '../replicate/plan.ts'
import { count, NOTHING, type Totals } from '../replicate/report.ts'
import { run, type RunOptions, type TransferEvent, type WorkStep } from '../replicate/run.ts'
import { RateLimit } from '../stream/limit-rate.ts'
import type { LostField } from '../wire/loss.ts'
import { parseBandwidth } from './bandwidth.ts'
import type { Command, CommandContext } from './command.ts'
import {
  describeChange,
  describeNotCarried,
  describeRefusal,
  type ErrorRow,
  errorRow,
  type FieldRow,
  fieldRow,
  notCarried,
} from './differences.ts'
import { EXIT_STATUS } from './exit-status.ts'
import { countOf, formatBytes, labelOf, printable } from './format.ts'
import { describeLosses, LossReport, type LossSummary, lostSuffix } from './losses.ts'
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
import { PACE, type PaceOptions, parseOrder } from './transfer-options.ts'

export interface ReplicationOptions
  extends EndpointOptions, ApiOptions, PlanOptions, TransferOptions, PaceOptions {}

/** What became of one image, or in a dry run would. */
export interface TransferRow {
  readonly id: string
  readonly name: string | null
  readonly result:
    | 'created'
    | 'updated'
    | 'same'
    | 'no_data'
    | 'failed'
    | 'interrupted'
    | 'would_create'
    | 'would_update'
  /** Bytes. */
  readonly size: number | null
  /** What was changed, or would be. */
  readonly differences: readonly FieldRow[]
  /** What the target would not take. */
  readonly refused: readonly RefusedField[]
  /** What the target cannot express; of an image that is refused for it, what would be lost. */
  readonly lost: readonly LostField[]
  readonly error: ErrorRow | null
}

export interface TransferSummary {
  readonly dry_run: boolean
  readonly totals: Omit<Totals, 'noData'> & { readonly no_data: number }
  /** What is never carried to this target, and why. */
  readonly not_carried: readonly RefusedField[]
  readonly lost: LossSummary
  /** What ended the run before its end. */
  readonly error: ErrorRow | null
}

/** What options mean, found out before anything is asked of anybody. */
interface Prepared {
  readonly leaveOut: ReadonlySet<string>
  readonly pace: Pick<RunOptions, 'bandwidth' | 'checkers' | 'order'>
}

function paceOf({ bandwidth, checkers, order }: PaceOptions): Prepared['pace'] {
  const rateAt = bandwidth === undefined ? undefined : parseBandwidth(bandwidth)
  return {
    checkers,
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
      if (event.type === 'retried') log.warning(describeRetry(event))
      if (event.type === 'resumed') log.warning(describeResumption(event))
      if (event.type === 'started') log.info(`${labelOf(event.step.image)}: ${event.step.action}`)
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
  const { noData, ...rest } = totals
  return {
    dry_run: dryRun,
    totals: { ...rest, no_data: noData },
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
  /** The addresses of the two ends. */
  ends(options: Readonly<Record<P, string>>): { readonly source: string; readonly target: string }
}

export function replicationCommand<P extends string>({
  name,
  summary,
  positionals,
  options,
  ends,
}: Replication<P>): Command<
  ReplicationOptions & Readonly<Record<P, string>>,
  TransferRow,
  TransferSummary
> {
  return {
    name,
    summary,
    positionals,
    options: { ...TRANSFER, ...PACE, ...PLAN, ...options, ...ENDPOINT },
    async *run(options, context) {
      const addresses = ends(options)
      const prepared = { leaveOut: parseFieldNames(options.dontreplicate), pace: paceOf(options) }
      await using source = await context.open(addresses.source, 'source')
      await using target = await context.open(addresses.target, 'target', {
        writable: !options.dryRun,
      })
      return yield* replicate(source, target, prepared, options, context)
    },
    exitStatus: ({ totals, error }) => {
      if (error !== null) return EXIT_STATUS.endpoint
      return totals.failed + totals.refused > 0 ? EXIT_STATUS.differences : EXIT_STATUS.done
    },
    views: { row: () => undefined, summary: summaryLine },
  }
}

function summaryLine(
  { totals, dry_run, not_carried, lost }: TransferSummary,
  { verbose, lossReport }: ReplicationOptions,
): string {
  const counts = [
    `${countOf(totals.created, 'image')} ${dry_run ? 'to be created' : 'created'} (${formatBytes(totals.bytes)})`,
    `${totals.updated} ${dry_run ? 'to be updated' : 'updated'}`,
    `${totals.same} the same`,
    ...(totals.no_data > 0 ? [`${totals.no_data} without data`] : []),
    ...(totals.refused > 0 ? [`${totals.refused} not taken in full`] : []),
    ...(totals.interrupted > 0 ? [`${totals.interrupted} interrupted`] : []),
    `${totals.failed} failed`,
  ]
  const losses = describeLosses(lost, lossReport)
  return [
    ...(verbose ? describeNotCarried(not_carried) : []),
    counts.join(', '),
    ...(losses === undefined ? [] : [losses]),
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
    if (step.action === 'skip') yield { type: 'skipped', step, reason: step.reason }
    else if (step.action === 'refuse')
      yield { type: 'failed', id: step.image.id, step, error: step.error }
    else yield { type: 'finished', step, written: { image: step.image, refused: [] } }
  }
  yield* unreadable
}

function rowOf(event: TransferEvent, dryRun: boolean): TransferRow | undefined {
  switch (event.type) {
    case 'planned':
    case 'started':
    case 'retried':
    case 'resumed':
      return undefined
    case 'finished': {
      const { step, written } = event
      const refused = new Set(written.refused.map(({ field }) => field))
      const created = step.action === 'create'
      const result = dryRun
        ? created
          ? 'would_create'
          : 'would_update'
        : created
          ? 'created'
          : 'updated'
      const row = about(step)
      return {
        ...row,
        result,
        size: written.image.size ?? row.size,
        differences: row.differences.filter(({ field }) => !refused.has(field)),
        refused: written.refused,
      }
    }
    case 'skipped':
      return { ...about(event.step), result: event.reason }
    case 'interrupted':
      return { ...about(event.step), result: 'interrupted' }
    case 'failed':
      return { ...about(event.step), id: event.id, result: 'failed', error: errorRow(event.error) }
  }
}

function about(step: PlanStep | null): Omit<TransferRow, 'result'> {
  return {
    id: step?.image.id ?? '',
    name: step?.image.name ?? null,
    size: step?.image.size ?? null,
    differences: step?.action === 'update' ? step.changes.map(fieldRow) : [],
    refused: [],
    lost: step?.lost ?? [],
    error: null,
  }
}

function tell(row: TransferRow, log: CommandContext['log']): void {
  const label = labelOf(row)
  const lost = lostSuffix(row.lost)
  switch (row.result) {
    case 'created':
      log.notice(`${label}: created, ${formatBytes(row.size ?? 0)}${lost}`)
      break
    case 'would_create':
      log.notice(`${label}: would be created, ${formatBytes(row.size ?? 0)}${lost}`)
      break
    case 'updated': {
      const fields = row.differences.map(({ field }) => printable(field)).join(', ')
      log.notice(`${label}: updated: ${fields}${lost}`)
      break
    }
    case 'would_update': {
      const changes = row.differences.map(describeChange).join('; ')
      log.notice(`${label}: would be updated: ${changes}${lost}`)
      break
    }
    case 'interrupted':
      log.warning(`${label}: interrupted`)
      break
    case 'failed':
      log.error(`${label}: failed: ${printable(row.error?.message ?? '')}`)
      break
    case 'same':
      log.info(`${label}: the same${lost}`)
      break
    case 'no_data':
      log.info(`${label}: skipped, there is no data to copy`)
      break
  }
  for (const refusal of row.refused) log.warning(`${label}: ${describeRefusal(refusal)}`)
}

function describeRetry({ step, attempt, error }: Extract<TransferEvent, { type: 'retried' }>) {
  return `${labelOf(step.image)}: attempt ${attempt} after: ${printable(messageOf(error))}`
}

function describeResumption({
  step,
  offset,
  error,
}: Extract<TransferEvent, { type: 'resumed' }>): string {
  return `${labelOf(step.image)}: goes on at ${formatBytes(offset)} after: ${printable(messageOf(error))}`
}

function bytesOf(step: WorkStep): number {
  return step.action === 'create' && step.withData ? (step.image.size ?? 0) : 0
}
