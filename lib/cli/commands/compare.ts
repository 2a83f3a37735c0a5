import type { RefusedField } from '../../endpoint/endpoint.ts'
import { GlanceError } from '../../errors.ts'
import { compareIds, type Image } from '../../image/image.ts'
import { atOnce } from '../../replicate/at-once.ts'
import type { Proof } from '../../replicate/deep.ts'
import { Extras } from '../../replicate/extras.ts'
import { type Found, type PlanStep, planSelected, survey } from '../../replicate/plan.ts'
import { renumbered } from '../../replicate/renumber.ts'
import { planRemovals } from '../../replicate/removal.ts'
import type { Command } from '../command.ts'
import {
  CompareLists,
  isListed,
  LISTS,
  type ListsOptions,
  standardLines,
} from '../compare-lists.ts'
import {
  type CompareRow,
  describeRow,
  rowOfExtra,
  rowOfRemoval,
  rowOfStep,
  rowOfUnreadable,
} from '../compare-rows.ts'
import { DEEP, type DeepOptions, DeepReader, readShare, requireReadable } from '../deep.ts'
import { describeNotCarried, type ErrorRow, errorRow, notCarried } from '../differences.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type FieldOptions, FIELDS, leftOut, readFields, requireTakenBy } from '../fields.ts'
import { countOf, formatBytes, printable } from '../format.ts'
import { describeLosses, LossReport, type LossSummary } from '../losses.ts'
import { MAPPING, type MappingOptions, openIdMap } from '../mapping.ts'
import {
  type ApiOptions,
  ENDPOINT,
  type EndpointOptions,
  PLAN,
  type PlanOptions,
  SOURCE_API,
  TARGET_API,
} from '../options.ts'
import {
  describeUnmapped,
  isRefused,
  mapProjects,
  projectsIn,
  MEMBERS,
  type ProjectOptions,
  PROJECTS,
  type Unmapped,
} from '../projects.ts'
import { orderRemoval, readRemoval, REMOVAL, type RemovalOptions } from '../removal.ts'
import {
  readSelection,
  SELECTION,
  type SelectionOptions,
  selectionSummary,
  type SelectionSummary,
} from '../selection.ts'
import { isUncopied } from '../transfer-rows.ts'
import { UNATTENDED } from '../unattended/options.ts'

export interface CompareOptions
  extends
    EndpointOptions,
    ApiOptions,
    PlanOptions,
    SelectionOptions,
    FieldOptions,
    MappingOptions,
    ProjectOptions,
    RemovalOptions,
    DeepOptions,
    ListsOptions {
  readonly source: string
  readonly target: string
  readonly twoWay: boolean
}

export interface CompareSummary extends SelectionSummary {
  readonly totals: {
    readonly missing: number
    readonly differs: number
    readonly same: number
    readonly no_data: number
    readonly conflict: number
    readonly unmapped: number
    readonly extra: number
    readonly error: number
    /** How many of the extra ones livecopy would hide, deactivate or delete. */
    readonly removal: number
    /** Bytes of the missing images. */
    readonly bytes: number
  }
  /** By what the data of images that both sides have was compared: counts of images. */
  readonly data: Readonly<Record<Proof, number>> & { readonly bytes: number }
  /** Whether extra images are differences. */
  readonly two_way: boolean
  /** Fields in which a difference is none, and why. */
  readonly not_carried: readonly RefusedField[]
  readonly lost: LossSummary
  /** Projects of the source for which none of the target is known (`--map-projects`). */
  readonly unmapped: Unmapped | null
  /** Why livecopy would remove no image although some should be. */
  readonly withheld: ErrorRow | null
}

/** A step of the plan, or a row of which nothing remains to be found out. */
type Finding = { readonly step: PlanStep } | { readonly row: CompareRow }

export const compare: Command<CompareOptions, CompareRow, CompareSummary> = {
  name: 'compare',
  summary: 'Tell what livecopy would do',
  positionals: {
    source: { type: 'string', describe: 'The server to copy from: an address or cloud:NAME' },
    target: { type: 'string', describe: 'The server to copy to: an address or cloud:NAME' },
  },
  options: {
    ...PLAN,
    'two-way': {
      type: 'boolean',
      default: false,
      describe: 'Count images that only the target has as differences',
    },
    ...DEEP,
    ...LISTS,
    ...REMOVAL,
    ...SELECTION,
    ...FIELDS,
    ...MAPPING,
    ...PROJECTS,
    ...MEMBERS,
    ...SOURCE_API,
    ...TARGET_API,
    ...UNATTENDED,
    ...ENDPOINT,
  },

  async *run(options, context) {
    const { open, log, progress, signal } = context
    const { metaonly, strict, concurrency, attempts, onConflict, members } = options
    const fields = readFields(options)
    const wish = readRemoval(options)
    const share = readShare(options)
    if (options.json && isListed(options)) {
      throw new GlanceError('usage', '--json: standard output is for a list; name a file for it')
    }
    const selection = await readSelection(options, new Date())
    await using ids = await openIdMap(options, false, log)
    await using source = await open(options.source, 'source')
    await using target = await open(options.target, 'target')
    requireTakenBy(target, fields)
    if (share > 0 && !metaonly) requireReadable(source, target)
    const { removal } = await orderRemoval(wish, source, [target], { signal })
    await using losses = await LossReport.open(options.lossReport)
    await using lists = await CompareLists.open(options)
    const meant = { selection, from: options.source }
    const projectsOf = projectsIn(source, options, meant, context)
    const mapped = await mapProjects(
      options,
      { target, projectsOf, addresses: options },
      fields,
      context,
    )
    const refused = isRefused(mapped?.unmapped)
    const reader = new DeepReader(source, target, { share, attempts, progress, signal })
    const extras = removal === null ? undefined : new Extras(removal.copiesFrom)
    /** The last of them first, once it is sorted. */
    const waiting: CompareRow[] = []
    let isSorted = true
    let unreadable = 0
    let failed = 0
    let withheld: GlanceError | null = null
    const onUnreadable = (id: string, error: unknown) => {
      unreadable += 1
      waiting.push(rowOfUnreadable(id, error))
      isSorted = false
    }

    async function* findings(): AsyncGenerator<Finding> {
      /** What could not be read, up to this id. */
      function* told(end?: string): Generator<Finding> {
        if (!isSorted) waiting.sort((a, b) => compareIds(b.id, a.id))
        isSorted = true
        for (let row = waiting.at(-1); row !== undefined; row = waiting.at(-1)) {
          if (end !== undefined && row.id >= end) return
          waiting.pop()
          yield { row }
        }
      }
      const projects = mapped?.map
      const chosen = { selection, fields, onConflict, ids, projects, members }
      const planning = { metadataOnly: metaonly, strict, ...chosen }
      await selection?.prepare(source, { signal })
      const context = { extras, onUnreadable, signal }
      // Where nothing is to be removed, nothing has to be held.
      const holdUp = removal === null ? survey : planSelected
      for await (const found of holdUp(source, target, planning, context)) {
        if (found.action === 'refuse' && isUncopied(found)) failed += 1
        const finding = findingOf(found)
        yield* told('row' in finding ? finding.row.id : finding.step.image.id)
        yield finding
      }
      yield* told()
      if (removal === null || extras === undefined) return
      const doubts = { extras, unreadable, failed }
      const origin = ids === undefined ? source : renumbered(source, ids)
      const found = await planRemovals(origin, removal, { ...doubts, concurrency, signal })
      withheld = found.withheld
      yield* found.steps.map(step => ({ row: rowOfRemoval(step) }))
    }

    async function complete(finding: Finding): Promise<CompareRow> {
      if ('row' in finding) return finding.row
      const { step } = finding
      const row = rowOfStep(step, ids)
      const isSame = step.action === 'update' || (step.action === 'skip' && !isPassedOver(step))
      if (metaonly || !isSame || step.present === undefined) return row
      const data = await reader.compare(imageAs(step.image, row.id), step.present)
      if (!data) return row
      const { proof, differs, error } = data
      if (error !== null) return { ...row, result: 'error', data: proof, error: errorRow(error) }
      if (differs === null) return { ...row, data: proof }
      return { ...row, result: 'differs', data: proof, error: errorRow(differs) }
    }

    const counts = { missing: 0, differs: 0, same: 0, no_data: 0, extra: 0, error: 0 }
    const totals = { ...counts, conflict: 0, unmapped: 0, removal: 0, bytes: 0 }
    const data = { read: 0, recorded: 0, unproved: 0 }
    for await (const row of atOnce(refused ? [] : findings(), concurrency, complete)) {
      totals[row.result] += 1
      if (row.removal !== null && row.removal !== 'keep') totals.removal += 1
      if (row.data !== null) data[row.data] += 1
      if (row.result === 'missing' && row.error === null && !metaonly) totals.bytes += row.size ?? 0
      await losses.add(row, row.lost)
      await lists.add(row)
      yield row
    }
    const summary: CompareSummary = {
      totals,
      data: { ...data, bytes: reader.bytes },
      two_way: options.twoWay,
      not_carried: notCarried(target, leftOut(options, fields)),
      lost: losses.summary,
      unmapped: mapped?.unmapped ?? null,
      withheld: withheld === null ? null : errorRow(withheld),
      ...(refused ? {} : selectionSummary(selection, options, log)),
    }
    if (isListed(options)) log.notice(describeSummary(summary, options))
    return summary
  },

  exitStatus: ({ totals, two_way, unmapped, withheld, not_found: notFound = [] }) => {
    const { missing, differs, error, removal, extra } = totals
    const differences = missing + differs + error + removal + (two_way ? extra : 0)
    return differences + notFound.length > 0 || withheld !== null || isRefused(unmapped)
      ? EXIT_STATUS.differences
      : EXIT_STATUS.done
  },

  views: {
    row: (row, options) =>
      isListed(options) ? standardLines(row, options) : describeRow(row, options),
    summary: (summary, options) =>
      isListed(options) ? undefined : describeSummary(summary, options),
  },
}

function findingOf(found: Found): Finding {
  if (found.action === 'extra') return { row: rowOfExtra(found.image) }
  if (found.action === 'unreadable') return { row: rowOfUnreadable(found.id, found.error) }
  return { step: found }
}

/** The image by that id. */
function imageAs(image: Image, id: string): Image {
  return image.id === id ? image : { ...image, id }
}

/** Whether the step says nothing of how the two images compare. */
function isPassedOver({ reason }: Extract<PlanStep, { action: 'skip' }>): boolean {
  return reason === 'conflict' || reason === 'unmapped'
}

function describeSummary(
  { totals, data, not_carried, lost, unmapped, withheld }: CompareSummary,
  { verbose, lossReport, strict, deep, sample }: CompareOptions,
): string {
  if (isRefused(unmapped)) return describeUnmapped(unmapped)
  const losses = describeLosses(lost, { lossReport, strict })
  const known = [
    `data of ${countOf(data.read, 'image')} read (${formatBytes(data.bytes)})`,
    ...(data.recorded > 0 ? [`of ${data.recorded} only as recorded`] : []),
    ...(data.unproved > 0 ? [`of ${data.unproved} not proved`] : []),
  ]
  return [
    ...(verbose ? describeNotCarried(not_carried) : []),
    ...(withheld === null ? [] : [printable(withheld.message)]),
    ...(deep || sample !== undefined ? [known.join(', ')] : []),
    `${countOf(totals.missing, 'image')} missing (${formatBytes(totals.bytes)}), ` +
      `${totals.differs} different, ${totals.same} the same` +
      (totals.no_data > 0 ? `, ${totals.no_data} without data` : '') +
      (totals.unmapped > 0 ? `, ${totals.unmapped} of projects that are not mapped` : '') +
      (totals.conflict > 0 ? `, ${totals.conflict} whose id is taken` : '') +
      (totals.extra > 0 ? `, ${totals.extra} only on the target` : '') +
      (totals.removal > 0 ? `, ${totals.removal} of them to be removed` : '') +
      (totals.error > 0 ? `, ${totals.error} could not be compared` : ''),
    ...(losses === undefined ? [] : [losses]),
  ].join('\n')
}
