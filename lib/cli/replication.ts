import type { Options, PositionalOptions } from 'yargs'
import { roomForArchive } from '../endpoint/archive.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { MemoryEndpoint } from '../endpoint/memory.ts'
import { GlanceError } from '../errors.ts'
import { withoutCredentials } from '../http/redact.ts'
import type { FieldRules } from '../replicate/fields.ts'
import { BY_ID } from '../replicate/order.ts'
import type { RunOptions } from '../replicate/run.ts'
import type { Selection } from '../replicate/select.ts'
import { RateLimit } from '../stream/limit-rate.ts'
import { parseBandwidth } from './bandwidth.ts'
import type { Command, CommandContext } from './command.ts'
import { describeConcurrency } from './concurrency.ts'
import { earlierRate } from './copy-rate.ts'
import { describeNotCarried } from './differences.ts'
import { type DumpOptions, isArchive, requireOneStream, STANDARD } from './dumps.ts'
import { describeEstimate, type EstimateOptions } from './estimate.ts'
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts'
import { type FieldOptions, FIELDS, readFields, requireTakenBy } from './fields.ts'
import { describeLosses } from './losses.ts'
import { type MappingOptions, openIdMap, requireNoIdMap } from './mapping.ts'
import { replicateToOne, type TransferSummary } from './one-target.ts'
import {
  type ApiOptions,
  ENDPOINT,
  type EndpointOptions,
  PLAN,
  type PlanOptions,
  TRANSFER,
  type TransferOptions,
} from './options.ts'
import { requireNoPlan, SAVE_PLAN, type SavePlanOptions } from './plan-writer.ts'
import { describeStop, PREFLIGHT, type PreflightOptions } from './preflight.ts'
import { describeUnmapped, isRefused, type ProjectOptions } from './projects.ts'
import {
  readRemoval,
  requireNoRemoval,
  REMOVAL,
  type RemovalOptions,
  type RemovalWish,
} from './removal.ts'
import type { RemovalRow } from './removal-rows.ts'
import { readSelection, SELECTION, type SelectionOptions } from './selection.ts'
import type { SeveralSummary } from './several-summary.ts'
import type { SeveralTargets } from './several-targets.ts'
import { PACE, type PaceOptions, parseOrder, type ViaOptions } from './transfer-options.ts'
import { countsOf, type TransferRow } from './transfer-rows.ts'
import { DEADLINE, UNATTENDED, type UnattendedOptions } from './unattended/options.ts'
import { endsOf } from './unattended/unattended.ts'

export interface ReplicationOptions
  extends
    EndpointOptions,
    ApiOptions,
    PlanOptions,
    SelectionOptions,
    FieldOptions,
    TransferOptions,
    MappingOptions,
    ProjectOptions,
    RemovalOptions,
    PaceOptions,
    PreflightOptions,
    SavePlanOptions,
    ViaOptions,
    UnattendedOptions,
    Partial<DumpOptions> {}

/** What options mean, found out before anything is asked of anybody. */
export interface Prepared {
  /** The name of the command. */
  readonly command: string
  /** The source as it was named. */
  readonly from: string
  readonly selection: Selection | undefined
  readonly fields: FieldRules
  /** What becomes of images that left the source. */
  readonly wish: RemovalWish
  readonly pace: Pick<RunOptions, 'bandwidth' | 'checkers' | 'order' | 'via'>
  /** What a guess at the time rests on. */
  readonly known: Omit<EstimateOptions, 'now'>
}

/** A target of the command line, to be disposed of; in a dry run nothing is written there. */
export async function openTarget(
  address: string,
  { fields, wish }: Prepared,
  { dryRun }: ReplicationOptions,
  context: CommandContext,
): Promise<Endpoint> {
  const archived = isArchive(address)
  if (archived) requireNoRemoval(wish, address)
  // An archive is always written anew.
  if (dryRun && archived) {
    const room = async () => await roomForArchive(address.slice('tar:'.length))
    return Object.assign(new MemoryEndpoint(address), { room })
  }
  const target = await context.open(address, 'target', { writable: !dryRun })
  try {
    requireTakenBy(target, fields)
    return target
  } catch (error) {
    await target[Symbol.asyncDispose]()
    throw error
  }
}

/** What `--bandwidth` says of data that is not fetched by the target itself. */
export function boundOf({ bandwidth, via = 'relay' }: PaceOptions & ViaOptions) {
  return bandwidth === undefined || via !== 'relay' ? undefined : parseBandwidth(bandwidth)
}

export function paceOf({
  bandwidth,
  checkers,
  order,
  via,
}: PaceOptions & ViaOptions): Prepared['pace'] {
  const rateAt = bandwidth === undefined ? undefined : parseBandwidth(bandwidth)
  return {
    checkers,
    via,
    order: parseOrder(order),
    bandwidth: rateAt === undefined ? undefined : new RateLimit(() => rateAt(new Date())),
  }
}

/** In an archive images stand in the order of their ids unless another is asked for, so that it is the same each time. */
function inGivenOrder(pace: Prepared['pace'], targets: readonly string[]): Prepared['pace'] {
  return targets.some(isArchive) ? { ...pace, order: pace.order ?? BY_ID } : pace
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
  TransferRow | RemovalRow,
  TransferSummary | SeveralSummary
> {
  return {
    name,
    summary,
    positionals,
    options: {
      ...TRANSFER,
      ...PREFLIGHT,
      ...PACE,
      ...PLAN,
      ...SAVE_PLAN,
      ...SELECTION,
      ...FIELDS,
      ...REMOVAL,
      ...options,
      ...DEADLINE,
      ...UNATTENDED,
      ...ENDPOINT,
    },
    async *run(given, context) {
      // A plan is made, and nothing done.
      const options = { ...given, dryRun: given.dryRun || given.savePlan !== undefined }
      const { source: from, targets } = ends(options)
      const [to = '', ...others] = targets
      if (others.length > 0) {
        requireNoIdMap(options)
        requireNoPlan(options)
      }
      const again = targets.find((one, i) => targets.indexOf(one) !== i)
      if (again !== undefined) throw namedTwice(again)
      if (targets.some(isArchive)) requireOneStream(options)
      const prepared: Prepared = {
        command: name,
        from,
        fields: readFields(options),
        wish: readRemoval(options),
        selection: await readSelection(options, new Date()),
        pace: inGivenOrder(paceOf(options), targets),
        known: {
          rate: await earlierRate(options.summaryFile, {
            command: name,
            ...endsOf({ positionals }, options),
          }),
          rateAt: boundOf(options),
        },
      }
      await using ids = await openIdMap(options, !options.dryRun, context.log)
      await using source = await context.open(from, 'source')
      if (several !== undefined && others.length > 0) {
        return yield* several.replicate(source, targets, prepared, options, context)
      }
      await using target = await openTarget(to, prepared, options, context)
      return yield* replicateToOne(source, target, { ...prepared, to, ids }, options, context)
    },
    takesOutput: options => ends(options).targets.includes(STANDARD),
    exitStatus: statusOfRun,
    views: {
      row: () => undefined,
      summary: (summary, options) => summaryLine(summary, options, several),
    },
  }
}

/** What a run came to. */
export function statusOfRun(summary: TransferSummary | SeveralSummary): ExitStatus {
  const { totals, error, cut_short, not_found: missing = [] } = summary
  const targets = 'targets' in summary ? summary.targets : []
  const lost = targets.filter(({ error }) => error !== null).length
  if (summary.stopped) return EXIT_STATUS.noRoom
  if (error !== null || (lost > 0 && lost === targets.length)) return EXIT_STATUS.endpoint
  const undone = totals.failed + totals.refused + lost + missing.length
  const ends = 'targets' in summary ? summary.targets : [summary]
  const isWithheld = ends.some(({ withheld }) => withheld !== null)
  const isUnmapped = ends.some(end => isRefused(end.unmapped))
  if (undone > 0 || isWithheld || isUnmapped) return EXIT_STATUS.differences
  return cut_short ? EXIT_STATUS.timeOver : EXIT_STATUS.done
}

export function summaryLine(
  summary: TransferSummary | SeveralSummary,
  { verbose, lossReport, strict }: Pick<ReplicationOptions, 'verbose' | 'lossReport' | 'strict'>,
  several: SeveralTargets | undefined,
): string {
  if (!('targets' in summary) && isRefused(summary.unmapped)) {
    return describeUnmapped(summary.unmapped)
  }
  const losses = describeLosses(summary.lost, { lossReport, strict })
  const copied = summary.concurrency === null ? [] : [describeConcurrency(summary.concurrency)]
  const time = summary.estimate === null ? undefined : describeEstimate(summary.estimate)
  const lines =
    'targets' in summary
      ? (several?.describe(summary) ?? [])
      : [
          ...(verbose ? describeNotCarried(summary.not_carried) : []),
          countsOf(summary.totals, summary.dry_run),
        ]
  return [
    ...lines,
    ...copied,
    ...(time === undefined ? [] : [time]),
    ...(losses === undefined ? [] : [losses]),
    ...(summary.stopped ? [describeStop(summary.dry_run)] : []),
    ...(summary.cut_short ? ['--max-duration is over: what is left is for the next run'] : []),
  ].join('\n')
}

/** The error of a target that is another one as well, which `how` may tell. */
export function namedTwice(address: string, how = ''): GlanceError {
  return new GlanceError(
    'usage',
    `'${withoutCredentials(address)}' is named as a target twice${how}`,
  )
}
