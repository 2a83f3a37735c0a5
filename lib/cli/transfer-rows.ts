import type { PullMethod, RefusedField } from '../endpoint/endpoint.ts'
import { messageOf } from '../errors.ts'
import type { IdMap } from '../replicate/id-map.ts'
import type { PlanStep } from '../replicate/plan.ts'
import type { Totals } from '../replicate/report.ts'
import type { TransferEvent, WorkStep } from '../replicate/run.ts'
import type { LostField } from '../wire/loss.ts'
import type { CommandContext } from './command.ts'
import {
  describeForetold,
  describeRefusal,
  describeStep,
  type ErrorRow,
  errorRow,
  type FieldRow,
  fieldRow,
} from './differences.ts'
import { countOf, formatBytes, labelOf, printable } from './format.ts'
import { lostSuffix, sourceNameOf } from './losses.ts'
import { describeIds, idsOf } from './mapping.ts'
import { describeRemovals, type RemovalTotals } from './removal-rows.ts'

/** What became of one image, or in a dry run would. */
export interface TransferRow {
  readonly id: string
  /** The image's id on the target, where it is another. */
  readonly target_id: string | null
  readonly name: string | null
  readonly result:
    | 'created'
    | 'updated'
    | 'same'
    | 'no_data'
    | 'conflict'
    | 'unmapped'
    | 'failed'
    | 'interrupted'
    | 'would_create'
    | 'would_update'
  /** Bytes. */
  readonly size: number | null
  /** When the image of the source was changed last, in ISO 8601. */
  readonly updated_at: string | null
  /** How the target fetched the data by itself; null where it was sent it, or there was none to be had. */
  readonly via: PullMethod | null
  /** What was changed, or would be. */
  readonly differences: readonly FieldRow[]
  /** What the target would not take. */
  readonly refused: readonly RefusedField[]
  /** What the target cannot express; of an image that is refused for it, what would be lost. */
  readonly lost: readonly LostField[]
  readonly error: ErrorRow | null
}

/** Totals, as JSON shows them: of what was copied and of what was removed. */
export type ShownTotals = Omit<Totals, 'noData'> & { readonly no_data: number } & RemovalTotals

export function shownTotals({ noData, ...rest }: Totals, removed: RemovalTotals): ShownTotals {
  return {
    ...rest,
    no_data: noData,
    ...removed,
    failed: rest.failed + removed.failed,
    interrupted: rest.interrupted + removed.interrupted,
  }
}

/** What the last line says of it all. */
export function countsOf(totals: ShownTotals, dryRun: boolean): string {
  return [
    `${countOf(totals.created, 'image')} ${dryRun ? 'to be created' : 'created'} (${formatBytes(totals.bytes)})`,
    `${totals.updated} ${dryRun ? 'to be updated' : 'updated'}`,
    `${totals.same} the same`,
    ...(totals.no_data > 0 ? [`${totals.no_data} without data`] : []),
    ...(totals.unmapped > 0 ? [`${totals.unmapped} of projects that are not mapped`] : []),
    ...(totals.conflict > 0 ? [`${totals.conflict} whose id is taken`] : []),
    ...describeRemovals(totals, dryRun),
    ...(totals.refused > 0 ? [`${totals.refused} not taken in full`] : []),
    ...(totals.interrupted > 0 ? [`${totals.interrupted} interrupted`] : []),
    `${totals.failed} failed`,
  ].join(', ')
}

/** What a step comes to when nothing is done; `refused` is what is known not to be taken of it. */
export function planned(step: PlanStep, refused: readonly RefusedField[]): TransferEvent {
  if (step.action === 'skip') return { type: 'skipped', step, reason: step.reason }
  if (step.action === 'refuse') {
    return { type: 'failed', id: step.image.id, step, error: step.error }
  }
  return { type: 'finished', step, written: { image: step.image, refused } }
}

/** The row for what has happened; undefined for what is no end of an image. */
export function rowOf(event: TransferEvent, dryRun: boolean, ids?: IdMap): TransferRow | undefined {
  switch (event.type) {
    case 'planned':
    case 'started':
    case 'retried':
    case 'resumed':
    case 'continued':
    case 'unranged':
    case 'relayed':
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
      const row = about(step, ids)
      const targetId = dryRun && isAnew(event) ? row.id : written.image.id
      return {
        ...row,
        target_id: targetId === row.id ? null : targetId,
        result,
        size: written.image.size ?? row.size,
        differences: row.differences.filter(({ field }) => !refused.has(field)),
        refused: written.refused,
        via: written.via ?? null,
      }
    }
    case 'skipped':
      return { ...about(event.step, ids), result: event.reason }
    case 'interrupted':
      return { ...about(event.step, ids), result: 'interrupted' }
    case 'failed': {
      const row = about(event.step, ids)
      const id = event.step === null ? event.id : row.id
      return { ...row, id, result: 'failed', error: errorRow(event.error) }
    }
  }
}

/** Whether the target has other data under the image's id, so that it gets another. */
function isAnew({ step }: Extract<TransferEvent, { step: unknown }>): boolean {
  return step?.action === 'create' && step.anew === true
}

function about(step: PlanStep | null, ids: IdMap | undefined): Omit<TransferRow, 'result'> {
  return {
    ...(step === null ? { id: '', target_id: null } : idsOf(step, ids)),
    name: step === null ? null : sourceNameOf(step),
    size: step?.image.size ?? null,
    updated_at: step?.image.updatedAt.toISOString() ?? null,
    differences: step?.action === 'update' ? step.changes.map(fieldRow) : [],
    refused: [],
    via: null,
    lost: step?.lost ?? [],
    error: null,
  }
}

/** Logs what became of an image by `event`; `where` is the target, when there are several. */
export function tell(
  row: TransferRow,
  event: TransferEvent,
  log: CommandContext['log'],
  where = '',
): void {
  const label = `${labelOf(row)}${where}`
  const under = isAnew(event) && row.target_id === null ? ' under a new id' : describeIds(row)
  const lost = lostSuffix(row.lost)
  const by = row.via === null ? '' : ` by ${row.via}`
  switch (row.result) {
    case 'created':
      log.notice(`${label}: created${under}, ${formatBytes(row.size ?? 0)}${by}${lost}`)
      break
    case 'would_create':
      log.notice(`${label}: would be created${under}, ${formatBytes(row.size ?? 0)}${lost}`)
      break
    case 'updated': {
      const fields = row.differences.map(({ field }) => printable(field)).join(', ')
      log.notice(`${label}: updated: ${fields}${lost}`)
      break
    }
    case 'would_update': {
      const changes = row.differences.map(describeStep).join('; ')
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
    case 'conflict':
      log.notice(`${label}: skipped, the target does not give its id out`)
      break
    case 'unmapped':
      log.info(`${label}: skipped, its project is not mapped`)
      break
    case 'no_data':
      log.info(`${label}: skipped, there is no data to copy`)
      break
  }
  for (const refusal of row.refused) {
    const told = isPlanned(row) ? describeForetold(refusal) : describeRefusal(refusal)
    log.warning(`${label}: ${told}`)
  }
}

function isPlanned({ result }: TransferRow): boolean {
  return result === 'would_create' || result === 'would_update'
}

/** Tells what happens on the way to a result. */
export function narrate(
  event: TransferEvent,
  log: CommandContext['log'],
  { where = '', ids }: { readonly where?: string; readonly ids?: IdMap | undefined } = {},
): void {
  const tell = (step: PlanStep, words: string) => `${labelOf(about(step, ids))}${where}: ${words}`
  if (event.type === 'started') log.info(tell(event.step, event.step.action))
  if (event.type === 'relayed') {
    const why = printable(messageOf(event.error))
    return log.warning(tell(event.step, `relayed, since ${event.method} failed: ${why}`))
  }
  if (event.type === 'unranged') {
    const why = printable(messageOf(event.error))
    return log.warning(tell(event.step, `read in one stream, since it has no ranges: ${why}`))
  }
  if (event.type === 'continued' && event.error === null) {
    const words = `goes on at ${formatBytes(event.offset)}, which the target has already`
    return log.notice(tell(event.step, words))
  }
  if (event.type === 'continued') {
    const why = printable(messageOf(event.error))
    const words = `the upload goes on at ${formatBytes(event.offset)} after: ${why}`
    return log.warning(tell(event.step, words))
  }
  if (event.type !== 'retried' && event.type !== 'resumed') return
  const next =
    event.type === 'retried'
      ? `attempt ${event.attempt}`
      : `goes on at ${formatBytes(event.offset)}`
  log.warning(tell(event.step, `${next} after: ${printable(messageOf(event.error))}`))
}

/** Whether an image that the target does not have whole was to be copied, and was not. */
export function isCopyMissing(event: TransferEvent): boolean {
  if (event.type !== 'failed') return false
  const { step } = event
  return step?.action === 'create' || (step?.action === 'refuse' && isUncopied(step))
}

/** Whether what is refused is a copy, or what `--strict` refuses. */
export function isUncopied({ present, error }: Extract<PlanStep, { action: 'refuse' }>): boolean {
  return present === undefined || error.code === 'unsupported'
}

/** Whether an event's row says for good what the image loses. */
export function isSettled(event: TransferEvent, row: TransferRow): boolean {
  if (row.result === 'interrupted') return false
  return row.error === null || (event.type === 'failed' && event.step?.action === 'refuse')
}

/** How many bytes a step is going to copy. */
export function bytesOf(step: WorkStep): number {
  return step.action === 'create' && step.withData ? (step.image.size ?? 0) : 0
}
