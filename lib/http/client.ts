import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import type { DataConnections } from './connections.ts'
import { faultOf, networkFault } from './faults.ts'
import { redact } from './redact.ts'

export interface JsonRequest extends Abortable {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Sent as JSON; by default there is no body. */
  readonly json?: unknown
  /** Milliseconds without a sign of life. */
  readonly timeoutMs: number
  /** How to get there. Default: directly, trusting whom Node trusts. */
  readonly connections?: DataConnections | undefined
  /** Statuses from 300 on that are an answer like any other. Default none. */
  readonly accepted?: readonly number[] | undefined
}

/** What came back. */
export interface JsonAnswer {
  readonly headers: IncomingHttpHeaders
  /** Undefined when there is no body. */
  readonly json: unknown
}

/** Bytes of an answer that is JSON, at most: a page of a thousand images with all their properties is a few MiB. */
const LONGEST_ANSWER = 64 * 1024 * 1024

/**
 * Makes one call and resolves to the JSON of its answer, or undefined when that has no body. Follows no redirect and
 * tries once, on a connection that is there. @throws {GlanceError} by the answer's status; `unavailable` or `unreachable` when there is none;
 * `unsupported` when it is not JSON.
 */
export async function call(request: JsonRequest): Promise<unknown> {
  return (await exchange(request)).json
}

/** As {@link call}, with the headers of the answer. */
export async function exchange(request: JsonRequest): Promise<JsonAnswer> {
  const { method, url, signal, accepted = [] } = request
  signal?.throwIfAborted()
  const failed = (isAnswered: boolean) => (error: unknown) => {
    signal?.throwIfAborted()
    throw networkFault({ method, url, isAnswered }, error)
  }
  const { statusCode, headers, text } = await answerTo(request).catch(failed(false))
  const body = await text.catch(failed(true))
  if (statusCode >= 300 && !accepted.includes(statusCode)) {
    throw faultOf({ method, url, headers: request.headers }, statusCode, headers, body)
  }
  if (body === '') return { headers, json: undefined }
  try {
    return { headers, json: JSON.parse(body) as unknown }
  } catch (cause) {
    const type = headers['content-type'] ?? 'untyped'
    const message = `${method} ${redact(url)}: the answer is not JSON but ${type}`
    throw new GlanceError('unsupported', message, { cause })
  }
}

interface Answer {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly text: Promise<string>
}

async function answerTo(request: JsonRequest): Promise<Answer> {
  const { method, url, headers, json, timeoutMs, connections, signal } = request
  const sent = json === undefined ? undefined : JSON.stringify(json)
  const options: RequestOptions = {
    method,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'gzip, deflate, br',
      'user-agent': 'glance-replicator',
      ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    timeout: timeoutMs,
    ...(signal ? { signal } : {}),
  }
  return await new Promise((resolve, reject) => {
    const asked =
      connections === undefined ? direct(url, options) : connections.forJson(url, options)
    let answer: IncomingMessage | undefined
    const late = () => {
      const error = new GlanceError('unavailable', `no answer in ${timeoutMs / 1000} s`)
      answer?.destroy(error)
      asked.destroy(error)
    }
    // A server may say for ever that it is at it (RFC 9110 §15.2), which is a sign of life on the connection.
    const patience = setTimeout(late, timeoutMs)
    asked.on('timeout', late)
    asked.on('error', error => {
      const isStale = answer === undefined && isCut(error) && asked.reusedSocket
      if (isStale && isRepeatable(method)) resolve(answerTo(request))
      else reject(error)
    })
    asked.once('close', () => {
      clearTimeout(patience)
      reject(new Error('the connection was closed without an answer'))
    })
    asked.once('response', message => {
      clearTimeout(patience)
      answer = message
      const { statusCode = 0, headers } = message
      const text = method === 'HEAD' ? wholeOf(message) : unpacked(message)
      text.catch(() => asked.destroy())
      resolve({ statusCode, headers, text: text.then(body => body.toString('utf8')) })
    })
    asked.end(sent)
  })
}

function direct(url: URL, options: RequestOptions): ClientRequest {
  return url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options)
}

/** RFC 9112 §9.3.1: what the server may have closed before it saw the request is asked again, if that does no harm. */
function isRepeatable(method: JsonRequest['method']): boolean {
  return method === 'GET' || method === 'HEAD'
}

function isCut(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}

/** By the names that a server may give them, which are its to choose. */
const DECODERS = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
])

/** The body as it was before the server compressed it; of nothing there is nothing to unpack. */
async function unpacked(answer: IncomingMessage): Promise<Buffer> {
  const body = await wholeOf(answer)
  const decode = DECODERS.get(answer.headers['content-encoding']?.toLowerCase() ?? '')
  if (decode === undefined || body.length === 0) return body
  try {
    return await decode(body, { maxOutputLength: LONGEST_ANSWER })
  } catch (error) {
    const isTooLong = error instanceof Error && 'code' in error && error.code === TOO_LONG
    throw isTooLong ? endless() : error
  }
}

/** Node's word for more than is wanted. */
const TOO_LONG = 'ERR_BUFFER_TOO_LARGE'

function endless(): GlanceError {
  return new GlanceError('unsupported', 'the answer does not end')
}

/** By events: for the few bytes that most answers have, an iterator costs more than the rest. */
async function wholeOf(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  return await new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > LONGEST_ANSWER) reject(endless())
    })
    body.once('end', () => resolve(Buffer.concat(chunks, length)))
    body.on('error', reject)
    body.once('close', () => reject(new Error('the connection was closed within the answer')))
  })
}
