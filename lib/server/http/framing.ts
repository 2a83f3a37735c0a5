import type { IncomingMessage } from 'node:http'
import { HttpFault } from './fault.ts'

/** Nothing that follows on the connection can be told from what belongs to the request. */
const CLOSING = { connection: 'close' } as const

/**
 * Refuses what Node's parser, strict as it is, lets through, and what a proxy before us may take for something else.
 * @throws {HttpFault} 400; 501 for a transfer coding besides `chunked`. The connection is closed then.
 */
export function requireOneReading(request: IncomingMessage): void {
  const { httpVersionMajor, httpVersion, rawHeaders } = request
  if (httpVersionMajor < 1) throw refused('a request has to say its version of HTTP')
  // RFC 9112 §3.2; Node keeps the first and drops the others.
  if (countOf('host', rawHeaders) > 1) throw refused('a request has to have one Host, not several')
  const coding = request.headers['transfer-encoding']
  if (coding === undefined) return
  // RFC 9112 §6.1: no HTTP/1.0 knows it, so that what passed the request on has perhaps not read it.
  if (httpVersion === '1.0') throw refused('HTTP/1.0 has no Transfer-Encoding')
  if (coding.trim().toLowerCase() === 'chunked') return
  const message = `the transfer coding ${coding} is not implemented: only chunked is`
  throw new HttpFault(501, message, CLOSING)
}

function refused(message: string): HttpFault {
  return new HttpFault(400, message, CLOSING)
}

/** How many headers of the name there are, of names and values in turn. */
function countOf(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === name).length
}
