/**
 * Every way in which something can go wrong that a caller may want to tell apart. HTTP statuses, exit codes and
 * the decision to try again are tables over these codes, so a new one does not compile until each table has it.
 */
export type ErrorCode =
  /** What was asked for is not there, or may not be seen. */
  | 'not_found'
  /** The identifier is taken, also by something deleted. */
  | 'duplicate'
  /** The caller is known and may not do this. */
  | 'forbidden'
  /** There are no credentials, or they are wrong or expired. */
  | 'unauthenticated'
  /** The state of the thing does not allow it now. */
  | 'conflict'
  /** The request or a document is malformed. */
  | 'invalid'
  /** The byte range lies outside the data. */
  | 'unsatisfiable_range'
  /** The media type is not one that is taken here. */
  | 'unsupported_media_type'
  /** A quota, a size limit or a disk is full. */
  | 'over_limit'
  /** It was there when the operation began and is not any more. */
  | 'gone'
  /** Bytes are not what they should be: too few, too many, or another digest. */
  | 'corrupt'
  /** The other side cannot do this, or is not what it was taken for. */
  | 'unsupported'
  /** No answer, or one that says to come back later: worth another attempt. */
  | 'unavailable'
  /** There is nobody to talk to: no such host, nobody who listens, or nobody whom we trust. */
  | 'unreachable'
  /** The command line or configuration is wrong. */
  | 'usage'

/**
 * The one error that is expected. Its message names the thing, what was wanted and what was found, in lower case
 * and without a full stop, and never holds a token, a password or a signed URL.
 */
export class GlanceError extends Error {
  readonly code: ErrorCode
  /** Milliseconds after which the other side said to come back; undefined where it said nothing. */
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: GlanceErrorOptions = {}) {
    super(message, options)
    this.name = 'GlanceError'
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }
}

export interface GlanceErrorOptions extends ErrorOptions {
  readonly retryAfterMs?: number | undefined
}

/**
 * Whether `error` is a {@link GlanceError}, with one of `codes` when any are given. Also one of another copy of this
 * package, which somebody's driver may have.
 */
export function isGlanceError(
  error: unknown,
  ...codes: readonly ErrorCode[]
): error is GlanceError {
  return isOne(error) && (codes.length === 0 || codes.includes(error.code))
}

function isOne(error: unknown): error is GlanceError {
  if (error instanceof GlanceError) return true
  return error instanceof Error && error.name === 'GlanceError' && 'code' in error
}

/** The message of anything that can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** For the `default` of an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new TypeError(`unexpected value: ${JSON.stringify(value)}`)
}
