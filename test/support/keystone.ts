import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

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
  readonly tls?: ServerOptions
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
}

/** Everybody that it knows. */
export const DEMO = {
  name: 'demo',
  id: 'id-of-demo',
  password: 'pässword-of-demo',
  passcode: '012345',
}
export const CREDENTIAL = {
  id: 'id-of-credential',
  name: 'nightly',
  secret: 'secret-of-credential',
}

/** Something that an answer is to be instead of the proper one. */
interface Failure {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly message?: string
}

/** A small Keystone: v3 and v2.0, one user with a password, a passcode and an application credential. */
export interface TestKeystone {
  /** Without a version. */
  readonly url: string
  /** Every token that it gave, in order. */
  readonly tokens: readonly string[]
  /** What it was asked to give tokens for: the bodies, in order. */
  readonly asked: readonly Record<string, unknown>[]
  /** The next answers to who wants a token. */
  readonly failures: Failure[]
  /** Whether the token holds. */
  knows(token: string | undefined): boolean
  /** From now on no token that it gave holds. */
  revoke(): void
  /** Keeps whoever wants a token waiting until what it gives is called. */
  hold(): () => void
}

export async function startKeystone(
  t: Test,
  {
    lifetime = 3600,
    regions = {},
    prefix = '',
    versions = [2, 3],
    tls,
    skew = 0,
    projects = [],
    admin = true,
  }: KeystoneOptions = {},
): Promise<TestKeystone> {
  const valid = new Map<string, number>()
  const tokens: string[] = []
  const asked: Record<string, unknown>[] = []
  const failures: Failure[] = []
  let gate = Promise.resolve()

  function issue(): { token: string; issued: string; expires: string } {
    const token = `gAAAAA${randomBytes(24).toString('hex')}`
    tokens.push(token)
    valid.set(token, Date.now() + lifetime * 1000)
    const now = Date.now() + skew
    const iso = (at: number) => new Date(at).toISOString().replace('Z', '000Z')
    return { token, issued: iso(now), expires: iso(now + lifetime * 1000) }
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (incoming.url ?? '').slice(prefix.length).replace(/\/$/, '')
    const here = `${tls === undefined ? 'http' : 'https'}://${incoming.headers.host}${prefix}`
    if (incoming.url?.startsWith(prefix) !== true) return send(response, 404, {})
    if (incoming.method === 'GET' && /^\/v3\/(auth\/)?(projects|domains)$/.test(path)) {
      if (!valid.has(String(incoming.headers['x-auth-token']))) return send(response, 401, {})
      const isOurs = path.startsWith('/v3/auth/')
      if (!admin && !isOurs) return send(response, 403, {})
      const domains = [
        { id: 'default', name: 'Default' },
        { id: 'd2', name: 'Two' },
      ] // Everybody's.
      const listed = path.endsWith('/domains')
        ? { domains }
        : { projects: isOurs ? projects.slice(0, 1) : projects }
      return send(response, 200, listed)
    }
    if (incoming.method === 'GET') {
      const values = versions.map(version => versionAt(here, version))
      if (path === '') return send(response, 300, { versions: { values } })
      const at = values.find(({ links }) => links[0]?.href === `${here}${path}/`)
      return at === undefined ? send(response, 404, {}) : send(response, 200, { version: at })
    }
    const body = JSON.parse(await text(incoming)) as { auth: Record<string, unknown> } // Ours send nothing else.
    asked.push(body.auth)
    await gate
    const failure = failures.shift()
    if (failure !== undefined) {
      const { status, message = '', headers = {} } = failure
      return send(response, status, { error: { code: status, message } }, headers)
    }
    const isV3 = path === '/v3/auth/tokens' && versions.includes(3)
    if (!isV3 && !(path === '/v2.0/tokens' && versions.includes(2))) return send(response, 404, {})
    const given = at(body.auth, 'identity', 'token', 'id')
    if (given !== undefined && !(typeof given === 'string' && valid.has(given))) {
      const message = 'Could not recognize Fernet token' // As Debian's Keystone 22.
      return send(response, 404, { error: { code: 404, message, title: 'Not Found' } })
    }
    if (!(isV3 ? believesV3(body.auth, valid) : believesV2(body.auth))) {
      const message = 'The request you have made requires authentication.'
      return send(response, 401, { error: { code: 401, message, title: 'Unauthorized' } })
    }
    const { token, issued, expires } = issue()
    if (isV3) {
      const document = v3Token(body.auth, regions, issued, expires)
      return send(response, 201, document, { 'x-subject-token': token })
    }
    send(response, 200, v2Token(token, regions, issued, expires))
  }

  const listener = (incoming: IncomingMessage, response: ServerResponse) =>
    void answer(incoming, response).catch((error: unknown) => send(response, 500, String(error)))
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  const url = await listening(t, server, tls === undefined ? 'http' : 'https')
  return {
    url: `${url}${prefix}`,
    tokens,
    asked,
    failures,
    knows: token => (valid.get(token ?? '') ?? 0) > Date.now(),
    revoke: () => valid.clear(),
    hold: () => {
      let open = () => {}
      gate = new Promise(resolve => {
        open = resolve
      })
      return open
    },
  }
}

/** What stands in front of a service and lets nobody through whose token does not hold. */
export interface Guard {
  readonly url: string
  /** What was let through, and what was not: `401 PUT /v2/images/…`. */
  readonly log: readonly string[]
  /** Asked before each request; what it does has happened when the token is looked at. */
  onRequest: (incoming: IncomingMessage) => void
}

export async function startGuard(
  t: Test,
  keystone: Pick<TestKeystone, 'knows'>,
  service: string,
  tls?: ServerOptions,
): Promise<Guard> {
  const log: string[] = []
  const guard: Guard = { url: '', log, onRequest: () => {} }
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    guard.onRequest(incoming)
    const { method, url, headers } = incoming
    const token = headers['x-auth-token']
    const isKnown = keystone.knows(typeof token === 'string' ? token : undefined)
    log.push(`${isKnown ? 'ok' : '401'} ${method} ${url}`)
    if (!isKnown) return send(response, 401, 'Unauthorized')
    const forwarded = request(new URL(url ?? '', service), { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('continue', () => response.writeContinue())
    forwarded.on('error', () => response.destroy())
    incoming.pipe(forwarded)
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  server.on('checkContinue', listener)
  const url = await listening(t, server, tls === undefined ? 'http' : 'https')
  return Object.assign(guard, { url })
}

async function listening(
  t: Test,
  server: ReturnType<typeof createServer>,
  scheme: 'http' | 'https',
): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on a port has an AddressInfo.
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

function versionAt(here: string, version: 2 | 3) {
  const [id, path] = version === 3 ? ['v3.14', 'v3'] : ['v2.0', 'v2.0']
  const links = [{ rel: 'self', href: `${here}/${path}/` }]
  return { id, status: version === 3 ? 'stable' : 'deprecated', links }
}

/** Whether the part of a document at this path is this text. */
function at(document: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null
        ? (value as Record<string, unknown>)[name]
        : undefined,
    document,
  )
}

function isDemo(user: unknown): boolean {
  if (at(user, 'id') === DEMO.id) return true
  const domain = at(user, 'domain', 'id') ?? at(user, 'domain', 'name')
  return at(user, 'name') === DEMO.name && (domain === 'default' || domain === 'Default')
}

function believesV3(auth: unknown, valid: ReadonlyMap<string, number>): boolean {
  const methods = at(auth, 'identity', 'methods') as string[] // Ours send nothing else.
  return methods.every(method => {
    const proof = at(auth, 'identity', method)
    const user = at(proof, 'user')
    switch (method) {
      case 'password':
        return isDemo(user) && at(user, 'password') === DEMO.password
      case 'totp':
        return isDemo(user) && at(user, 'passcode') === DEMO.passcode
      case 'token':
        return valid.has(String(at(proof, 'id')))
      case 'application_credential':
        return (
          (at(proof, 'id') === CREDENTIAL.id ||
            (at(proof, 'name') === CREDENTIAL.name && isDemo(user))) &&
          at(proof, 'secret') === CREDENTIAL.secret
        )
      default:
        return false
    }
  })
}

function believesV2(auth: unknown): boolean {
  const proof = at(auth, 'passwordCredentials')
  return at(proof, 'username') === DEMO.name && at(proof, 'password') === DEMO.password
}

function v3Token(
  auth: unknown,
  regions: Readonly<Record<string, string>>,
  issued_at: string,
  expires_at: string,
) {
  const scope = at(auth, 'scope')
  const isApplication = at(auth, 'identity', 'application_credential') !== undefined
  const scoped = scope !== undefined || isApplication ? { project: { id: 'p1', name: 'demo' } } : {}
  const endpoints = Object.entries(regions).flatMap(([region, url]) => [
    { region, region_id: region, interface: 'public', url },
    { region, region_id: region, interface: 'internal', url: `${url}/v2/` },
  ])
  const services = [
    { type: 'identity', name: 'keystone', endpoints: [] },
    { type: 'image', name: 'glance', endpoints },
  ]
  const catalog = scope === undefined && !isApplication ? {} : { catalog: services }
  return { token: { issued_at, expires_at, user: { id: DEMO.id }, ...scoped, ...catalog } }
}

function v2Token(
  id: string,
  regions: Readonly<Record<string, string>>,
  issued: string,
  expires: string,
) {
  const endpoints = Object.entries(regions).map(([region, publicURL]) => ({ region, publicURL }))
  return {
    access: {
      token: {
        id,
        // As Keystone of old writes them: issued without a zone.
        issued_at: issued.replace('Z', ''),
        expires: expires.replace(/\.\d+Z/, 'Z'),
        tenant: { id: 'p1', name: 'demo' },
      },
      serviceCatalog: [{ type: 'image', name: 'glance', endpoints }],
    },
  }
}
