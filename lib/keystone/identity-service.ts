import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { exchange } from '../http/client.ts'
import type { DataConnections } from '../http/connections.ts'
import { redact } from '../http/redact.ts'
import type { KeystoneCredentials, Method, Named, Scope } from './cloud-credentials.ts'
import { fieldsOf, isFields, listOf } from './documents.ts'
import { type Grant, grantFromV2, grantFromV3 } from './grant.ts'
import { listProjects, type ProjectList } from './projects.ts'
import { v2Request, v3Request } from './requests.ts'

export interface ServiceOptions {
  /** How to get there. Default: directly, trusting whom Node trusts. */
  readonly connections?: DataConnections | undefined
  /** Milliseconds without a sign of life. */
  readonly timeoutMs: number
}

/** One of its APIs. */
interface Api {
  readonly version: 2 | 3
  /** What `/auth/tokens` or `/tokens` is appended to. */
  readonly base: URL
}

/** How an identity service says no, when it says nothing more. */
const SAYING_NOTHING = /^The request you have made requires authentication\.?$/

/** A Keystone, asked with the credentials of one cloud. */
export class IdentityService {
  readonly #credentials: KeystoneCredentials
  readonly #options: ServiceOptions
  /** For messages. */
  readonly #origin: string
  #api: Api | undefined

  constructor(credentials: KeystoneCredentials, origin: string, options: ServiceOptions) {
    this.#credentials = credentials
    this.#origin = origin
    this.#options = options
  }

  /**
   * Proves who we are and gets a token. @throws {GlanceError} `unauthenticated` when that is not believed;
   * `unavailable`, `unreachable`; `unsupported` when no Keystone is there; `usage` for a token that is good for
   * nothing, and for what the version of the service has no words for.
   */
  async authenticate({ signal }: Abortable = {}): Promise<Grant> {
    this.#api ??= await this.#discover(signal)
    const grant = await this.#post(this.#api, signal)
    if (!grant.scoped) {
      throw this.#error(
        'usage',
        'no project is set, and the user has none by default: set project_name and project_domain_name',
      )
    }
    if (grant.lifetimeMs !== null && grant.lifetimeMs <= 0) {
      const message = `${redact(this.#api.base)} gives tokens that end before they begin: is its clock right?`
      throw this.#error('unsupported', message)
    }
    return grant
  }

  /** The projects that `token` may see; undefined by v2.0. @throws as {@link listProjects}. */
  async projects(token: string, { signal }: Abortable = {}): Promise<ProjectList | undefined> {
    this.#api ??= await this.#discover(signal)
    if (this.#api.version === 2) return undefined
    try {
      return await listProjects(this.#api.base, token, { ...this.#options, signal })
    } catch (error) {
      if (!isGlanceError(error)) throw error
      throw this.#error(error.code, error.message, { cause: error })
    }
  }

  async #post({ version, base }: Api, signal: AbortSignal | undefined): Promise<Grant> {
    const url = below(base, version === 3 ? 'auth/tokens' : 'tokens')
    const body = version === 3 ? v3Request : v2Request
    try {
      const { headers, json } = await exchange({
        method: 'POST',
        url,
        headers: {},
        json: body(this.#credentials),
        ...this.#options,
        signal,
      })
      return version === 3
        ? grantFromV3(headers['x-subject-token'], json, headers.date)
        : grantFromV2(json, headers.date)
    } catch (error) {
      signal?.throwIfAborted()
      if (!isGlanceError(error)) throw error
      throw this.#refusal(error, base)
    }
  }

  /** What the service has to say, with the cloud whose settings it is about, and without our secrets. */
  #refusal(error: GlanceError, base: URL): GlanceError {
    const words = withoutSecrets(error.message, this.#credentials)
    const { retryAfterMs } = error
    // What is told of a cause would be told with the secrets.
    const options = words === error.message ? { cause: error, retryAfterMs } : { retryAfterMs }
    const { methods, scope } = this.#credentials
    // Keystone calls a token, trust or application credential that it does not know not found.
    const isByTicket =
      scope.type === 'trust' ||
      methods.some(
        ({ type }) =>
          type === 'token' ||
          (type === 'application_credential' && /could not find app/i.test(words)),
      )
    const isUnknown = error.code === 'not_found' && isByTicket
    if (error.code === 'not_found' && !isByTicket) {
      const message = `${words}: no Keystone is there; is auth_url right?`
      return this.#error('unsupported', message, options)
    }
    if (error.code !== 'unauthenticated' && !isUnknown) {
      return this.#error(error.code === 'invalid' ? 'usage' : error.code, words, options)
    }
    const said = words.replace(/^.*?: 40[14] ?/, '')
    const more = said === '' || SAYING_NOTHING.test(said) ? '' : ` (${said})`
    const message = `${redact(base)} refuses ${described(this.#credentials)}${more}`
    return this.#error('unauthenticated', message, options)
  }

  /** Which API to ask, and where: as `auth_url` ends, else as its document says. */
  async #discover(signal: AbortSignal | undefined): Promise<Api> {
    const { authUrl, version } = this.#credentials
    const ending = /\/v(2(?:\.0)?|3)$/.exec(authUrl.pathname)?.[1]
    const wanted = version ?? (ending === '3' ? 3 : null)
    if (wanted !== null && ending !== undefined) {
      if (String(wanted) === ending.charAt(0)) return { version: wanted, base: authUrl }
      const sibling = new URL(authUrl)
      sibling.pathname = authUrl.pathname.replace(/\/[^/]*$/, wanted === 3 ? '/v3' : '/v2.0')
      return { version: wanted, base: sibling }
    }
    if (ending !== undefined) return { version: 2, base: authUrl }
    const offered = await this.#versions(authUrl, signal)
    const chosen = wanted ?? (offered.has(3) || offered.size === 0 ? 3 : 2)
    const link = offered.get(chosen)
    if (offered.size > 0 && !offered.has(chosen)) {
      const message = `${redact(authUrl)} does not speak the Identity API v${chosen}`
      throw this.#error('unsupported', message)
    }
    // Services behind proxies often do not know where they are: then what is appended to auth_url it is.
    const isBelow = link?.href.startsWith(below(authUrl, '').href) === true
    return {
      version: chosen,
      base: isBelow ? link : below(authUrl, chosen === 3 ? 'v3' : 'v2.0'),
    }
  }

  /** The versions in the document at `url`, and where they say that they are. Empty when there is no document. */
  async #versions(url: URL, signal: AbortSignal | undefined): Promise<Map<2 | 3, URL>> {
    let document: unknown
    try {
      const asked = { method: 'GET', url: below(url, ''), headers: {}, accepted: [300] } as const
      document = (await exchange({ ...asked, ...this.#options, signal })).json
    } catch (error) {
      signal?.throwIfAborted()
      if (!isGlanceError(error)) throw error
      if (isGlanceError(error, 'unavailable', 'unreachable')) {
        throw this.#error(error.code, error.message, {
          cause: error,
          retryAfterMs: error.retryAfterMs,
        })
      }
      return new Map()
    }
    const found = new Map<2 | 3, URL>()
    for (const version of versionsIn(document)) {
      const number = /^v(2|3)\b/.exec(String(version['id']))?.[1]
      if (number === undefined) continue
      const href = listOf(version['links']).find(({ rel }) => rel === 'self')?.['href']
      const at =
        typeof href === 'string' && URL.canParse(href, url.href) ? new URL(href, url.href) : url
      at.pathname = at.pathname.replace(/\/+$/, '')
      found.set(number === '3' ? 3 : 2, at)
    }
    return found
  }

  #error(
    code: GlanceError['code'],
    message: string,
    options: ConstructorParameters<typeof GlanceError>[2] = {},
  ): GlanceError {
    return new GlanceError(code, `${this.#origin}: ${message}`, options)
  }
}

function below(base: URL, path: string): URL {
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/${path}`
  return url
}

/** `{versions: {values: […]}}`, `{versions: […]}` or `{version: {…}}`. */
function versionsIn(document: unknown) {
  const { version, versions } = fieldsOf(document)
  if (isFields(version)) return [version]
  return listOf(isFields(versions) ? versions['values'] : versions)
}

/** The service may repeat what it was told, as validators do. */
function withoutSecrets(text: string, { methods }: KeystoneCredentials): string {
  return methods.map(secretOf).reduce((text, secret) => text.replaceAll(secret, '(secret)'), text)
}

function secretOf(method: Method): string {
  switch (method.type) {
    case 'password':
      return method.password
    case 'totp':
      return method.passcode
    case 'token':
      return method.token
    case 'application_credential':
      return method.secret
  }
}

/** Who wanted what, for messages. */
export function described({ methods, scope }: KeystoneCredentials): string {
  return `${methods.map(describedMethod).join(' and ')}${describedScope(scope)}`
}

function describedMethod(method: Method): string {
  switch (method.type) {
    case 'password':
      return `the password of user ${named(method.user)}`
    case 'totp':
      return `the passcode of user ${named(method.user)} (one is good for half a minute, by the clocks of both, and once)`
    case 'token':
      return 'the token'
    case 'application_credential': {
      const { id, name, user } = method
      const which = id ?? `'${name}' of user ${user === null ? '' : named(user)}`
      return `the application credential ${which}: its secret is wrong, or it has expired or was deleted`
    }
  }
}

function describedScope(scope: Scope): string {
  switch (scope.type) {
    case 'project':
      return ` for project ${named(scope.project)}`
    case 'domain':
      return ` for domain ${named(scope.domain)}`
    case 'system':
      return ' for the system'
    case 'trust':
      return ` for trust ${scope.id}`
    case 'given':
      return ''
  }
}

function named(what: Named): string {
  if ('id' in what) return what.id
  const { name, domain } = what
  return domain === null ? `'${name}'` : `'${name}' in domain '${Object.values(domain).join('')}'`
}
