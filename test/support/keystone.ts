import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerOptions } from 'node:https'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import {
  believesV2,
  believesV3,
  CREDENTIAL,
  issuedDocument,
  type IssuedToken,
  v2Token,
  v3Token,
  valueAt,
  versionAt,
} from './keystone-documents.ts'
import { type TestTrust, trustFrom } from './keystone-trusts.ts'
import { sendJson, startListener } from './listener.ts'

export interface KeystoneOptions {
  /** Seconds for which a token holds. Default 3600. */
  readonly lifetime?: number
  /** The image services by region. */
  readonly regions?: Readonly<Record<string, string>>
  /** What stands before `/v3` and `/v2.0`. */
  readonly prefix?: string
  /** Default both. */
  readonly versions?: readonly (2 | 3)[]
  /** By which it talks TLS. */
  readonly tls?: ServerOptions | undefined
  /** The projects that it tells of. Default none. */
  readonly projects?: readonly {
    readonly id: string
    readonly name: string
    readonly domain_id: string
  }[]
  /** Whether we may see projects in which we have no role; without it only the first is ours. Default true. */
  readonly admin?: boolean
  /** Milliseconds by which its clock is ahead of ours. */
  readonly skew?: number
  /** Our clock. */
  readonly now?: () => Date
}

/** Of the image service, for limits. */
export const ENDPOINT_ID = 'endpoint-1'

/** Something that an answer is to be instead of the proper one. */
interface Failure {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly message?: string
}

/**
 * A small Keystone, v3 and v2.0, that listens. It gives tokens to whom it knows, and tells who has one of them about
 * the tokens of others, and about limits.
 */
export class TestKeystone {
  /** Without a version. */
  url = ''
  /** Every token that it gave, in order. */
  readonly tokens: string[] = []
  /** What it was asked to give tokens for: the bodies, in order. */
  readonly asked: unknown[] = []
  /** Everything that was asked: method, path and query. */
  readonly requests: string[] = []
  /** What it knows of tokens that nobody asked it for. */
  readonly issued = new Map<string, IssuedToken>()
  /** The trusts that there are, by their ids. */
  readonly trusts = new Map<string, TestTrust>()
  /** Whether nobody may give a trust. */
  refusesTrusts = false
  /** The next answers to who wants a token. */
  readonly failures: Failure[] = []
  /** The status of whatever it answers while it is set. */
  failure: number | null = null
  /** How many requests are yet to be left without an answer. */
  hangsUp = 0
  /** Services in the catalogue of those who log in, besides that of images. */
  catalog: readonly unknown[] = []
  /** What projects may have of a resource, of the endpoint {@link ENDPOINT_ID}. */
  readonly registeredLimits = new Map<string, number>()
  /** The same for one project, by its id. */
  readonly limits = new Map<string, ReadonlyMap<string, number>>()
  readonly #options: KeystoneOptions
  readonly #valid = new Map<string, number>()
  #gate = Promise.resolve()

  constructor(options: KeystoneOptions) {
    this.#options = options
  }

  /** Whether it gave the token and that holds. */
  knows(token: string | undefined): boolean {
    return (this.#valid.get(token ?? '') ?? 0) > this.#now()
  }

  /** From now on no token that it gave holds. */
  revoke(): void {
    this.#valid.clear()
  }

  /** Keeps whoever wants a token waiting until what it gives is called. */
  hold(): () => void {
    let open = () => {}
    this.#gate = new Promise(resolve => {
      open = resolve
    })
    return open
  }

  /** How often something was asked for whose line in `requests` begins so. */
  count(beginning: string): number {
    return this.requests.filter(line => line.startsWith(beginning)).length
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    this.requests.push(`${method} ${url}`)
    if (this.hangsUp > 0) {
      this.hangsUp -= 1
      request.socket.destroy()
      return
    }
    const { prefix = '' } = this.#options
    const { pathname, searchParams } = new URL(url, 'http://keystone')
    const path = pathname.slice(prefix.length).replace(/\/$/, '')
    const body = await text(request)
    if (this.failure !== null) refuse(response, this.failure)
    else if (!pathname.startsWith(prefix)) sendJson(response, 404, {})
    else if (path.startsWith('/v3/OS-TRUST/')) this.#trust(path, request, body, response)
    else if (method === 'POST') await this.#logIn(path, JSON.parse(body), response)
    else if (!/^\/(elsewhere\/)?v3\/./.test(path)) this.#tellVersions(path, request, response)
    else if (!this.#mayAsk(request)) refuse(response, 401)
    else if (path.endsWith('/v3/auth/tokens')) this.#validate(request, response)
    else if (/^\/v3\/(auth\/)?(projects|domains)$/.test(path)) this.#tellProjects(path, response)
    else this.#tellLimits(path, searchParams, response)
  }

  /** Whoever it gave a token may, and whoever asks about their own. */
  #mayAsk({ headers }: IncomingMessage): boolean {
    const token = String(headers['x-auth-token'])
    return this.knows(token) || (this.issued.has(token) && headers['x-subject-token'] === token)
  }

  #trust(
    path: string,
    { method, headers }: IncomingMessage,
    body: string,
    response: ServerResponse,
  ): void {
    const token = String(headers['x-auth-token'])
    const issued = this.issued.get(token)
    const id = path.split('/')[4] ?? ''
    const trust = this.trusts.get(id)
    if (method === 'DELETE') {
      if (!this.knows(token) && issued === undefined) return refuse(response, 401)
      if (trust === undefined) return refuse(response, 404)
      this.trusts.delete(id)
      response.writeHead(204).end()
      return
    }
    if (issued === undefined) return refuse(response, 401)
    const made = this.refusesTrusts ? undefined : trustFrom(JSON.parse(body), issued)
    if (made === undefined) return refuse(response, 403, 'You are not authorized')
    const name = randomBytes(16).toString('hex')
    this.trusts.set(name, made)
    sendJson(response, 201, { trust: { id: name } })
  }

  #now(): number {
    return (this.#options.now?.() ?? new Date()).getTime()
  }

  #tellVersions(path: string, { headers }: IncomingMessage, response: ServerResponse): void {
    const { versions = [2, 3], tls, prefix = '' } = this.#options
    const here = `${tls === undefined ? 'http' : 'https'}://${headers.host}${prefix}`
    const values = versions.map(version => versionAt(here, version))
    const version = values.find(({ links }) => links[0]?.href === `${here}${path}/`)
    if (path === '') sendJson(response, 300, { versions: { values } })
    else if (version === undefined) sendJson(response, 404, {})
    else sendJson(response, 200, { version })
  }

  async #logIn(path: string, body: unknown, response: ServerResponse): Promise<void> {
    const { versions = [2, 3], regions = {} } = this.#options
    const auth = valueAt(body, 'auth')
    this.asked.push(auth)
    await this.#gate
    const failure = this.failures.shift()
    if (failure !== undefined) {
      const { status, message = '', headers = {} } = failure
      return sendJson(response, status, { error: { code: status, message } }, headers)
    }
    const isV3 = path === '/v3/auth/tokens' && versions.includes(3)
    if (!isV3 && !(path === '/v2.0/tokens' && versions.includes(2))) {
      return sendJson(response, 404, {})
    }
    const given = valueAt(auth, 'identity', 'token', 'id')
    if (given !== undefined && !(typeof given === 'string' && this.#valid.has(given))) {
      return refuse(response, 404, 'Could not recognize Fernet token') // As Debian's Keystone 22.
    }
    const application = valueAt(auth, 'identity', 'application_credential', 'id')
    if (typeof application === 'string' && application !== CREDENTIAL.id) {
      const message = `Could not find Application Credential: ${application}.` // As well.
      return refuse(response, 404, message)
    }
    if (!(isV3 ? believesV3(auth, this.#valid) : believesV2(auth))) {
      return refuse(response, 401, 'The request you have made requires authentication.')
    }
    const { token, issuedAt, expiresAt } = this.#give()
    const told = { regions, others: this.catalog, issuedAt, expiresAt }
    if (!isV3) return sendJson(response, 200, v2Token(token, told))
    const document = v3Token(auth, told)
    sendJson(response, 201, document, { 'x-subject-token': token })
  }

  #give(): { readonly token: string; readonly issuedAt: Date; readonly expiresAt: Date } {
    const { lifetime = 3600, skew = 0 } = this.#options
    const token = `gAAAAA${randomBytes(24).toString('hex')}`
    const now = this.#now()
    this.tokens.push(token)
    this.#valid.set(token, now + lifetime * 1000)
    const issuedAt = new Date(now + skew)
    return { token, issuedAt, expiresAt: new Date(now + skew + lifetime * 1000) }
  }

  #validate({ headers, url = '' }: IncomingMessage, response: ServerResponse): void {
    const issued = this.issued.get(String(headers['x-subject-token']))
    const now = this.#now()
    const { expiresAt = new Date(now + 3_600_000) } = issued ?? {}
    const isOver = expiresAt.getTime() <= now && !url.includes('allow_expired=1')
    if (issued === undefined || isOver) refuse(response, 404)
    else sendJson(response, 200, issuedDocument(issued, new Date(now), expiresAt))
  }

  #tellProjects(path: string, response: ServerResponse): void {
    const { projects = [], admin = true } = this.#options
    const isOurs = path.startsWith('/v3/auth/')
    if (!admin && !isOurs) return refuse(response, 403)
    const domains = [
      { id: 'default', name: 'Default' },
      { id: 'd2', name: 'Two' },
    ] // Everybody's.
    if (path.endsWith('/domains')) sendJson(response, 200, { domains })
    else sendJson(response, 200, { projects: isOurs ? projects.slice(0, 1) : projects })
  }

  #tellLimits(path: string, query: URLSearchParams, response: ServerResponse): void {
    const isOurs = query.get('service_id') === 'images' && query.get('region_id') === 'One'
    const own = this.limits.get(query.get('project_id') ?? '') ?? new Map<string, number>()
    const listed = (limits: ReadonlyMap<string, number>, limit: string) =>
      [...limits].map(([resource_name, most]) => ({ resource_name, [limit]: most }))
    if (path === `/v3/endpoints/${ENDPOINT_ID}`) {
      const endpoint = { id: ENDPOINT_ID, service_id: 'images', region_id: 'One' }
      sendJson(response, 200, { endpoint })
    } else if (path === '/v3/registered_limits' && isOurs) {
      const registered_limits = listed(this.registeredLimits, 'default_limit')
      sendJson(response, 200, { registered_limits })
    } else if (path === '/v3/limits' && isOurs) {
      sendJson(response, 200, { limits: listed(own, 'resource_limit') })
    } else refuse(response, 404)
  }
}

/** Listens for the time of a test. */
export async function startKeystone(t: Test, options: KeystoneOptions = {}): Promise<TestKeystone> {
  const keystone = new TestKeystone(options)
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    void keystone
      .answer(request, response)
      .catch((error: unknown) => sendJson(response, 500, String(error)))
  keystone.url = (await startListener(t, answer, options.tls)) + (options.prefix ?? '')
  return keystone
}

function refuse(response: ServerResponse, code: number, message = 'no'): void {
  sendJson(response, code, { error: { code, message, title: 'Refused' } })
}
