import type { ErrorCode } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'

/** What a worker is told. A connection comes with its handle. */
export type ToWorker =
  | { readonly type: 'start'; readonly config: ServerConfig }
  | { readonly type: 'connection' }
  /** Finishes what it has, however long that takes, and ends. */
  | { readonly type: 'drain' }
  /** Finishes what it has within the time that there is for that, and ends. */
  | { readonly type: 'stop' }

/** What a worker tells. */
export type FromWorker =
  | { readonly type: 'ready' }
  /** It cannot start, and ends. */
  | { readonly type: 'failed'; readonly error: ToldError }
  | { readonly type: 'report'; readonly error: ToldError }
  | { readonly type: 'notice'; readonly message: string }

/** An error on its way from process to process; `code` null for one that nobody foresaw. */
export interface ToldError {
  readonly code: ErrorCode | null
  readonly message: string
  readonly stack: string | undefined
}
