import type { Withdrawal } from '../endpoint/endpoint.ts'
import type { Image } from '../image/image.ts'
import type { Proof } from '../replicate/deep.ts'
import type { IdMap } from '../replicate/id-map.ts'
import type { PlanStep } from '../replicate/plan.ts'
import type { KeepReason, RemovalStep } from '../replicate/removal.ts'
import { WITHDRAWN } from '../replicate/withdrawn.ts'
import type { LostField } from '../wire/loss.ts'
import type { CompareResult } from './compare-lists.ts'
import { describeChange, type ErrorRow, errorRow, type FieldRow, fieldRow } from './differences.ts'
import { labelOf, printable } from './format.ts'
import { lostSuffix, sourceNameOf } from './losses.ts'
import { describeIds, idsOf } from './mapping.ts'
import { WHY_KEPT } from './removal.ts'

/** One image of either side. */
export interface CompareRow {
  readonly id: string
  /** The image's id on the target, where it is another. */
  readonly target_id: string | null
  readonly name: string | null
  /**
   * `missing`: livecopy would copy it. `differs`: livecopy would change `differences`. Both: or, where there is an
   * `error`, could not. `same`: livecopy would leave it alone. `extra`: only the target has it. `no_data`: there is
   * nothing to copy. `conflict`, `unmapped`: livecopy would pass it over. `error`: it could not be read.
   */
  readonly result: CompareResult
  /** Bytes. */
  readonly size: number | null
  /** When the image of the source was changed last, in ISO 8601; null where it has none that can be read. */
  readonly updated_at: string | null
  readonly differences: readonly FieldRow[]
  /** How it is known what the data of both sides is; null where not both have some, or it does not matter. */
  readonly data: Proof | null
  /** What the target cannot express; with an error, what would be lost. */
  readonly lost: readonly LostField[]
  /** What livecopy would do with an extra image; null where nobody asked. */
  readonly removal: Withdrawal | 'keep' | null
  /** Why it would keep it. */
  readonly reason: KeepReason | null
  readonly error: ErrorRow | null
}

/** The row for a step, before anything is known of the data. */
export function rowOfStep(step: PlanStep, ids: IdMap | undefined): CompareRow {
  const { size, updatedAt } = step.image
  const both = idsOf(step, ids)
  const about = { ...both, name: sourceNameOf(step), size, updated_at: updatedAt.toISOString() }
  if (step.action === 'skip') {
    return { ...UNKNOWN, ...about, lost: step.lost, result: step.reason }
  }
  const row = { ...UNKNOWN, ...about, lost: step.lost }
  switch (step.action) {
    case 'create':
      return { ...row, result: 'missing' }
    case 'update':
      return { ...row, result: 'differs', differences: step.changes.map(fieldRow) }
    case 'refuse': {
      const result = resultOf(step)
      return { ...row, result, error: errorRow(step.error) }
    }
  }
}

/** What is refused because the target's image cannot be understood may be the same. */
function resultOf({ present, error }: Extract<PlanStep, { action: 'refuse' }>): CompareResult {
  if (present !== undefined) return 'differs'
  return error.code === 'corrupt' ? 'error' : 'missing'
}

/** An image that only the target has. */
export function rowOfExtra({ id, name, size }: Image): CompareRow {
  return { ...UNKNOWN, id, name, size, result: 'extra' }
}

/** One of which it has been decided what livecopy would do with it. */
export function rowOfRemoval(step: RemovalStep): CompareRow {
  if (step.action === 'unreadable') return rowOfUnreadable(step.id, step.error)
  const row = rowOfExtra(step.image)
  switch (step.action) {
    case 'remove':
      return { ...row, removal: step.how }
    case 'keep':
      return { ...row, removal: 'keep', reason: step.reason }
    case 'doubt':
      return { ...row, result: 'error', error: errorRow(step.error) }
  }
}

/** An image of either side that cannot be understood. */
export function rowOfUnreadable(id: string, error: unknown): CompareRow {
  return { ...UNKNOWN, id, error: errorRow(error) }
}

/** A line for people; undefined for what they would rather not read. */
export function describeRow(
  row: CompareRow,
  { verbose, twoWay }: { readonly verbose: boolean; readonly twoWay: boolean },
): string | undefined {
  if (row.error !== null) return printable(row.error.message)
  if (row.result === 'same' && !verbose) return undefined // Of most images there is nothing to tell.
  const [label, lost] = [labelOf(row), lostSuffix(row.lost)]
  switch (row.result) {
    case 'missing':
      return `${label}: missing on the target${describeIds(row)}${lost}`
    case 'differs':
      return `${label}: ${row.differences.map(describeChange).join('; ')}${lost}`
    case 'same': {
      const known = row.data === 'read' ? ', data read' : ''
      return `${label}: the same${known}${lost}`
    }
    case 'extra':
      if (row.removal !== null && row.removal !== 'keep')
        return `${label}: only on the target, would be ${WITHDRAWN[row.removal]}`
      if (!verbose && !twoWay) return undefined
      return row.reason === null
        ? `${label}: only on the target`
        : `${label}: only on the target, left alone: ${WHY_KEPT[row.reason]}`
    case 'no_data':
      return verbose ? `${label}: no data on the source` : undefined
    case 'unmapped':
      return verbose ? `${label}: its project is not mapped` : undefined
    case 'conflict':
      return `${label}: other data under this id on the target`
    case 'error':
      return undefined
  }
}

const UNKNOWN: CompareRow = {
  id: '',
  target_id: null,
  name: null,
  result: 'error',
  size: null,
  updated_at: null,
  differences: [],
  data: null,
  lost: [],
  removal: null,
  reason: null,
  error: null,
}
