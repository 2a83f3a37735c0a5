import type { TransferEvent } from './run.ts'

/** What a run has come to. Counts are of images. */
export interface Totals {
  readonly created: number
  readonly updated: number
  /** They were the same already. */
  readonly same: number
  /** The source has no data of them. */
  readonly noData: number
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
      const counted = { ...totals, refused: totals.refused + (written.refused.length > 0 ? 1 : 0) }
      if (step.action === 'update') return { ...counted, updated: totals.updated + 1 }
      const bytes = step.withData ? (written.image.size ?? step.image.size ?? 0) : 0
      return { ...counted, created: totals.created + 1, bytes: totals.bytes + bytes }
    }
    case 'skipped':
      return event.reason === 'same'
        ? { ...totals, same: totals.same + 1 }
        : { ...totals, noData: totals.noData + 1 }
    case 'failed':
      return { ...totals, failed: totals.failed + 1 }
    case 'interrupted':
      return { ...totals, interrupted: totals.interrupted + 1 }
    case 'planned':
    case 'started':
    case 'retried':
    case 'resumed':
    case 'relayed':
      return totals
  }
}
