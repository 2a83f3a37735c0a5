import { got, RequestError, TimeoutError } from 'got'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { faultOf, networkFault } from './faults.ts'
import { redact } from './redact.ts'

export interface JsonRequest extends Abortable {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Sent as JSON; by default there is no body. */
  readonly json?: unknown
  /** Milliseconds until the whole answer is there. */
  readonly timeoutMs: number
}

/**
 * Makes one call and resolves to the JSON of its answer, or undefined when that has no body. Follows no redirect and
 * tries once. @throws {GlanceError} by the answer's status; `unavailable` when there is none; `unsupported` when it is
 * not JSON.
 */
export async function call({
  method,
  url,
  headers,
  json,
  timeoutMs,
  signal,
}: JsonRequest): Promise<unknown> {
  const response = await got(url, {
    method,
    headers: {
      accept: 'application/json',
      'content-type': json === undefined ? undefined : 'application/json',
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    ...(signal ? { signal } : {}),
    timeout: { request: timeoutMs },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
  }).catch((error: unknown) => {
    signal?.throwIfAborted()
    if (error instanceof TimeoutError) {
      throw new GlanceError(
        'unavailable',
        `${method} ${redact(url)}: no answer in ${timeoutMs / 1000} s`,
        {
          cause: error,
        },
      )
    }
    throw error instanceof RequestError ? networkFault({ method, url }, error) : error
  })
  const type = response.headers['content-type'] ?? ''
  if (response.statusCode >= 300)
    throw faultOf({ method, url }, response.statusCode, type, response.body)
  if (response.body === '') return undefined
  try {
    return JSON.parse(response.body)
  } catch (cause) {
    throw new GlanceError(
      'unsupported',
      `${method} ${redact(url)}: the answer is not JSON but ${type || 'untyped'}`,
      {
        cause,
      },
    )
  }
}
