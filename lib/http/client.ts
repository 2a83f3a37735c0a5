import type { IncomingHttpHeaders } from 'node:http'
import { CancelError, got, RequestError, TimeoutError } from 'got'
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
  const { statusCode, headers, body } = await answerTo(request).catch((error: unknown) => {
    signal?.throwIfAborted()
    throw error instanceof RequestError ? fault(request, error) : error
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

async function answerTo(request: JsonRequest) {
  const { method, url, headers, json, timeoutMs, connections, signal } = request
  const answer = got(url, {
    method,
    headers: {
      accept: 'application/json',
      'content-type': json === undefined ? undefined : 'application/json',
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    ...(signal ? { signal } : {}),
    ...(connections
      ? { request: (url, options, answered) => connections.forJson(url, options, answered) }
      : {}),
    timeout: { connect: timeoutMs, response: timeoutMs, socket: timeoutMs },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
  })
  void answer.on('downloadProgress', ({ transferred }) => {
    if (transferred > LONGEST_ANSWER) answer.cancel()
  })
  return await answer
}

function fault({ method, url, timeoutMs }: JsonRequest, error: RequestError): GlanceError {
  const cause = withoutRequest(error)
  const request = `${method} ${redact(url)}`
  if (error instanceof CancelError) {
    return new GlanceError('unsupported', `${request}: the answer does not end`, { cause })
  }
  if (error instanceof TimeoutError) {
    const message = `${request}: no answer in ${timeoutMs / 1000} s`
    return new GlanceError('unavailable', message, { cause })
  }
  return networkFault({ method, url }, cause)
}

/** What went wrong, without what was asked: got's own errors hold the request, with all that is secret in it. */
function withoutRequest({ cause, code, message }: RequestError): Error {
  if (cause instanceof Error && !(cause instanceof RequestError)) return cause
  return Object.assign(new Error(message), { code })
}
