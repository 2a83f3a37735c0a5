import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'

/** What an S3 server answered instead of doing it. */
export interface S3Answer {
  /** HTTP. */
  readonly status: number
  /** Such as `NoSuchKey`; an answer without a body has none, and then the status says what it is. */
  readonly code: string
}

/** What servers say when there is no room: of an account's quota, of theirs, or of what one object may have. */
const FULL: ReadonlySet<string> = new Set([
  'QuotaExceeded',
  'EntityTooLarge',
  'InsufficientCapacity',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
])

/** The answer that an error of the SDK is about; null when there was none. */
export function answerOf(error: unknown): S3Answer | null {
  if (!(error instanceof Error && '$metadata' in error)) return null
  const metadata: unknown = error.$metadata
  if (typeof metadata !== 'object' || metadata === null) return null
  const status = 'httpStatusCode' in metadata ? metadata.httpStatusCode : undefined
  return typeof status === 'number' ? { status, code: error.name } : null
}

/** Whether it is that there is no such object, bucket or upload. */
export function isAbsent(error: unknown): boolean {
  return answerOf(error)?.status === 404
}

export function isMissingBucket(error: unknown): boolean {
  return answerOf(error)?.code === 'NoSuchBucket'
}

/** Whether it says that there are no uploads: without a bucket there are none, and some servers list none. */
export function isWithoutUploads(error: unknown, accepted: readonly number[] = []): boolean {
  const { status = 0 } = answerOf(error) ?? {}
  return isMissingBucket(error) || status === 501 || accepted.includes(status)
}

/**
 * An error of the SDK as one that a store may have. The SDK's own stays out of it when it is about an answer: it has the
 * request that was signed.
 */
export function s3Fault(store: string, asked: string, error: unknown): Error {
  if (isGlanceError(error)) return error
  const answer = answerOf(error)
  if (answer === null) {
    const message = `store ${store}: ${asked}: no answer of the S3 server: ${messageOf(error)}`
    return new GlanceError('unavailable', message, { cause: error })
  }
  const { status, code } = answer
  const message = `store ${store}: ${asked}: the S3 server answered ${status} ${code}`
  if (status === 416) return new GlanceError('unsatisfiable_range', message)
  if (FULL.has(code) || status === 413 || status === 507) {
    return new GlanceError('over_limit', message)
  }
  return new GlanceError(status === 404 ? 'not_found' : 'unavailable', message)
}
