import type { SkipReason } from './plan.ts'
import type { TransferEvent } from './run.ts'

/** What a run has come to. Counts are of images. */
export interface Totals {
  readonly created: number
  readonly updated: number
  /** They were the same already. */
  readonly same: number
  /** The source has no data of them. */
  readonly noData: number
  /** The target does not give their ids out, and they were to be skipped for it. */
  readonly conflict: number
  /** Nothing says which project of the target they belong to. */
  readonly unmapped: number
  readonly failed: number
  /** Those among the created and the updated of which the target would not take every field. */
  readonly refused: number
  readonly interrupted: number
  /** Bytes of the data of the created ones. */
  readonly bytes: number
}

export const NOTHING: Totals = {
  created: 0,
  updated: 0,
  same: 0,
  noData: 0,
  conflict: 0,
  unmapped: 0,
  failed: 0,
  refused: 0,
  interrupted: 0,
  bytes: 0,
}

/** The totals after one more event. */
export function count(totals: Totals, event: TransferEvent): Totals {
  switch (event.type) {
    case 'finished': {
      const { step, written } = event
      const taken = { ...totals, refused: totals.refused + (written.refused.length > 0 ? 1 : 0) }
      if (step.action === 'update') return { ...taken, updated: totals.updated + 1 }
      const bytes = step.withData ? (written.image.size ?? step.image.size ?? 0) : 0
      return { ...taken, created: totals.created + 1, bytes: totals.bytes + bytes }
    }
    case 'skipped':
      return { ...totals, ...counted(totals, event.reason) }
    case 'failed':
      return { ...totals, failed: totals.failed + 1 }
    case 'interrupted':
      return { ...totals, interrupted: totals.interrupted + 1 }
    case 'planned':
    case 'started':
    case 'retried':
    case 'resumed':
    case 'continued':
    case 'unranged':
    case 'relayed':
      return totals
  }
}

function counted(totals: Totals, reason: SkipReason): Partial<Totals> {
  switch (reason) {
    case 'same':
      return { same: totals.same + 1 }
    case 'no_data':
      return { noData: totals.noData + 1 }
    case 'conflict':
      return { conflict: totals.conflict + 1 }
    case 'unmapped':
      return { unmapped: totals.unmapped + 1 }
  }
}
