import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { leastPace } from '../stream/least-pace.ts'
import { networkFault } from './faults.ts'
import { redact } from './redact.ts'
import { type Address, admit, type LookUp, type UriFilter } from './uri-filter.ts'

export interface FetchOptions extends Abortable {
  readonly method?: 'GET' | 'HEAD' | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Held against the URL and against each that it redirects to. */
  readonly filter: UriFilter
  /** How many redirects to follow. Default 5. */
  readonly redirects?: number | undefined
  /** Milliseconds in which the server may send nothing. Default 60 000. */
  readonly timeoutMs?: number | undefined
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
    const address = await admit(at, options.filter, options.look)
    const answer = await ask(at, address, at.origin === url.origin ? headers : {}, options)
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
 * What the server at `url` sends, of an answer to GET. @throws {GlanceError} `unavailable` when the connection is cut,
 * and when next to nothing comes; the reason of `signal` when it has fired.
 */
export async function* bodyOf(
  answer: IncomingMessage,
  url: URL,
  { signal }: Abortable,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* leastPace(answer as AsyncIterable<Uint8Array>, LEAST) // It has no encoding.
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof GlanceError ? error : networkFault({ method: 'GET', url }, error)
  }
}

function ask(
  url: URL,
  address: Address,
  headers: Readonly<Record<string, string>>,
  { method = 'GET', timeoutMs = 60_000, signal }: Omit<FetchOptions, 'headers' | 'redirects'>,
): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      headers: { 'accept-encoding': 'identity', ...headers },
      lookup: onlyTo(address),
      agent: false, // A kept connection would be to an address that was checked for another name.
      timeout: timeoutMs,
      signal,
    })
    sent.on('timeout', () => {
      const message = `${method} ${redact(url)}: nothing came for ${timeoutMs / 1000} s`
      sent.destroy(new GlanceError('unavailable', message))
    })
    sent.once('response', answer => {
      answer.on('error', () => {}) // Shown to whoever reads the body; nobody may be reading yet.
      resolve(answer)
    })
    sent.on('error', error => {
      if (signal?.aborted) reject(signal.reason as Error)
      else reject(error instanceof GlanceError ? error : networkFault({ method, url }, error))
    })
    sent.end()
  })
}

/** In place of the resolver: the one address that was checked, whatever the name. */
function onlyTo({ address, family }: Address): LookupFunction {
  return (_host, { all }, done) => {
    if (all === true) done(null, [{ address, family }])
    else done(null, address, family)
  }
}
