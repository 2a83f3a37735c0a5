import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'

/** Gives the token that requests to one service carry. */
export interface TokenSource {
  /** A token believed to be valid; null where the service asks for none. */
  token(options?: Abortable): Promise<string | null>
  /** Says that the service refused `token`. Resolves to whether another can be had. */
  invalidate(token: string | null): Promise<boolean>
  /** What the tokens are good for, such as `project ID`; null or left out where that is not known. */
  scope?(options?: Abortable): Promise<string | null>
  /** What to do about a refusal that no other token helps against. */
  readonly advice?: string | undefined
}

/** A token that was given to us and cannot be renewed. */
export function fixedToken(token: string | null): TokenSource {
  return { token: async () => token, invalidate: async () => false }
}

export interface WithTokenOptions extends Abortable {
  /** Whether a failure is the service's refusal of the token. Default: whatever is `unauthenticated`. */
  readonly isRefusal?: ((error: GlanceError) => boolean) | undefined
}

/**
 * Does `work` with a token. When the service refuses that, and another is to be had, does it once more, from its
 * start. @throws {GlanceError} `unauthenticated`, and whatever `work` throws.
 */
export async function withToken<T>(
  tokens: TokenSource,
  work: (token: string | null) => Promise<T>,
  { isRefusal = () => true, signal }: WithTokenOptions = {},
): Promise<T> {
  const isRefused = (error: unknown): error is GlanceError =>
    isGlanceError(error, 'unauthenticated') && isRefusal(error)
  const token = await tokens.token({ signal })
  try {
    return await work(token)
  } catch (error) {
    if (!isRefused(error)) throw error
    if (!(await tokens.invalidate(token))) throw advised(error, tokens)
  }
  const renewed = await tokens.token({ signal })
  try {
    return await work(renewed)
  } catch (error) {
    if (!isRefused(error)) throw error
    const question = 'does it ask the same Keystone, and are the clocks of both right?'
    const message = `${messageOf(error)}; it refuses a token issued just now: ${question}`
    throw new GlanceError('unauthenticated', message, { cause: error })
  }
}

function advised(error: GlanceError, { advice }: TokenSource): GlanceError {
  if (advice === undefined) return error
  return new GlanceError(error.code, `${error.message}; ${advice}`, { cause: error })
}
