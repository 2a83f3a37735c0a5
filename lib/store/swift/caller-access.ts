import type { Abortable } from '../../abort.ts'
import { isGlanceError } from '../../errors.ts'
import type { Trust, Trustee } from '../../keystone/trust.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { Access, AccessSource } from './access.ts'

/** Access by whatever token a caller came with, for as long as it holds; null for a caller without one. */
export function callerAccess(token: string | null, url: string): AccessSource {
  return { access: async () => ({ token, url }), invalidate: async () => false }
}

/** An access with nothing to give up at the end. */
export function brief(access: AccessSource): AccessSource & AsyncDisposable {
  return { ...access, [Symbol.asyncDispose]: async () => {} }
}

/**
 * Access in a caller's name that outlasts their token. The trust that this takes is made when it is first used, and is
 * deleted with it. Where none can be made it is as {@link callerAccess}, and a refusal says why.
 */
export class LastingAccess implements AccessSource, AsyncDisposable {
  readonly #token: string
  readonly #url: string
  readonly #trustee: Trustee
  #trust: Promise<Trust | null> | undefined
  #advice: string | undefined

  constructor(token: string, url: string, trustee: Trustee) {
    this.#token = token
    this.#url = url
    this.#trustee = trustee
  }

  get advice(): string | undefined {
    return this.#advice
  }

  async access({ signal }: Abortable = {}): Promise<Access> {
    this.#trust ??= this.#trusted(signal)
    const trust = await this.#trust
    return { token: trust === null ? this.#token : await trust.token({ signal }), url: this.#url }
  }

  async invalidate(token: string | null): Promise<boolean> {
    return (await (await this.#trust)?.invalidate(token)) ?? false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#trust?.catch(() => null))?.[Symbol.asyncDispose]()
  }

  async #trusted(signal: AbortSignal | undefined): Promise<Trust | null> {
    try {
      return await this.#trustee.trustedBy(this.#token, { signal })
    } catch (error) {
      signal?.throwIfAborted()
      if (!isGlanceError(error)) throw error
      this.#advice = `no trust outlasts the caller's token: ${error.message}`
      return null
    }
  }
}

/** Data that is read by such an access, which is given up at the end. */
export async function* releasing(
  data: Bytes,
  access: AsyncDisposable,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* data
  } finally {
    await access[Symbol.asyncDispose]()
  }
}
