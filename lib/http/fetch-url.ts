import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { leastPace } from '../stream/least-pace.ts'
import { networkFault } from './faults.ts'
import { chunksOf, divert, LargeReadAgent, LargeReadTlsAgent } from './large-reads.ts'
import { DIRECT, proxyHeaders, type ProxyRule } from './proxies.ts'
import { redact } from './redact.ts'
import type { Trusting } from './tls.ts'
import { TunnelAgent } from './tunnel.ts'
import { type Address, admit, admitByProxy, type LookUp, type UriFilter } from './uri-filter.ts'

export interface FetchOptions extends Abortable {
  readonly method?: 'GET' | 'HEAD' | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Held against the URL and against each that it redirects to. */
  readonly filter: UriFilter
  /** How many redirects to follow. Default 5. */
  readonly redirects?: number | undefined
  /** Milliseconds in which the server may send nothing. Default 60 000. */
  readonly timeoutMs?: number | undefined
  /** Default: no proxy for anything. */
  readonly proxies?: ProxyRule | undefined
  /** Whom to believe over TLS. Default: whom Node believes. */
  readonly trusting?: (() => Trusting) | undefined
  /** Looks names up; for tests. */
  readonly look?: LookUp | undefined
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * Fetches a URL that a user gave. The answer may have any status but that of a redirect; its body is to be read, or
 * destroyed. Headers go to the first origin only: a token does not follow from https to http. @throws {GlanceError} `invalid` for what the filter refuses, and for
 * too many redirects; `unavailable` when there is no answer.
 */
export async function fetchUrl(
  url: URL,
  { redirects = 5, headers = {}, ...options }: FetchOptions,
): Promise<IncomingMessage> {
  let at = url
  for (let left = redirects; ; left -= 1) {
    const route = await routeTo(at, options)
    const answer = await ask(at, route, at.origin === url.origin ? headers : {}, options)
    const { location } = answer.headers
    if (!REDIRECTS.has(answer.statusCode ?? 0) || location === undefined) return answer
    answer.destroy()
    if (left === 0) throw new GlanceError('invalid', `${redact(url)} redirects too often`)
    if (!URL.canParse(location, at.href))
      throw new GlanceError('invalid', `${redact(url)} redirects to nowhere`)
    at = new URL(location, at.href)
  }
}

/** A kilobyte per second: no image is that slow to come. */
const LEAST = { bytes: 64 * 1024, ms: 60_000, clock: () => performance.now() }

/**
 * What the server at `url` sends, of an answer to GET, in chunks that are lent. @throws {GlanceError} `unavailable` when the connection is cut,
 * and when next to nothing comes; the reason of `signal` when it has fired.
 */
export async function* bodyOf(
  answer: IncomingMessage,
  url: URL,
  { signal }: Abortable,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* leastPace(chunksOf(answer), LEAST)
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof GlanceError ? error : networkFault({ method: 'GET', url }, error)
  }
}

/** The address to connect to, or a proxy. @throws {GlanceError} `invalid` for what the filter refuses. */
async function routeTo(
  url: URL,
  { filter, look, proxies = DIRECT }: Pick<FetchOptions, 'filter' | 'look' | 'proxies'>,
): Promise<Address | URL> {
  const proxy = proxies(url)
  if (proxy === undefined) return await admit(url, filter, look)
  await admitByProxy(url, filter, look)
  return proxy
}

function ask(
  url: URL,
  route: Address | URL,
  headers: Readonly<Record<string, string>>,
  { method = 'GET', timeoutMs = 60_000, trusting, signal }: Omit<FetchOptions, 'headers'>,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = start(url, route, trusting, {
      method,
      headers: { 'accept-encoding': 'identity', ...headers },
      timeout: timeoutMs,
      signal,
    })
    sent.on('timeout', () => {
      const message = `${method} ${redact(url)}: nothing came for ${timeoutMs / 1000} s`
      sent.destroy(new GlanceError('unavailable', message))
    })
    sent.once('response', answer => {
      answer.on('error', () => {}) // Shown to whoever reads the body; nobody may be reading yet.
      if (method === 'GET') divert(answer)
      resolve(answer)
    })
    sent.on('error', error => {
      if (signal?.aborted) reject(signal.reason as Error)
      else reject(error instanceof GlanceError ? error : networkFault({ method, url }, error))
    })
    sent.end()
  })
}

function start(
  url: URL,
  route: Address | URL,
  trusting: (() => Trusting) | undefined,
  asked: Omit<RequestOptions, 'headers'> & { readonly headers: Readonly<Record<string, string>> },
): ClientRequest {
  const isSecure = url.protocol === 'https:'
  const request = isSecure ? httpsRequest : httpRequest
  const told = withoutCredentials(url)
  const given = { ...asked, ...(isSecure ? trusting?.() : {}), ...credentialsIn(url) }
  if (!(route instanceof URL)) {
    // A kept connection would be to an address that was checked for another name.
    const agent = isSecure ? new LargeReadTlsAgent() : new LargeReadAgent()
    return request(told, { ...given, lookup: onlyTo(route), agent })
  }
  if (isSecure) return request(told, { ...given, agent: new TunnelAgent(route, {}) })
  // RFC 9112 §3.2.2: a proxy is told the whole URL.
  const headers = { ...asked.headers, host: url.host, ...proxyHeaders(route) }
  const [byProxy, agent] =
    route.protocol === 'https:'
      ? [httpsRequest, new LargeReadTlsAgent()]
      : [httpRequest, new LargeReadAgent()]
  return byProxy(route, { ...given, path: told.href, headers, agent })
}

function withoutCredentials(url: URL): URL {
  const told = new URL(url)
  told.username = ''
  told.password = ''
  told.hash = ''
  return told
}

/** Of what is no escape Node would make an error of its own. */
function credentialsIn({ username, password }: URL): { readonly auth?: string } {
  if (username === '' && password === '') return {}
  const decoded = (text: string) => text.replaceAll(/(?:%[0-9a-f]{2})+/gi, unescaped)
  return { auth: `${decoded(username)}:${decoded(password)}` }
}

function unescaped(escapes: string): string {
  return Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8')
}

/** In place of the resolver: the one address that was checked, whatever the name. */
function onlyTo({ address, family }: Address): LookupFunction {
  return (_host, { all }, done) => {
    if (all === true) done(null, [{ address, family }])
    else done(null, address, family)
  }
}
