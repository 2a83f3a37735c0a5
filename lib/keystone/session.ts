import type { Abortable } from '../abort.ts'
import { withAttempts } from '../attempts.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { imageUrl, type Wanted } from './catalog.ts'
import type { KeystoneCredentials } from './cloud-credentials.ts'
import type { Grant } from './grant.ts'
import { described, IdentityService, type ServiceOptions } from './identity-service.ts'
import type { ProjectList } from './projects.ts'
import { type TokenSource, withToken } from './token-source.ts'

export interface SessionOptions extends ServiceOptions, Abortable {
  /** For messages: whose settings they are. */
  readonly origin: string
  /** How often to ask in all where another time may help. Default 3. */
  readonly attempts?: number | undefined
  /** The time now, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Milliseconds after which refused credentials are tried again: somebody may have put it right. Default never. */
  readonly refusedForMs?: number | undefined
  /** Told of each token, but for what it is: a line for people. */
  readonly onToken?: ((message: string) => void) | undefined
}

/** Milliseconds before its end from which on a token is not used for anything new, */
const MARGIN_MS = 60_000
/** and the share of its life that this is at most. */
const MARGIN_SHARE = 0.25
/** Milliseconds for which a token that still holds is used after it could not be renewed. */
const RESPITE_MS = 5000

interface Held extends Grant {
  /** From when on to renew it. */
  renewAt: number
  readonly endsAt: number
}

/**
 * The tokens of one cloud. A token is renewed when its end is near or when a service refused it, once for all who wait
 * for it. Refused credentials are not tried again, or not soon, so that nobody's account is locked by asking.
 */
export class KeystoneSession implements TokenSource {
  readonly #service: IdentityService
  readonly #credentials: KeystoneCredentials
  readonly #options: SessionOptions
  readonly #now: () => number
  /** Whether the credentials are good for more than one token. */
  readonly #renewable: boolean
  #held: Held | undefined
  /** Once it has given a token, a service that cannot be reached is expected to be back. */
  #hadToken = false
  #renewal: Promise<Held> | undefined
  #refusal: { readonly error: GlanceError; readonly until: number } | undefined

  constructor(credentials: KeystoneCredentials, options: SessionOptions) {
    this.#credentials = credentials
    this.#service = new IdentityService(credentials, options.origin, options)
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#renewable = credentials.methods.every(({ type }) => type !== 'totp' && type !== 'token')
  }

  /** @throws {GlanceError} `unauthenticated`, and as {@link IdentityService.authenticate} does. */
  async token({ signal }: Abortable = {}): Promise<string> {
    return (await this.grant({ signal })).token
  }

  async scope({ signal }: Abortable = {}): Promise<string | null> {
    return (await this.grant({ signal })).scope
  }

  async invalidate(token: string | null): Promise<boolean> {
    if (this.#held?.token !== token) return this.#refusal === undefined
    if (!this.#renewable) return false
    this.#held = undefined
    return true
  }

  /** Where the image service is, by the catalogue. @throws {GlanceError} as {@link imageUrl} and `token` do. */
  async imageUrl(wanted: Wanted, { signal }: Abortable = {}): Promise<string> {
    return imageUrl((await this.grant({ signal })).catalog, wanted)
  }

  /** The projects of the cloud, as far as we may know; undefined where its Keystone speaks only v2.0. */
  async projects({ signal }: Abortable = {}): Promise<ProjectList | undefined> {
    const list = async (token: string | null) =>
      await this.#service.projects(token ?? '', { signal })
    return await withToken(this, list, { signal })
  }

  /** A token that holds, with the catalogue that came with it. @throws {GlanceError} as `token` does. */
  async grant({ signal }: Abortable = {}): Promise<Grant> {
    const held = this.#held
    if (held !== undefined && this.#now() < (this.#renewable ? held.renewAt : held.endsAt)) {
      return held
    }
    if (this.#refusal !== undefined && this.#now() < this.#refusal.until) throw this.#refusal.error
    if (held !== undefined && !this.#renewable) {
      throw new GlanceError(
        'unauthenticated',
        `${this.#options.origin}: the token has expired, and ${described(this.#credentials)} gets no other`,
      )
    }
    const renewal = (this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    }))
    renewal.catch(() => {}) // Told to who waits; nobody may be left.
    try {
      return await untilAborted(renewal, signal)
    } catch (error) {
      signal?.throwIfAborted()
      // The service has a bad moment, and what we have still holds.
      if (held === undefined || held !== this.#held || this.#now() >= held.endsAt) throw error
      if (!isGlanceError(error, 'unavailable', 'unreachable')) throw error
      held.renewAt = Math.min(this.#now() + RESPITE_MS, held.endsAt)
      return held
    }
  }

  async #renew(): Promise<Held> {
    const { attempts, signal, onToken, origin, refusedForMs } = this.#options
    try {
      const grant = await withAttempts(async () => await this.#service.authenticate({ signal }), {
        attempts,
        signal,
        worth: this.#hadToken ? ['unavailable', 'unreachable'] : ['unavailable'],
      })
      const { lifetimeMs } = grant
      const endsAt = lifetimeMs === null ? Number.POSITIVE_INFINITY : this.#now() + lifetimeMs
      const margin = Math.min(MARGIN_MS, (lifetimeMs ?? 0) * MARGIN_SHARE)
      this.#hadToken = true
      this.#refusal = undefined
      this.#held = { ...grant, endsAt, renewAt: endsAt - margin }
      onToken?.(
        `${origin}: a token, good for ${lifetimeMs === null ? 'ever' : `${lifetimeMs / 1000} s`}`,
      )
      return this.#held
    } catch (error) {
      if (isGlanceError(error, 'unauthenticated')) {
        const until = this.#now() + (refusedForMs ?? Number.POSITIVE_INFINITY)
        this.#refusal = { error, until }
      }
      throw error
    }
  }
}

/** What `work` resolves to, unless the signal fires first; `work` goes on for the others. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  signal.throwIfAborted()
  return await new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
