import type { RefusedField } from '../../endpoint/endpoint.ts'
import { plan, type PlanStep } from '../../replicate/plan.ts'
import type { LostField } from '../../wire/loss.ts'
import type { Command } from '../command.ts'
import {
  describeChange,
  describeNotCarried,
  type ErrorRow,
  errorRow,
  type FieldRow,
  fieldRow,
  notCarried,
} from '../differences.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type FieldOptions, FIELDS, leftOut, readFields, requireTakenBy } from '../fields.ts'
import { countOf, formatBytes, labelOf, printable } from '../format.ts'
import {
  describeLosses,
  LossReport,
  type LossSummary,
  lostSuffix,
  sourceNameOf,
} from '../losses.ts'
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
  readSelection,
  SELECTION,
  type SelectionOptions,
  selectionSummary,
  type SelectionSummary,
} from '../selection.ts'
import { UNATTENDED } from '../unattended/options.ts'

export interface CompareOptions
  extends EndpointOptions, ApiOptions, PlanOptions, SelectionOptions, FieldOptions {
  readonly source: string
  readonly target: string
}

/** One image of the source. */
export interface CompareRow {
  readonly id: string
  readonly name: string | null
  /**
   * `missing`: livecopy would copy it. `differs`: livecopy would change `differences`, or, where there is an `error`,
   * could not. `same`: livecopy would leave it alone. `no_data`: there is nothing to copy.
   */
  readonly result: 'missing' | 'differs' | 'same' | 'no_data'
  /** Bytes. */
  readonly size: number | null
  /** When the image of the source was changed last, in ISO 8601. */
  readonly updated_at: string | null
  readonly differences: readonly FieldRow[]
  /** What the target cannot express; with an error, what would be lost. */
  readonly lost: readonly LostField[]
  readonly error: ErrorRow | null
}

export interface CompareSummary extends SelectionSummary {
  readonly totals: {
    readonly missing: number
    readonly differs: number
    readonly same: number
    readonly no_data: number
    /** Bytes of the missing images. */
    readonly bytes: number
  }
  /** Fields in which a difference is none, and why. */
  readonly not_carried: readonly RefusedField[]
  readonly lost: LossSummary
}

export const compare: Command<CompareOptions, CompareRow, CompareSummary> = {
  name: 'compare',
  summary: 'Tell what livecopy would do',
  positionals: {
    source: { type: 'string', describe: 'The server to copy from: an address or cloud:NAME' },
    target: { type: 'string', describe: 'The server to copy to: an address or cloud:NAME' },
  },
  options: {
    ...PLAN,
    ...SELECTION,
    ...FIELDS,
    ...SOURCE_API,
    ...TARGET_API,
    ...UNATTENDED,
    ...ENDPOINT,
  },

  async *run(options, { open, log, signal }) {
    const fields = readFields(options)
    const selection = await readSelection(options, new Date())
    await using source = await open(options.source, 'source')
    await using target = await open(options.target, 'target')
    requireTakenBy(target, fields)
    await using losses = await LossReport.open(options.lossReport)
    const totals = { missing: 0, differs: 0, same: 0, no_data: 0, bytes: 0 }
    const unreadable: CompareRow[] = []
    const onUnreadable = (id: string, error: unknown) => {
      unreadable.push({ ...UNKNOWN, id, error: errorRow(error) })
    }
    const steps = plan(
      source,
      target,
      { metadataOnly: options.metaonly, strict: options.strict, selection, fields },
      { onUnreadable, signal },
    )
    for await (const step of steps) {
      for (const row of unreadable.splice(0)) {
        totals.differs += 1
        yield row
      }
      const row = { ...UNKNOWN, ...described(step), lost: step.lost }
      await losses.add(row, step.lost)
      switch (step.action) {
        case 'create':
          totals.missing += 1
          totals.bytes += step.withData ? (step.image.size ?? 0) : 0
          yield { ...row, result: 'missing' }
          break
        case 'update':
          totals.differs += 1
          yield { ...row, result: 'differs', differences: step.changes.map(fieldRow) }
          break
        case 'refuse':
          totals.differs += 1
          yield { ...row, result: 'differs', error: errorRow(step.error) }
          break
        case 'skip':
          totals[step.reason] += 1
          yield { ...row, result: step.reason }
          break
      }
    }
    totals.differs += unreadable.length
    yield* unreadable
    return {
      totals,
      not_carried: notCarried(target, leftOut(options, fields)),
      lost: losses.summary,
      ...selectionSummary(selection, options, log),
    }
  },

  exitStatus: ({ totals, not_found: missing = [] }) =>
    totals.missing + totals.differs + missing.length > 0
      ? EXIT_STATUS.differences
      : EXIT_STATUS.done,

  views: {
    row: (row, options) => {
      switch (row.result) {
        case 'missing':
          return `${labelOf(row)}: missing on the target${lostSuffix(row.lost)}`
        case 'differs':
          return row.error === null
            ? `${labelOf(row)}: ${row.differences.map(describeChange).join('; ')}${lostSuffix(row.lost)}`
            : printable(row.error.message)
        case 'same':
          return options.verbose ? `${labelOf(row)}: the same${lostSuffix(row.lost)}` : undefined
        case 'no_data':
          return options.verbose ? `${labelOf(row)}: no data on the source` : undefined
      }
    },
    summary: ({ totals, not_carried, lost }, { verbose, lossReport, strict }) => {
      const losses = describeLosses(lost, { lossReport, strict })
      return [
        ...(verbose ? describeNotCarried(not_carried) : []),
        `${countOf(totals.missing, 'image')} missing (${formatBytes(totals.bytes)}), ` +
          `${totals.differs} different, ${totals.same} the same` +
          (totals.no_data > 0 ? `, ${totals.no_data} without data` : ''),
        ...(losses === undefined ? [] : [losses]),
      ].join('\n')
    },
  },
}

const UNKNOWN: CompareRow = {
  id: '',
  name: null,
  result: 'differs',
  size: null,
  updated_at: null,
  differences: [],
  lost: [],
  error: null,
}

function described(step: PlanStep) {
  const { id, size, updatedAt } = step.image
  return { id, name: sourceNameOf(step), size, updated_at: updatedAt.toISOString() }
}
