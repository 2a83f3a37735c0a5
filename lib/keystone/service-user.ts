import { isGlanceError } from '../errors.ts'
import { call } from '../http/client.ts'
import { identityUrl } from './catalog.ts'
import type { KeystoneCredentials } from './cloud-credentials.ts'
import { KeystoneSession, type SessionOptions } from './session.ts'

/** A Keystone, as a service that uses it is told of it. */
export interface ServiceUserOptions extends Omit<SessionOptions, 'attempts' | 'refusedForMs'> {
  /** Which of the endpoints in the catalogue is asked; where it has none, it is where the service logs in. */
  readonly interface: string
  /** Null for whichever comes first. */
  readonly region: string | null
}

export interface IdentityQuery {
  /** Such as `auth/tokens`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

/** Milliseconds for which we do not try again what Keystone has refused: it may lock the user out. */
const REFUSED_MS = 5000

/** A service that asks Keystone in its own name, by the Identity API v3. It logs in when it has to. */
export class ServiceUser {
  readonly #session: KeystoneSession
  readonly #authUrl: URL
  readonly #options: ServiceUserOptions

  /** The URL to log in at may have the `/v3` at its end or not. */
  constructor(credentials: Omit<KeystoneCredentials, 'version'>, options: ServiceUserOptions) {
    this.#authUrl = versionThree(credentials.authUrl)
    this.#session = new KeystoneSession(
      { ...credentials, authUrl: this.#authUrl, version: 3 },
      // Whoever waits for an answer waits no longer than for one login.
      { ...options, attempts: 1, refusedForMs: REFUSED_MS },
    )
    this.#options = options
  }

  /**
   * The document at a path of the API. A token that Keystone does not take any more is renewed, once, and a connection
   * that it closed meanwhile opened again.
   * @throws {GlanceError} `unauthenticated` when Keystone does not know the service; else as {@link call}.
   */
  async get({ path, query = {}, headers = {} }: IdentityQuery): Promise<unknown> {
    const { interface: side, region, connections, timeoutMs, signal } = this.#options
    for (let attempt = 1; ; attempt += 1) {
      const { token, catalog } = await this.#session.grant({ signal })
      const told = identityUrl(catalog, { region, interfaces: [side] })
      const url = new URL(told === undefined ? this.#authUrl : versionThree(told))
      url.pathname += `/${path}`
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      const asked = {
        headers: { ...headers, 'x-auth-token': token },
        connections,
        timeoutMs,
        signal,
      }
      try {
        return await call({ method: 'GET', url, ...asked })
      } catch (error) {
        if (attempt > 1 || !isGlanceError(error, 'unauthenticated', 'unavailable')) throw error
        if (error.code === 'unauthenticated') await this.#session.invalidate(token)
      }
    }
  }
}

/** Where a Keystone, of whatever version and ending, has its API v3. */
export function versionThree(url: URL): URL {
  const path = url.pathname.replace(/\/+$/, '').replace(/\/v(?:2\.0|3)$/, '')
  return new URL(`${path}/v3`, url)
}
