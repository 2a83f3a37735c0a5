import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { type ErrorCode, GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { redact, withoutTokens } from './redact.ts'

/** A request, as messages name it. */
export interface RequestName {
  readonly method: string
  readonly url: URL
  /** Those that were sent: their tokens are in no message, whatever the server says. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Whether the headers of the answer have come, so that the server has taken us for who we are. Default false. */
  readonly isAnswered?: boolean
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  408: 'unavailable',
  409: 'conflict',
  410: 'gone',
  413: 'over_limit',
  415: 'unsupported_media_type',
  416: 'unsatisfiable_range',
  429: 'unavailable',
  431: 'over_limit',
}

/** The error that a refusing answer stands for, in the words of the server. */
export function faultOf(
  request: RequestName,
  status: number,
  headers: IncomingHttpHeaders,
  text: string,
): GlanceError {
  const sent = request.headers ?? {}
  const body = withoutTokens(text, sent)
  const retryAfterMs = retryAfter(headers)
  // RFC 9110 §15.5.14: a 413 that says when to come back is for now only; OpenStack's first rate limits were such.
  const later = status === 413 && retryAfterMs !== undefined
  const otherwise = later || (status >= 500 && status !== 501) ? 'unavailable' : 'unsupported'
  const code = later ? otherwise : (CODES[status] ?? otherwise)
  const { location } = headers
  const words =
    location !== undefined && status < 400
      ? `it says to ask ${placeOf(location, request.url)} instead`
      : status === 300
        ? `nothing is here; it says what there is: ${linksIn(body)}`
        : explanation(headers['content-type'] ?? '', body)
  const message = `${describe(request)}: ${status}${words === '' ? '' : ` ${words}`}`
  return new GlanceError(code, withoutTokens(message, sent), { retryAfterMs })
}

/** Where a Location leads, without what it hands over there. */
function placeOf(location: string, base: URL): string {
  if (!URL.canParse(location, base.href)) return redact('')
  const url = new URL(location, base)
  url.search = ''
  url.hash = ''
  return redact(url)
}

/** The milliseconds of a Retry-After. A date in it is held against the answer's own, so that our clock may be wrong. */
function retryAfter({ 'retry-after': text, date }: IncomingHttpHeaders): number | undefined {
  if (text === undefined) return undefined
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text) * 1000
  const wait = Date.parse(text) - Date.parse(date ?? '')
  return Number.isNaN(wait) ? undefined : Math.max(wait, 0)
}

/**
 * The error that a failure below HTTP stands for: `unreachable` where there is no such host, nobody who listens or
 * nobody to trust; else `unavailable`.
 */
export function networkFault(request: RequestName, error: unknown): GlanceError {
  const told = error instanceof Error && isGlanceError(error.cause) ? error.cause : error
  if (isGlanceError(told)) {
    return new GlanceError(told.code, `${describe(request)}: ${told.message}`, { cause: error })
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = distrust(code, error) ?? UNREACHABLE[code]
  const kind = reason === undefined ? 'unavailable' : 'unreachable'
  const words = reason ?? brokenOff(code, request) ?? UNAVAILABLE[code] ?? messageOf(error)
  return new GlanceError(kind, `${describe(request)}: ${words}`, { cause: error })
}

/** With TLS 1.3 a server learns too late for a proper answer that it does not like our certificate. */
function brokenOff(code: string, { url, isAnswered }: RequestName): string | undefined {
  if (code !== 'ECONNRESET' || url.protocol !== 'https:' || isAnswered === true) return undefined
  return 'connection reset; where it always is, the server may want another client certificate, or one at all: see --cert and --key'
}

/** Why one side does not trust the other; undefined when it is something else. By OpenSSL's names. */
function distrust(code: string, error: unknown): string | undefined {
  if (/ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/.test(code)) {
    return 'the server wants another client certificate, or one at all: see --cert and --key'
  }
  if (/ALERT_.*(CERT|UNKNOWN_CA)/.test(code)) {
    return `the server does not trust our client certificate: see --cert and --key`
  }
  if (!/CERT|VERIFY/.test(code)) return undefined
  const found = `the certificate is not trusted: ${messageOf(error)}`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return found
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    return `${found}: if it should be valid now, is the clock of this machine right?`
  }
  return `${found}; a file with its authority is named by --cacert, --source-cacert or --target-cacert, or by cacert in clouds.yaml`
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EPROTO: 'no TLS there, or none in common',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS there: is it http:// rather than https://?',
  HPE_INVALID_CONSTANT: 'the answer is not HTTP: is it https:// rather than http://?',
}

const UNAVAILABLE: Readonly<Record<string, string>> = {
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed by the server',
  ETIMEDOUT: 'no answer in time',
}

/** What an answer has to say that nobody needs whole: at most 16 KiB of it. */
export async function briefly(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length > 16_384) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

function describe({ method, url }: RequestName): string {
  return `${method} ${redact(url)}`
}

/** Where the versions are that OpenStack services list when they know no better. */
function linksIn(body: string): string {
  const links = [...body.matchAll(/"href":\s*"(https?:[^"\s]+)"/g)].map(([, href = '']) => href)
  const urls = [...new Set(links)]
    .filter(link => URL.canParse(link))
    .map(link => redact(new URL(link)))
  return urls.length === 0 ? 'nothing' : urls.slice(0, 5).join(', ')
}

/** Glance's explanation, whether it came as JSON, as WebOb's text page or as its HTML page. */
function explanation(contentType: string, body: string): string {
  const text = contentType.includes('json') ? messageIn(body) : body
  const plain = text
    .replaceAll(/<(script|style|title|h1)\b.*?<\/\1>/gis, ' ')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&#x27;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/^\s*\d{3} [A-Z][\w ]*\n/, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return plain.length > 300 ? `${plain.slice(0, 300)}…` : plain
}

function messageIn(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null) return body
    const nested: unknown[] = Object.values(parsed)
    for (const candidate of [parsed, ...nested]) {
      if (typeof candidate === 'object' && candidate !== null && 'message' in candidate) {
        return String(candidate.message)
      }
    }
    return body
  } catch {
    return body
  }
}
