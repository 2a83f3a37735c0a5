import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { call, type ClientTls, exchange } from '../http/client.ts'
import { redact } from '../http/redact.ts'
import { authDocument, type ServiceCredentials } from './credentials.ts'
import { dateOf, fieldsOf, listOf } from './documents.ts'
import type { TokenSource } from './token-source.ts'

/** A Keystone, as a service that uses it is told of it. */
export interface IdentityService {
  /** With or without the `/v3` at its end. */
  readonly authUrl: URL
  readonly credentials: ServiceCredentials
  /** Which of the catalog's endpoints is asked; where it has none, it is `authUrl`. */
  readonly interface: string
  /** Null for whichever comes first. */
  readonly region: string | null
  /** Milliseconds without a sign of life. */
  readonly timeoutMs: number
  readonly tls?: ClientTls | undefined
  /** The time of day. Default: that of this machine. */
  readonly now?: (() => Date) | undefined
}

export interface IdentityQuery {
  /** Such as `auth/tokens`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

interface Login {
  readonly token: string
  /** Milliseconds since 1970 from which on another token is better asked for. */
  readonly renewAt: number
  /** Of the API v3, with a slash at its end. */
  readonly endpoint: URL
}

/** Milliseconds before its end at which a token is renewed; or a tenth of its life when that is less. */
const MARGIN_MS = 60_000
/** Milliseconds for which we do not try again what Keystone has refused: it may lock the user out. */
const REFUSED_MS = 5000

/** A service that asks Keystone in its own name. It logs in when it has to, once for many who wait. */
export class ServiceUser implements TokenSource {
  readonly #service: IdentityService
  readonly #now: () => number
  #login: Login | undefined
  #loggingIn: Promise<Login> | undefined
  #refusal: { readonly error: GlanceError; readonly until: number } | undefined

  constructor(service: IdentityService) {
    this.#service = service
    this.#now = () => (service.now?.() ?? new Date()).getTime()
  }

  /** @throws {GlanceError} as {@link get}. */
  async token({ signal }: Abortable = {}): Promise<string> {
    signal?.throwIfAborted()
    return (await this.#loggedIn()).token
  }

  async invalidate(token: string | null): Promise<boolean> {
    if (this.#login?.token === token) this.#login = undefined
    return true
  }

  /**
   * The document at a path of the Identity API v3. A token that Keystone does not take any more is renewed, once, and a
   * connection that it closed meanwhile opened again.
   * @throws {GlanceError} `unauthenticated` when Keystone does not know the service; else as {@link call}.
   */
  async get({ path, query = {}, headers = {} }: IdentityQuery): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      const { token, endpoint } = await this.#loggedIn()
      const url = new URL(path, endpoint)
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      try {
        return await call({
          method: 'GET',
          url,
          headers: { ...headers, 'x-auth-token': token },
          ...this.#transport,
        })
      } catch (error) {
        if (attempt > 1 || !isGlanceError(error, 'unauthenticated', 'unavailable')) throw error
        if (error.code === 'unauthenticated') await this.invalidate(token)
      }
    }
  }

  async #loggedIn(): Promise<Login> {
    const now = this.#now()
    if (this.#login !== undefined && now < this.#login.renewAt) return this.#login
    if (this.#refusal !== undefined && now < this.#refusal.until) throw this.#refusal.error
    this.#loggingIn ??= this.#logIn().finally(() => (this.#loggingIn = undefined))
    return await this.#loggingIn
  }

  async #logIn(): Promise<Login> {
    const { authUrl, credentials } = this.#service
    const url = new URL('auth/tokens', versionThree(authUrl))
    const json = authDocument(credentials)
    try {
      const transport = this.#transport
      const { headers, json: document } = await exchange({
        method: 'POST',
        url,
        headers: {},
        json,
        ...transport,
      })
      const token = headers['x-subject-token']
      if (typeof token !== 'string') {
        throw new GlanceError('unsupported', `POST ${redact(url)}: the answer has no token in it`)
      }
      const details = fieldsOf(fieldsOf(document)['token'])
      this.#refusal = undefined
      return (this.#login = {
        token,
        renewAt: renewalOf(dateOf(details['expires_at']), this.#now()),
        endpoint: this.#endpointIn(details['catalog']) ?? versionThree(authUrl),
      })
    } catch (error) {
      if (!isGlanceError(error, 'unauthenticated')) throw error
      const message = `Keystone refuses ${nameOf(credentials)}, as whom this service asks it: ${error.message}`
      const refused = new GlanceError('unauthenticated', message)
      this.#refusal = { error: refused, until: this.#now() + REFUSED_MS }
      throw refused
    }
  }

  get #transport(): { readonly timeoutMs: number; readonly tls: ClientTls | undefined } {
    const { timeoutMs, tls } = this.#service
    return { timeoutMs, tls }
  }

  #endpointIn(catalog: unknown): URL | undefined {
    const { interface: side, region } = this.#service
    const endpoint = listOf(catalog)
      .filter(({ type }) => type === 'identity')
      .flatMap(({ endpoints }) => listOf(endpoints))
      .find(
        endpoint =>
          endpoint['interface'] === side && (region === null || endpoint['region'] === region),
      )
    const url = endpoint?.['url']
    return typeof url === 'string' && URL.canParse(url) ? versionThree(new URL(url)) : undefined
  }
}

function versionThree(url: URL): URL {
  const path = url.pathname.replace(/\/+$/, '').replace(/\/v(?:2\.0|3)$/, '')
  return new URL(`${path}/v3/`, url)
}

/** By a clock that is wrong a token may seem to have ended before it began: then it is used until it is refused. */
function renewalOf(expiry: Date | null, now: number): number {
  const life = (expiry?.getTime() ?? 0) - now
  return life > 0 ? now + life - Math.min(MARGIN_MS, life / 10) : now + MARGIN_MS
}

function nameOf(credentials: ServiceCredentials): string {
  const [what, thing] =
    credentials.type === 'password'
      ? ['the user', credentials.user]
      : ['the application credential', credentials.credential]
  return `${what} ${'id' in thing ? thing.id : thing.name}`
}
