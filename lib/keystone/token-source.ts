import type { Abortable } from '../abort.ts'

/** Gives the token that requests to one service carry. */
export interface TokenSource {
  /** A token believed to be valid; null where the service asks for none. */
  token(options?: Abortable): Promise<string | null>
  /** Says that the service refused `token`. Resolves to whether another can be had. */
  invalidate(token: string | null): Promise<boolean>
}

/** A token that was given to us and cannot be renewed. */
export function fixedToken(token: string | null): TokenSource {
  return { token: async () => token, invalidate: async () => false }
}
