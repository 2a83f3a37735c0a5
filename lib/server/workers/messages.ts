import type { ErrorCode } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Series } from '../metrics/metrics.ts'

/** What a worker is told. A connection comes with its handle. */
export type ToWorker =
  | { readonly type: 'start'; readonly config: ServerConfig; readonly tellsExchanges: boolean }
  | { readonly type: 'connection' }
  /** Answered by the same. */
  | { readonly type: 'metrics' }
  /** Finishes what it has, however long that takes, and ends. */
  | { readonly type: 'drain' }
  /** Finishes what it has within the time that there is for that, and ends. */
  | { readonly type: 'stop' }

/** What a worker tells. */
export type FromWorker =
  | { readonly type: 'ready' }
  /** The connection that was handed to it first of those that it has not said this of is its own. */
  | { readonly type: 'taken' }
  /** That one is not: it comes too late, and somebody else may have it. */
  | { readonly type: 'refused' }
  /** Somebody else than its parent has told it to finish what it has and end. */
  | { readonly type: 'leaving' }
  /** It cannot start, and ends. */
  | { readonly type: 'failed'; readonly error: ToldError }
  | { readonly type: 'report'; readonly error: ToldError; readonly requestId: string | undefined }
  /** Whether it has an image in hand from now on, such as by an upload. */
  | { readonly type: 'holds'; readonly id: string; readonly isHeld: boolean }
  | { readonly type: 'exchange'; readonly exchange: Exchange }
  /** Also as the last of all. */
  | { readonly type: 'metrics'; readonly series: Series }
  | { readonly type: 'notice'; readonly message: string }

/** An error on its way from process to process; `code` null for one that nobody foresaw. */
export interface ToldError {
  readonly code: ErrorCode | null
  readonly message: string
  readonly stack: string | undefined
}
