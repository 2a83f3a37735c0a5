import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ServiceUser } from '../../keystone/service-user.ts'
import { type TokenDetails, validateToken } from '../../keystone/validate.ts'
import type { Identity } from '../domain/context.ts'
import { ANONYMOUS, type Authenticate, Unauthenticated } from './authenticate.ts'
import { type Finding, TokenCache } from './token-cache.ts'

export interface KeystoneAuthOptions {
  /** Where clients are told to get a token: a URL. */
  readonly clientsGoTo: string
  /** Milliseconds for which an answer of Keystone's is believed, unless the token expires before; 0 for not at all. */
  readonly cacheMs: number
  /** One of these makes a service one that may bring an expired token of the user that it works for. */
  readonly serviceRoles: readonly string[]
  /** Whether a service without one of them is refused. */
  readonly requireServiceRole: boolean
  /** Whether callers without a token may look. */
  readonly allowAnonymous: boolean
  /** Told once when Keystone cannot be asked, and again only after it could. */
  readonly report: (error: unknown) => void
  readonly now: () => Date
}

/** Milliseconds for which a token is remembered that Keystone refused, at most. */
const REFUSED_MS = 10_000
/** Tokens that are remembered: some kilobytes each. */
const REMEMBERED = 10_000

/** Callers are who Keystone says that their tokens are of; whatever else their requests say of it is not believed. */
export function keystoneAuthentication(
  service: ServiceUser,
  options: KeystoneAuthOptions,
): Authenticate {
  const keystone = new Keystone(service, options)
  return async headers => {
    const token = text(headers['x-auth-token'] ?? headers['x-storage-token'])
    const serviceToken = text(headers['x-service-token'])
    if (token === null && options.allowAnonymous) return ANONYMOUS
    if (token === null) throw keystone.refusal()
    const serving = serviceToken === null ? null : await keystone.serviceOf(serviceToken)
    const found = await keystone.find(token, serving?.mayBringExpired === true)
    return identityOf(found, token, serving?.roles ?? [])
  }
}

class Keystone {
  readonly #service: ServiceUser
  readonly #options: KeystoneAuthOptions
  readonly #valid: TokenCache<TokenDetails | undefined>
  #isAway = false

  constructor(service: ServiceUser, options: KeystoneAuthOptions) {
    this.#service = service
    this.#options = options
    const now = () => options.now().getTime()
    this.#valid = new TokenCache({ size: REMEMBERED, now })
  }

  /** @throws {GlanceError} `unauthenticated`; `unavailable` when Keystone cannot be asked. */
  async find(token: string, allowExpired: boolean): Promise<TokenDetails> {
    const key = `${token}\n${allowExpired}` // No token has a newline in it.
    const found = await this.#valid.get(key, async () => await this.#ask(token, allowExpired))
    const hasExpired = found !== undefined && found.expiresAt <= this.#options.now()
    if (found === undefined || (hasExpired && !allowExpired)) throw this.refusal()
    return found
  }

  /** The service that a request comes from. @throws {GlanceError} as {@link find}. */
  async serviceOf(
    token: string,
  ): Promise<{ readonly roles: readonly string[]; readonly mayBringExpired: boolean }> {
    const { roles } = await this.find(token, false)
    const { serviceRoles, requireServiceRole } = this.#options
    const mayBringExpired = roles.some(role => serviceRoles.includes(role))
    if (requireServiceRole && !mayBringExpired) throw this.refusal()
    return { roles, mayBringExpired }
  }

  refusal(): GlanceError {
    return new Unauthenticated(`Keystone uri="${this.#options.clientsGoTo}"`)
  }

  async #ask(token: string, allowExpired: boolean): Promise<Finding<TokenDetails | undefined>> {
    const { cacheMs, now, report } = this.#options
    try {
      const value = await validateToken(this.#service, token, { allowExpired })
      this.#isAway = false
      const remembered = value === undefined ? Math.min(cacheMs, REFUSED_MS) : cacheMs
      return { value, until: now().getTime() + remembered }
    } catch (error) {
      if (!isGlanceError(error)) throw error
      if (!this.#isAway)
        report(new GlanceError('unavailable', `tokens cannot be validated: ${error.message}`))
      this.#isAway = true
      const message = 'the Keystone service is temporarily unavailable.'
      throw new GlanceError('unavailable', message, { cause: error })
    }
  }
}

function identityOf(found: TokenDetails, token: string, serviceRoles: readonly string[]): Identity {
  const { user, project, userDomain, projectDomain, domain, isForSystem, imageCatalog } = found
  return {
    user,
    project,
    roles: lowerCase(found.roles),
    serviceRoles: lowerCase(serviceRoles),
    userDomain,
    projectDomain,
    domain,
    systemScope: isForSystem ? 'all' : null,
    onBehalf: { token, catalog: imageCatalog },
    isAdmin: false, // That is for the policy to say.
    readOnly: false,
  }
}

/** As Glance: roles are compared in lower case. */
function lowerCase(roles: readonly string[]): readonly string[] {
  return roles.map(role => role.toLowerCase())
}

/** Null where it is missing or empty. */
function text(value: string | string[] | undefined): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}
