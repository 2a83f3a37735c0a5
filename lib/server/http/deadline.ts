import type { IncomingMessage, ServerResponse } from 'node:http'
import { endWith } from './connections.ts'

/** What still waits for the end of a request. */
const waiting = new WeakMap<IncomingMessage, NodeJS.Timeout>()

/**
 * Cuts the client off unless the request is all there in so many milliseconds, answered or not, but for what
 * {@link takeTime} is called for: bytes that come one by one never leave a connection silent. 0 is no limit.
 */
export function requireInTime(
  request: IncomingMessage,
  response: ServerResponse,
  ms: number,
): void {
  const { headers } = request
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (ms === 0 || !hasBody || waiting.has(request)) return
  const timer = setTimeout(() => {
    if (request.complete) return
    if (response.headersSent) request.socket.destroy()
    else endWith(request.socket, '408 Request Timeout')
  }, ms).unref()
  waiting.set(request, timer)
  const forget = () => takeTime(request)
  request.once('end', forget).once('close', forget)
}

/** Lets the body take its time, as image data does. */
export function takeTime(request: IncomingMessage): void {
  clearTimeout(waiting.get(request))
  waiting.delete(request)
}
