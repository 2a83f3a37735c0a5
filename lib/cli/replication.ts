import type { Options, PositionalOptions } from 'yargs'
import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { MemoryEndpoint } from '../endpoint/memory.ts'
import { isGlanceError } from '../errors.ts'
import { Extras } from '../replicate/extras.ts'
import type { FieldRules } from '../replicate/fields.ts'
import type { IdMap } from '../replicate/id-map.ts'
import { count, NOTHING } from '../replicate/report.ts'
import { renumbered } from '../replicate/renumber.ts'
import type { Selection } from '../replicate/select.ts'
import { carryOut, rehearse } from './carry-out.ts'
import type { Command, CommandContext } from './command.ts'
import { describeNotCarried, type ErrorRow, errorRow, notCarried } from './differences.ts'
import { STANDARD } from './dumps.ts'
import { EXIT_STATUS } from './exit-status.ts'
import { type FieldOptions, FIELDS, leftOut, readFields, requireTakenBy } from './fields.ts'
import { printable } from './format.ts'
import { describeLosses, LossReport, type LossSummary } from './losses.ts'
import { type MappingOptions, openIdMap } from './mapping.ts'
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
  describeUnmapped,
  isRefused,
  mapProjects,
  type MappedProjects,
  type ProjectOptions,
  type Unmapped,
} from './projects.ts'
import {
  orderRemoval,
  readRemoval,
  requireNoRemoval,
  REMOVAL,
  type RemovalOptions,
  type RemovalOrder,
} from './removal.ts'
import {
  describeRemovals,
  NOTHING_REMOVED,
  removeDeparted,
  type RemovalRow,
  type RemovalTotals,
} from './removal-rows.ts'
import {
  readSelection,
  SELECTION,
  type SelectionOptions,
  selectionSummary,
  type SelectionSummary,
} from './selection.ts'
import {
  bytesOf,
  countsOf,
  isAnew,
  isSettled,
  narrate,
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
    MappingOptions,
    ProjectOptions,
    RemovalOptions {}

export interface TransferSummary extends SelectionSummary {
  readonly dry_run: boolean
  readonly totals: ShownTotals & RemovalTotals
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

/** Which images, what of them, as what on the target, and what becomes of those that left. */
interface Chosen {
  readonly selection: Selection | undefined
  readonly fields: FieldRules
  readonly order: RemovalOrder
  readonly ids: IdMap | undefined
  readonly mapped: MappedProjects | undefined
}

/** Makes `target` have the images of `source`, or in a dry run tells what that would take; logs each image. */
async function* replicate(
  source: Endpoint,
  target: Endpoint,
  { selection, fields, order: { removal, provenance }, ids, mapped }: Chosen,
  options: ReplicationOptions,
  { log, progress, signal, closing }: CommandContext,
): AsyncGenerator<TransferRow | RemovalRow, TransferSummary, void> {
  const { metaonly: metadataOnly, strict, onConflict, members } = options
  const projects = mapped?.map
  const planning = {
    metadataOnly,
    strict,
    selection,
    fields,
    provenance,
    onConflict,
    ids,
    projects,
    members,
  }
  const extras = removal === null ? undefined : new Extras()
  await using losses = await LossReport.open(options.lossReport)
  const { attempts, concurrency, discardUnfinished, dryRun } = options
  const refused = isRefused(mapped?.unmapped)
  const running = {
    attempts,
    concurrency,
    discardUnfinished,
    closing,
    signal,
    onBytes: (total: number) => progress.copied(total),
  }
  const events = refused
    ? []
    : dryRun
      ? rehearse(source, target, planning, { extras, signal })
      : carryOut(source, target, planning, { extras }, running)
  let totals = NOTHING
  let removed = NOTHING_REMOVED
  let unreadable = 0
  let broken: unknown
  let cutShort = false
  try {
    for await (const event of events) {
      totals = count(totals, event)
      if (event.type === 'failed' && event.step === null) unreadable += 1
      if (event.type === 'planned') progress.expect(1, bytesOf(event.step))
      narrate(event, log, ids)
      const row = rowOf(event, dryRun, ids)
      if (row === undefined) continue
      if (event.step?.action === 'create' || event.step?.action === 'update') progress.finish()
      tell(row, log, isAnew(event))
      if (isSettled(event, row)) await losses.add(row, row.lost)
      yield row
    }
    if (removal !== null && extras !== undefined && !signal.aborted && !refused) {
      if (closing.aborted) cutShort = true
      else {
        const context = { extras, unreadable, concurrency, dryRun, log, closing, signal }
        const origin = ids === undefined ? source : renumbered(source, ids)
        removed = yield* removeDeparted(origin, target, removal, context)
        cutShort = closing.aborted && removed.totals.interrupted > 0
      }
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
  const shown = shownTotals(totals)
  return {
    dry_run: dryRun,
    totals: {
      ...shown,
      ...removed.totals,
      failed: shown.failed + removed.totals.failed,
      interrupted: shown.interrupted + removed.totals.interrupted,
    },
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
  TransferRow | RemovalRow,
  TransferSummary
> {
  return {
    name,
    summary,
    positionals,
    options: {
      ...TRANSFER,
      ...PLAN,
      ...SELECTION,
      ...FIELDS,
      ...REMOVAL,
      ...options,
      ...DEADLINE,
      ...UNATTENDED,
      ...ENDPOINT,
    },
    async *run(options, context) {
      const addresses = ends(options)
      const fields = readFields(options)
      const wish = readRemoval(options)
      const selection = await readSelection(options, new Date())
      await using ids = await openIdMap(options, !options.dryRun)
      await using source = await context.open(addresses.source, 'source')
      const isArchive = addresses.target.startsWith('tar:')
      if (isArchive) requireNoRemoval(wish, addresses.target)
      await using target =
        options.dryRun && isArchive
          ? new MemoryEndpoint(addresses.target) // An archive is always written anew.
          : await context.open(addresses.target, 'target', { writable: !options.dryRun })
      requireTakenBy(target, fields)
      const order = orderRemoval(wish, source, target)
      const mapped = await mapProjects(
        options,
        { source, target, addresses },
        { selection, fields },
        context,
      )
      const chosen = { selection, fields, order, ids, mapped }
      return yield* replicate(source, target, chosen, options, context)
    },
    takesOutput: options => ends(options).target === STANDARD,
    exitStatus: ({ totals, unmapped, withheld, error, cut_short, not_found: missing = [] }) => {
      if (error !== null) return EXIT_STATUS.endpoint
      const undone = totals.failed + totals.refused + missing.length
      if (undone > 0 || withheld !== null || isRefused(unmapped)) return EXIT_STATUS.differences
      return cut_short ? EXIT_STATUS.timeOver : EXIT_STATUS.done
    },
    views: { row: () => undefined, summary: summaryLine },
  }
}

function summaryLine(
  { totals, dry_run, not_carried, lost, unmapped, cut_short }: TransferSummary,
  { verbose, lossReport, strict }: ReplicationOptions,
): string {
  if (isRefused(unmapped)) return describeUnmapped(unmapped)
  const losses = describeLosses(lost, { lossReport, strict })
  return [
    ...(verbose ? describeNotCarried(not_carried) : []),
    countsOf(totals, dry_run, describeRemovals(totals, dry_run)),
    ...(losses === undefined ? [] : [losses]),
    ...(cut_short ? ['--max-duration is over: what is left is for the next run'] : []),
  ].join('\n')
}
