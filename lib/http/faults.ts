import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { type ErrorCode, GlanceError, messageOf } from '../errors.ts'
import { redact } from './redact.ts'

/** A request, as messages name it. */
export interface RequestName {
  readonly method: string
  readonly url: URL
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
  body: string,
): GlanceError {
  const code = CODES[status] ?? (status >= 500 && status !== 501 ? 'unavailable' : 'unsupported')
  const { location } = headers
  const words =
    location === undefined || status >= 400
      ? explanation(headers['content-type'] ?? '', body)
      : `it says to ask ${redact(new URL(location, request.url))} instead`
  return new GlanceError(code, `${describe(request)}: ${status}${words === '' ? '' : ` ${words}`}`)
}

/**
 * The error that a failure below HTTP stands for: `unreachable` where there is no such host, nobody who listens or
 * nobody to trust; else `unavailable`.
 */
export function networkFault(request: RequestName, error: unknown): GlanceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = /CERT|VERIFY/.test(code) // OpenSSL's names, such as DEPTH_ZERO_SELF_SIGNED_CERT.
    ? `the certificate is not trusted: ${messageOf(error)}`
    : UNREACHABLE[code]
  const kind = reason === undefined ? 'unavailable' : 'unreachable'
  const words = reason ?? UNAVAILABLE[code] ?? messageOf(error)
  return new GlanceError(kind, `${describe(request)}: ${words}`, { cause: error })
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
