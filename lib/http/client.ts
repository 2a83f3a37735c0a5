import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { pipeline, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
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
 * tries once. @throws {GlanceError} by the answer's status; `unavailable` or `unreachable` when there is none;
 * `unsupported` when it is not JSON.
 */
export async function call(request: JsonRequest): Promise<unknown> {
  return (await exchange(request)).json
}

/** As {@link call}, with the headers of the answer. */
export async function exchange(request: JsonRequest): Promise<JsonAnswer> {
  const { method, url, signal, accepted = [] } = request
  signal?.throwIfAborted()
  const { statusCode, headers, body } = await answerTo(request).catch((error: unknown) => {
    signal?.throwIfAborted()
    throw networkFault({ method, url }, error)
  })
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
  readonly body: string
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
    asked.on('error', reject)
    asked.once('timeout', () => {
      const error = new GlanceError('unavailable', `no answer in ${timeoutMs / 1000} s`)
      reject(error)
      asked.destroy(error)
    })
    asked.once('response', answer => {
      const { statusCode = 0, headers } = answer
      const body = textOf(decoded(answer, method))
      body.catch(() => asked.destroy())
      resolve(body.then(body => ({ statusCode, headers, body })))
    })
    asked.end(sent)
  })
}

function direct(url: URL, options: RequestOptions): ClientRequest {
  return url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options)
}

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/** The body as it was before the server compressed it. */
function decoded(answer: IncomingMessage, method: JsonRequest['method']): Readable {
  const decoder = DECODERS[answer.headers['content-encoding']?.toLowerCase() ?? '']
  if (decoder === undefined || method === 'HEAD') return answer
  return pipeline(answer, decoder(), () => {}) // Its error is the decoder's.
}

/** The whole of a body. By events: for the few bytes that most answers have, an iterator costs more than the rest. */
async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  return await new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > LONGEST_ANSWER) reject(new GlanceError('unsupported', 'the answer does not end'))
    })
    body.once('end', () => resolve(Buffer.concat(chunks, length).toString('utf8')))
    body.on('error', reject)
    body.once('close', () => reject(new Error('the connection was closed within the answer')))
  })
}
