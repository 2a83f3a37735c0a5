import type { RefusedField } from '../endpoint/endpoint.ts'
import { messageOf } from '../errors.ts'
import type { PlanStep } from '../replicate/plan.ts'
import type { TransferEvent, WorkStep } from '../replicate/run.ts'
import type { LostField } from '../wire/loss.ts'
import type { CommandContext } from './command.ts'
import {
  describeChange,
  describeRefusal,
  type ErrorRow,
  errorRow,
  type FieldRow,
  fieldRow,
} from './differences.ts'
import { formatBytes, labelOf, printable } from './format.ts'
import { lostSuffix, sourceNameOf } from './losses.ts'

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
  /** When the image of the source was changed last, in ISO 8601. */
  readonly updated_at: string | null
  /** What was changed, or would be. */
  readonly differences: readonly FieldRow[]
  /** What the target would not take. */
  readonly refused: readonly RefusedField[]
  /** What the target cannot express; of an image that is refused for it, what would be lost. */
  readonly lost: readonly LostField[]
  readonly error: ErrorRow | null
}

/** The row for what has happened; undefined for what is no end of an image. */
export function rowOf(event: TransferEvent, dryRun: boolean): TransferRow | undefined {
  switch (event.type) {
    case 'planned':
    case 'started':
    case 'retried':
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

/** An image as it is called in the log. */
export function labelOfStep(step: PlanStep): string {
  return labelOf(about(step))
}

function about(step: PlanStep | null): Omit<TransferRow, 'result'> {
  return {
    id: step?.image.id ?? '',
    name: step === null ? null : sourceNameOf(step),
    size: step?.image.size ?? null,
    updated_at: step?.image.updatedAt.toISOString() ?? null,
    differences: step?.action === 'update' ? step.changes.map(fieldRow) : [],
    refused: [],
    lost: step?.lost ?? [],
    error: null,
  }
}

/** Logs what became of an image. */
export function tell(row: TransferRow, log: CommandContext['log']): void {
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

export function describeRetry({
  step,
  attempt,
  error,
}: Extract<TransferEvent, { type: 'retried' }>) {
  return `${labelOfStep(step)}: attempt ${attempt} after: ${printable(messageOf(error))}`
}

/** How many bytes a step is going to copy. */
export function bytesOf(step: WorkStep): number {
  return step.action === 'create' && step.withData ? (step.image.size ?? 0) : 0
}
