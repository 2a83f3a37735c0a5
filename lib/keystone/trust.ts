import type { Abortable } from '../abort.ts'
import { withAttempts } from '../attempts.ts'
import { GlanceError } from '../errors.ts'
import { exchange, type JsonRequest } from '../http/client.ts'
import type { DataConnections } from '../http/connections.ts'
import type { KeystoneCredentials } from './cloud-credentials.ts'
import { dateOf, fieldsOf, listOf, textOf } from './documents.ts'
import { versionThree } from './service-user.ts'
import { KeystoneSession } from './session.ts'
import { type TokenSource, withToken } from './token-source.ts'

/** A service itself, at a Keystone. */
export interface ServiceAccount {
  readonly credentials: KeystoneCredentials
  readonly connections: DataConnections
  /** Milliseconds without a sign of life. */
  readonly timeoutMs: number
}

export interface TrusteeOptions {
  /** For messages: whose settings they are. */
  readonly origin: string
  /** Milliseconds before its end from which on a user's own token is not used for anything new. */
  readonly marginMs: number
  /** The time now, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** Milliseconds for which credentials that were refused are not tried again: somebody may be locked out by it. */
const REFUSED_MS = 5000
/** Milliseconds after which a trust ends that nobody could delete. */
const LONGEST_MS = 7 * 24 * 3600 * 1000

/** A service to which users may give the right to go on in their name when their token holds no more. */
export class Trustee {
  /** The service's own. */
  readonly session: KeystoneSession
  readonly #account: ServiceAccount
  readonly #options: TrusteeOptions
  readonly #url: URL

  constructor(account: ServiceAccount, options: TrusteeOptions) {
    this.#url = versionThree(account.credentials.authUrl)
    this.#account = {
      ...account,
      credentials: { ...account.credentials, authUrl: this.#url, version: 3 },
    }
    this.#options = options
    this.session = this.#newSession(this.#account.credentials)
  }

  /**
   * A trust by whoever has the token, with the roles that it is for, to be disposed of at the end. @throws {GlanceError}
   * when Keystone does not let them give one: tokens of restricted application credentials and of other trusts are such;
   * `unsupported` for a token that is not for a project, and for a service that cannot take one.
   */
  async trustedBy(token: string, { signal }: Abortable = {}): Promise<Trust> {
    const { credentials } = this.#account
    if (credentials.methods.some(({ type }) => type === 'application_credential')) {
      const message = `${this.#options.origin}: an application credential takes no trusts: give a user with a password`
      throw new GlanceError('unsupported', message)
    }
    const { userId } = await this.session.grant({ signal })
    const owner = await this.#ownerOf(token, signal)
    const json = {
      trust: {
        trustor_user_id: owner.user,
        trustee_user_id: userId,
        project_id: owner.project,
        impersonation: true,
        roles: owner.roles.map(id => ({ id })),
        expires_at: new Date(owner.asOf + LONGEST_MS).toISOString().replace(/\.\d+Z$/, '.000000Z'),
      },
    }
    const made = await this.#ask({ method: 'POST', path: TRUSTS, token, json, signal })
    const id = textOf(fieldsOf(fieldsOf(made.json)['trust'])['id'])
    if (id === null) throw new GlanceError('unsupported', 'its answer holds no trust')
    return new Trust({
      given: { token, until: this.#now() + owner.leftMs - this.#options.marginMs },
      renewed: this.#newSession({ ...credentials, scope: { type: 'trust', id } }),
      remove: async current => {
        await this.#ask({ method: 'DELETE', path: `${TRUSTS}/${id}`, token: current })
      },
      now: () => this.#now(),
    })
  }

  /** Who has it and for what, by their own word to Keystone, and by its clock how long it holds. */
  async #ownerOf(token: string, signal: AbortSignal | undefined) {
    const asked = { method: 'GET', path: 'auth/tokens', token, subject: token, signal } as const
    const { headers, json } = await this.#ask(asked)
    const document = fieldsOf(fieldsOf(json)['token'])
    const user = textOf(fieldsOf(document['user'])['id'])
    const project = textOf(fieldsOf(document['project'])['id'])
    if (user === null || project === null) {
      throw new GlanceError('unsupported', 'the token is not for a project')
    }
    const roles = listOf(document['roles']).flatMap(({ id }) => textOf(id) ?? [])
    const date = Date.parse(headers.date ?? '')
    const asOf = Number.isNaN(date) ? this.#now() : date
    const end = dateOf(document['expires_at'])?.getTime() ?? Number.POSITIVE_INFINITY
    return { user, project, roles, asOf, leftMs: end - asOf }
  }

  async #ask({
    path,
    token,
    subject,
    ...request
  }: Pick<JsonRequest, 'method' | 'json' | 'signal'> & {
    readonly path: string
    readonly token: string
    readonly subject?: string
  }) {
    const { connections, timeoutMs } = this.#account
    const url = new URL(this.#url)
    url.pathname += `/${path}`
    const headers = {
      'x-auth-token': token,
      ...(subject === undefined ? {} : { 'x-subject-token': subject }),
    }
    return await exchange({ ...request, url, headers, connections, timeoutMs })
  }

  #newSession(credentials: KeystoneCredentials): KeystoneSession {
    const { connections, timeoutMs } = this.#account
    const { origin } = this.#options
    const times = { timeoutMs, refusedForMs: REFUSED_MS, now: () => this.#now() }
    return new KeystoneSession(credentials, { origin, connections, ...times })
  }

  #now(): number {
    return (this.#options.now ?? Date.now)()
  }
}

const TRUSTS = 'OS-TRUST/trusts'

interface TrustParts {
  /** The user's own token, and until when it is used. */
  readonly given: { readonly token: string; readonly until: number }
  /** The tokens that come after it. */
  readonly renewed: KeystoneSession
  readonly remove: (token: string) => Promise<void>
  readonly now: () => number
}

/** The tokens of a user who trusts us: their own while it holds, and then others in their name. */
export class Trust implements TokenSource, AsyncDisposable {
  readonly #parts: TrustParts
  #isSpent = false

  constructor(parts: TrustParts) {
    this.#parts = parts
  }

  async token({ signal }: Abortable = {}): Promise<string> {
    const { given, renewed, now } = this.#parts
    if (!this.#isSpent && now() < given.until) return given.token
    return await renewed.token({ signal })
  }

  async invalidate(token: string | null): Promise<boolean> {
    const { given, renewed } = this.#parts
    if (token !== given.token) return await renewed.invalidate(token)
    this.#isSpent = true
    return true
  }

  /** Deletes the trust, as far as that is possible: it ends by itself within days. */
  async [Symbol.asyncDispose](): Promise<void> {
    const remove = async () =>
      await withToken(this, async token => await this.#parts.remove(token ?? ''))
    await withAttempts(remove).catch(() => {})
  }
}
