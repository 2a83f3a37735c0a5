import { STATUS_CODES } from 'node:http'
import { Unauthenticated } from '../auth/authenticate.ts'
import { type ErrorCode, GlanceError, isGlanceError } from '../../errors.ts'

/** The only place where an error code meets an HTTP status: a new code does not compile until it has one. */
const HTTP_STATUS = {
  not_found: 404,
  duplicate: 409,
  forbidden: 403,
  unauthenticated: 401,
  conflict: 409,
  invalid: 400,
  unsatisfiable_range: 416,
  unsupported_media_type: 415,
  over_limit: 413,
  gone: 410,
  corrupt: 400,
  unsupported: 501,
  unavailable: 503,
  usage: 500,
  unreachable: 503,
} as const satisfies Record<ErrorCode, number>

/** Reasons as WebOb has them, where Node's differ. */
const TITLES: Readonly<Record<number, string>> = {
  413: 'Request Entity Too Large',
  416: 'Request Range Not Satisfiable',
}

/** What a request is refused with that never reached the service. */
export class HttpFault extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.name = 'HttpFault'
    this.status = status
    this.headers = headers
  }
}

/** Whether the error was foreseen; any other is a bug of ours. */
export function isFault(error: unknown): error is GlanceError | HttpFault {
  return isGlanceError(error) || error instanceof HttpFault
}

export interface FaultResponse {
  readonly status: number
  /** The reason phrase of the status line. */
  readonly title: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/**
 * The answer to a request that failed, in the form that its `Accept` header asks for. A bug gives nothing away.
 * `mediaType` is the one of the request's body.
 */
export function faultResponse(
  error: unknown,
  accept: string | undefined,
  mediaType: string | undefined,
): FaultResponse {
  if (!isFault(error)) {
    const headers = { 'content-type': 'text/plain' }
    return { status: 500, title: 'Internal Server Error', headers, body: Buffer.alloc(0) }
  }
  const status = error instanceof HttpFault ? error.status : HTTP_STATUS[error.code]
  const headers = headersOf(error)
  const title = TITLES[status] ?? STATUS_CODES[status] ?? 'Unknown'
  const message = sentence(error.message)
  const { contentType, text } = page(
    `${status} ${title}`,
    title,
    escape => explanation(status, escape(message), escape(mediaType ?? '')),
    accept,
  )
  const body = Buffer.from(text)
  return { status, title, headers: { ...headers, 'content-type': contentType }, body }
}

function headersOf(error: GlanceError | HttpFault): Readonly<Record<string, string>> {
  if (error instanceof HttpFault) return error.headers
  const challenge = error instanceof Unauthenticated ? error.challenge : undefined
  return challenge === undefined ? {} : { 'www-authenticate': challenge }
}

/** The three forms of WebOb's exception page (webob/exc.py), to the letter: clients take them apart. */
function page(
  line: string,
  title: string,
  explain: (escape: (text: string) => string) => string,
  accept: string | undefined,
): { contentType: string; text: string } {
  switch (preferred(accept ?? '')) {
    case 'application/json': {
      return {
        contentType: 'application/json',
        text: JSON.stringify({ message: explain(text => text), code: line, title }),
      }
    }
    case 'text/html':
      return {
        contentType: 'text/html; charset=UTF-8',
        text:
          `<html>\n <head>\n  <title>${line}</title>\n </head>\n <body>\n  <h1>${line}</h1>\n` +
          `  ${explain(escapeHtml)}\n </body>\n</html>`,
      }
    case null:
      return {
        contentType: 'text/plain; charset=UTF-8',
        text: `${line}\n\n${explain(text => text)
          .replaceAll('\n', ' ')
          .replaceAll('<br />', '\n')}`,
      }
  }
}

/** What WebOb says for a status, of which our message is all, or the detail. */
function explanation(status: number, message: string, mediaType: string): string {
  switch (status) {
    case 405:
      return `${message} <br /><br />\n`
    case 415:
      return `The request media type ${mediaType} is not supported by this server.\n<br /><br />\n${message}`
    case 416:
      return `The Range requested is not available.<br /><br />\n${message}\n\n`
    default:
      return `${message}<br /><br />\n\n\n`
  }
}

/** The better of the two forms, by its weight in `Accept`; HTML when they tie. Null when neither is wanted. */
function preferred(accept: string): 'text/html' | 'application/json' | null {
  const html = weight(accept, 'text', 'html')
  const json = weight(accept, 'application', 'json')
  if (html === 0 && json === 0) return null
  return json > html ? 'application/json' : 'text/html'
}

/** RFC 9110 §12.5.1: of the ranges that match, the most specific one counts. */
function weight(accept: string, type: string, subtype: string): number {
  const patterns = [`${type}/${subtype}`, `${type}/*`, '*/*']
  const ranges = accept.split(',').map(range => {
    const [pattern = '', ...parameters] = range.split(';').map(part => part.trim().toLowerCase())
    const q = parameters.find(parameter => parameter.startsWith('q='))
    return { pattern, weight: q === undefined ? 1 : Number(q.slice(2)) }
  })
  for (const pattern of patterns) {
    const range = ranges.find(range => range.pattern === pattern)
    if (range !== undefined) return range.weight
  }
  return 0
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#x27;')
}

/** Our messages begin in lower case, Glance's explanations do not, unless it is with a URL or a name of the API. */
function sentence(message: string): string {
  if (/^(?:[a-z]+:\/\/|[a-z]+_)/.test(message)) return message
  return message.charAt(0).toUpperCase() + message.slice(1)
}
