import type { Endpoint, Withdrawal } from '../endpoint/endpoint.ts'
import {
  type KeepReason,
  planRemovals,
  type Removal,
  removeAll,
  type RemovalContext,
  type RemovalPlan,
  type Removed,
} from '../replicate/removal.ts'
import { WITHDRAWN } from '../replicate/withdrawn.ts'
import { isGlanceError } from '../errors.ts'
import { type ErrorRow, errorRow } from './differences.ts'
import { labelOf, printable } from './format.ts'
import type { Log } from './log.ts'
import { WHY_KEPT } from './removal.ts'

/** What became of an image that only the target has, or in a dry run would. */
export interface RemovalRow {
  readonly id: string
  readonly name: string | null
  readonly result:
    | 'hidden'
    | 'deactivated'
    | 'deleted'
    | 'would_hide'
    | 'would_deactivate'
    | 'would_delete'
    | 'kept'
    | 'failed'
    | 'interrupted'
  /** Bytes. */
  readonly size: number | null
  /** Why it is kept. */
  readonly reason: KeepReason | null
  readonly error: ErrorRow | null
}

/** What it all came to. Counts are of images; in a dry run of those that would be. */
export interface RemovalTotals {
  readonly hidden: number
  readonly deactivated: number
  readonly deleted: number
  /** Those that only the target has and that are left as they are, whatever for. */
  readonly kept: number
  readonly failed: number
  readonly interrupted: number
}

export interface RemovalOutcome {
  readonly totals: RemovalTotals
  /** Why no image was removed although some should have been. */
  readonly withheld: ErrorRow | null
  /** What ended it before its end; undefined for nothing. */
  readonly broken: unknown
}

export const NOTHING_REMOVED: RemovalOutcome = {
  totals: { hidden: 0, deactivated: 0, deleted: 0, kept: 0, failed: 0, interrupted: 0 },
  withheld: null,
  broken: undefined,
}

export interface RemovalRunOptions extends RemovalContext {
  readonly dryRun: boolean
  readonly log: Log
  readonly signal: AbortSignal
  /** The target as it is told of, when there are several. */
  readonly where?: string | undefined
  /** Told what is going to be done, before any of it is. */
  readonly onPlanned?: ((plan: RemovalPlan) => Promise<void>) | undefined
}

/** Removes the images that left the source, or in a dry run tells which they are; logs each. A refused token ends it. */
export async function* removeDeparted(
  source: Endpoint,
  target: Endpoint,
  removal: Removal,
  { dryRun, log, where = '', onPlanned, ...context }: RemovalRunOptions,
): AsyncGenerator<RemovalRow, RemovalOutcome> {
  const planned = await planRemovals(source, removal, context).catch((error: unknown) => {
    if (context.signal.aborted) return undefined
    throw error
  })
  if (planned === undefined) return NOTHING_REMOVED
  const { steps, withheld } = planned
  await onPlanned?.(planned)
  if (withheld !== null)
    log.error(`${where === '' ? '' : `${where}: `}${printable(withheld.message)}`)
  const totals = { ...NOTHING_REMOVED.totals }
  let broken: unknown
  try {
    const { copiesFrom } = removal
    const ways = { ...context, copiesFrom }
    for await (const removed of removeAll(steps, dryRun ? null : target, ways)) {
      const row = rowOf(removed, dryRun)
      totals[COUNTED[row.result]] += 1
      tellRemoval(row, log, where === '' ? '' : ` on ${where}`)
      yield row
    }
  } catch (error) {
    if (!isGlanceError(error, 'unauthenticated')) throw error
    broken = error
  }
  return { totals, withheld: withheld === null ? null : errorRow(withheld), broken }
}

/** What the last line says of it, besides what failed. */
export function describeRemovals(totals: RemovalTotals, dryRun: boolean): readonly string[] {
  const done = (['hidden', 'deactivated', 'deleted'] as const).flatMap(result =>
    totals[result] > 0 ? [`${totals[result]} ${dryRun ? `to be ${result}` : result}`] : [],
  )
  return totals.kept > 0 ? [...done, `${totals.kept} only on the target left alone`] : done
}

/** What an image would be. */
export const WOULD = {
  hide: 'would_hide',
  deactivate: 'would_deactivate',
  delete: 'would_delete',
} as const satisfies Record<Withdrawal, string>

/** What a row counts as. */
export const COUNTED = {
  hidden: 'hidden',
  deactivated: 'deactivated',
  deleted: 'deleted',
  would_hide: 'hidden',
  would_deactivate: 'deactivated',
  would_delete: 'deleted',
  kept: 'kept',
  failed: 'failed',
  interrupted: 'interrupted',
} as const satisfies Record<RemovalRow['result'], keyof RemovalTotals>

function rowOf({ step, error, interrupted }: Removed, dryRun: boolean): RemovalRow {
  if (step.action === 'unreadable') {
    const { id, error } = step
    return { ...NOBODY, id, result: 'kept', reason: 'unreadable', error: errorRow(error) }
  }
  const { id, name, size } = step.image
  const row = { ...NOBODY, id, name, size }
  if (interrupted) return { ...row, result: 'interrupted' }
  if (error !== null) return { ...row, result: 'failed', error: errorRow(error) }
  if (step.action === 'keep') return { ...row, result: 'kept', reason: step.reason }
  if (step.action === 'doubt') return { ...row, result: 'failed', error: errorRow(step.error) }
  return { ...row, result: (dryRun ? WOULD : WITHDRAWN)[step.how] }
}

const NOBODY = { name: null, size: null, reason: null, error: null } as const

export function tellRemoval(row: RemovalRow, log: Log, where = ''): void {
  const label = `${labelOf(row)}${where}`
  switch (row.result) {
    case 'kept': {
      if (row.error !== null) return log.warning(`${printable(row.error.message)}${where}`)
      const why = `${label}: only on the target, left alone: ${WHY_KEPT[row.reason ?? 'withheld']}`
      if (row.reason === 'protected') log.warning(why)
      else log.info(why)
      break
    }
    case 'failed':
      log.error(`${label}: failed: ${printable(row.error?.message ?? '')}`)
      break
    case 'interrupted':
      log.warning(`${label}: interrupted`)
      break
    case 'would_hide':
    case 'would_deactivate':
    case 'would_delete':
      log.notice(`${label}: not on the source, would be ${COUNTED[row.result]}`)
      break
    case 'hidden':
    case 'deactivated':
    case 'deleted':
      log.notice(`${label}: not on the source, ${row.result}`)
      break
  }
}
