import type { Abortable } from '../../abort.ts'
import { GlanceError } from '../../errors.ts'
import { receive } from '../../http/body.ts'
import type { DataConnections } from '../../http/connections.ts'
import { faultOf } from '../../http/faults.ts'
import type { KeystoneCredentials } from '../../keystone/cloud-credentials.ts'
import { KeystoneSession } from '../../keystone/session.ts'
import { addressUrl } from './location.ts'
import type { SwiftAccount } from './reference.ts'
import { storageUrl, type WantedStorage } from './storage-url.ts'

/** With which an account of Swift is asked. */
export interface Access {
  /** Null for somebody without one. */
  readonly token: string | null
  /** Of the account: what `/container/object` is appended to. */
  readonly url: string
}

/** Gives access to one account. */
export interface AccessSource {
  /** @throws {GlanceError} `unauthenticated`, `unavailable`, `unreachable`, `usage`. */
  access(options?: Abortable): Promise<Access>
  /** Says that Swift refused `token`. Resolves to whether another can be had. */
  invalidate(token: string | null): Promise<boolean>
  /** What there is to know of a refusal that no other token helps against. */
  readonly advice?: string | undefined
}

export interface AccessOptions extends WantedStorage {
  readonly connections: DataConnections
  readonly timeoutMs: number
  /** In place of what authentication says; null for none. */
  readonly endpoint: string | null
}

/** Access by the credentials of an account. @throws {GlanceError} `usage` for a user without a project. */
export function accessTo(account: SwiftAccount, options: AccessOptions): AccessSource {
  if (account.authVersion === '1') return new OwnAuthentication(account, options)
  const session = new KeystoneSession(keystoneCredentials(account), {
    origin: options.origin,
    connections: options.connections,
    timeoutMs: options.timeoutMs,
    refusedForMs: REFUSED_MS,
  })
  return {
    access: async ({ signal } = {}) => {
      const { token, catalog } = await session.grant({ signal })
      return { token, url: options.endpoint ?? storageUrl(catalog, options) }
    },
    invalidate: async token => await session.invalidate(token),
  }
}

/** Milliseconds for which credentials that were refused are not tried again: somebody may be locked out by it. */
const REFUSED_MS = 5000

/** @throws {GlanceError} `usage` for a user without a project. */
export function keystoneCredentials(account: SwiftAccount): KeystoneCredentials {
  const { user, key, userDomain, projectDomain } = account
  // A name may have a colon in it: of the two, projects are where that is seen.
  const colon = user.lastIndexOf(':')
  if (colon < 0) {
    const message = 'the user of a Swift store has to be project:user unless its auth_version is 1'
    throw new GlanceError('usage', message)
  }
  return {
    type: 'keystone',
    authUrl: new URL(addressUrl(account.authAddress)),
    version: account.authVersion === '2' ? 2 : 3,
    methods: [
      {
        type: 'password',
        user: { name: user.slice(colon + 1), domain: userDomain },
        password: key,
      },
    ],
    scope: { type: 'project', project: { name: user.slice(0, colon), domain: projectDomain } },
  }
}

/** Milliseconds before its end from which on a token is not used for anything new. */
const MARGIN_MS = 60_000

/** Swift's own authentication of old: user and key in headers, and in the answer a token and the URL. */
class OwnAuthentication implements AccessSource {
  readonly #account: SwiftAccount
  readonly #options: AccessOptions
  #held: (Access & { readonly renewAt: number }) | undefined
  #login: Promise<Access & { readonly renewAt: number }> | undefined

  constructor(account: SwiftAccount, options: AccessOptions) {
    this.#account = account
    this.#options = options
  }

  async access({ signal }: Abortable = {}): Promise<Access> {
    signal?.throwIfAborted()
    if (this.#held !== undefined && Date.now() < this.#held.renewAt) return this.#held
    // One for all who wait, which therefore nobody of them stops.
    this.#login ??= this.#logIn().finally(() => {
      this.#login = undefined
    })
    this.#held = await this.#login
    return this.#held
  }

  async invalidate(token: string | null): Promise<boolean> {
    if (this.#held?.token === token) this.#held = undefined
    return true
  }

  async #logIn() {
    const { user, key, authAddress } = this.#account
    const { connections, timeoutMs, endpoint, origin } = this.#options
    // As Glance, which appends the slash.
    const url = new URL(`${addressUrl(authAddress)}/`)
    const headers = { 'x-auth-user': encoded(user), 'x-auth-key': encoded(key) }
    const answer = await receive({ method: 'GET', url, headers, connections, timeoutMs })
    answer.destroy() // Nobody reads what it says, however much that is.
    const { statusCode = 0, headers: said } = answer
    if (statusCode >= 300) {
      // What it says may repeat what it was told.
      const { code } = faultOf({ method: 'GET', url }, statusCode, {}, '')
      const isRefused = statusCode === 401 || statusCode === 403
      const words = isRefused
        ? `${url.origin} refuses the key of user '${user}'`
        : `${url.origin} answers ${statusCode} to who asks for a token`
      throw new GlanceError(isRefused ? 'unauthenticated' : code, `${origin}: ${words}`)
    }
    const token = said['x-auth-token'] ?? said['x-storage-token']
    const storage = endpoint ?? said['x-storage-url']
    if (typeof token !== 'string' || typeof storage !== 'string' || !URL.canParse(storage)) {
      const message = `${origin}: ${url.origin} gives no token with the URL of an account: is auth_version 1 right?`
      throw new GlanceError('unsupported', message)
    }
    const seconds = Number(said['x-auth-token-expires'] ?? Number.NaN)
    const lifetime = Number.isFinite(seconds) ? seconds * 1000 : Number.POSITIVE_INFINITY
    const renewAt = Date.now() + lifetime - Math.min(MARGIN_MS, lifetime / 4)
    return { token, url: storage.replace(/\/+$/, ''), renewAt }
  }
}

/** Headers hold bytes: those of UTF-8. */
function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
