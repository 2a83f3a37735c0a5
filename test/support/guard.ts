import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { ServerOptions } from 'node:https'
import type { Test } from 'tap'
import type { TestKeystone } from './keystone.ts'
import { sendJson, startListener } from './listener.ts'

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
    if (!isKnown) return sendJson(response, 401, 'Unauthorized')
    const forwarded = request(new URL(url ?? '', service), { method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    forwarded.on('continue', () => response.writeContinue())
    forwarded.on('error', () => response.destroy())
    incoming.pipe(forwarded)
  }
  return Object.assign(guard, { url: await startListener(t, listener, tls) })
}
