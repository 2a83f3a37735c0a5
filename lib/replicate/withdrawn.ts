import type { Withdrawal } from '../endpoint/endpoint.ts'

/** What an image is once it was withdrawn. */
export const WITHDRAWN = {
  hide: 'hidden',
  deactivate: 'deactivated',
  delete: 'deleted',
} as const satisfies Record<Withdrawal, string>
