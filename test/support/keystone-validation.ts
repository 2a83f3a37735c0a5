import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TlsOptions } from 'node:tls'
import type { Test } from 'tap'
import { sendJson, startListener } from './listener.ts'

/** What a token is for; by default of a member of a project, for an hour. */
export interface IssuedToken {
  readonly user?: string
  /** Null for none. */
  readonly project?: string | null
  readonly domain?: string
  readonly isForSystem?: boolean
  readonly roles?: readonly string[]
  readonly expiresAt?: Date
  readonly catalog?: unknown
}

/** The user that may ask about tokens. */
export const SERVICE_USER = { name: 'glance', password: 'pw-of-the-service', domain: 'default' }
/** Of the image service. */
export const ENDPOINT_ID = 'endpoint-1'
export const SERVICE_CREDENTIAL = { id: 'credential-1', secret: 'secret-of-the-credential' }

/** As much of a Keystone as a service needs to validate tokens and look up limits. */
export class ValidatingKeystone {
  readonly url: string
  /** What was asked: method, path and query. */
  readonly asked: string[] = []
  /** Tokens that it knows. */
  readonly tokens = new Map<string, IssuedToken>()
  /** Tokens of services that logged in, the latest last. */
  readonly serviceTokens: string[] = []
  /** The bodies of logins. */
  readonly logins: unknown[] = []
  /** Answered in place of everything while it is set. */
  failure: number | null = null
  /** How many requests are yet to be left without an answer. */
  hangsUp = 0
  /** Milliseconds that a service's token is valid. */
  serviceLifetimeMs = 3_600_000
  /** What projects may have of a resource, of the endpoint {@link ENDPOINT_ID}. */
  readonly registeredLimits = new Map<string, number>()
  /** The same for one project, by its id. */
  readonly limits = new Map<string, ReadonlyMap<string, number>>()
  #catalog: unknown = []
  readonly #now: () => Date

  private constructor(url: string, now: () => Date) {
    this.url = url
    this.#now = now
  }

  /** Listens for the time of a test, by a clock of its own if need be, and by TLS if it is told how. */
  static async start(
    t: Test,
    now = () => new Date(),
    tls?: TlsOptions,
  ): Promise<ValidatingKeystone> {
    let keystone: ValidatingKeystone | undefined
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      void keystone?.answer(request, response)
    const url = await (tls === undefined ? startListener(t, answer) : listen(t, tls, answer))
    keystone = new ValidatingKeystone(url, now)
    return keystone
  }

  /** What services are told of where services are. */
  set catalog(catalog: unknown) {
    this.#catalog = catalog
  }

  /** How often something was asked for whose path begins so. */
  count(beginning: string): number {
    return this.asked.filter(line => line.startsWith(beginning)).length
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    this.asked.push(`${method} ${url}`)
    if (this.hangsUp > 0) {
      this.hangsUp -= 1
      request.socket.destroy()
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const path = url.split('?', 1)[0] ?? ''
    const token = String(headers['x-auth-token'])
    if (this.failure !== null) this.#refuse(response, this.failure)
    else if (method === 'POST') this.#logIn(JSON.parse(Buffer.concat(chunks).toString()), response)
    else if (!this.serviceTokens.includes(token)) this.#refuse(response, 401)
    else if (path.endsWith('/v3/auth/tokens')) this.#validate(request, response)
    else this.#tellLimits(new URL(url, this.url), response)
  }

  #logIn(body: unknown, response: ServerResponse): void {
    this.logins.push(body)
    const text = JSON.stringify(body)
    const isKnown = [SERVICE_USER.password, SERVICE_CREDENTIAL.secret].some(secret =>
      text.includes(JSON.stringify(secret)),
    )
    if (!isKnown) {
      this.#refuse(response, 401)
      return
    }
    const token = `service-token-${this.serviceTokens.length + 1}`
    this.serviceTokens.push(token)
    const expires = new Date(this.#now().getTime() + this.serviceLifetimeMs)
    response.setHeader('x-subject-token', token)
    sendJson(response, 201, {
      token: { expires_at: expires.toISOString(), catalog: this.#catalog },
    })
  }

  #validate({ headers, url = '' }: IncomingMessage, response: ServerResponse): void {
    const issued = this.tokens.get(String(headers['x-subject-token']))
    const { expiresAt = new Date(this.#now().getTime() + 3_600_000) } = issued ?? {}
    const isOver = expiresAt <= this.#now() && !url.includes('allow_expired=1')
    if (issued === undefined || isOver) {
      this.#refuse(response, 404)
      return
    }
    const {
      user = 'u-1',
      project = 'p-1',
      domain,
      isForSystem,
      roles = ['member', 'reader'],
    } = issued
    sendJson(response, 200, {
      token: {
        methods: ['password'],
        user: { id: user, name: user, domain: { id: 'default', name: 'Default' } },
        ...(project !== null && {
          project: { id: project, name: project, domain: { id: 'default' } },
        }),
        ...(domain !== undefined && { domain: { id: domain, name: domain } }),
        ...(isForSystem === true && { system: { all: true } }),
        roles: roles.map(name => ({ id: `id of ${name}`, name })),
        expires_at: expiresAt.toISOString(),
        issued_at: this.#now().toISOString(),
        catalog: issued.catalog ?? [],
      },
    })
  }

  #tellLimits({ pathname, searchParams }: URL, response: ServerResponse): void {
    const isOurs =
      searchParams.get('service_id') === 'images' && searchParams.get('region_id') === 'One'
    const own = this.limits.get(searchParams.get('project_id') ?? '') ?? new Map<string, number>()
    if (pathname === `/v3/endpoints/${ENDPOINT_ID}`) {
      const endpoint = { id: ENDPOINT_ID, service_id: 'images', region_id: 'One' }
      sendJson(response, 200, { endpoint })
    } else if (pathname === '/v3/registered_limits' && isOurs) {
      const registered_limits = [...this.registeredLimits].map(
        ([resource_name, default_limit]) => ({ resource_name, default_limit }),
      )
      sendJson(response, 200, { registered_limits })
    } else if (pathname === '/v3/limits' && isOurs) {
      const limits = [...own].map(([resource_name, resource_limit]) => ({
        resource_name,
        resource_limit,
      }))
      sendJson(response, 200, { limits })
    } else this.#refuse(response, 404)
  }

  #refuse(response: ServerResponse, code: number): void {
    sendJson(response, code, { error: { code, message: 'no', title: 'Refused' } })
  }
}

async function listen(t: Test, tls: TlsOptions, answer: RequestListener): Promise<string> {
  const server = createServer(tls, answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}` // It listens on a port.
}
