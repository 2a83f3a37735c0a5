import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Bytes } from '../../stream/bytes.ts'
import { hasBody } from './body.ts'
import { requireInTime } from './deadline.ts'
import type { FaultResponse } from './fault.ts'

/** A body of no more bytes than this is taken and thrown away, and the connection kept. */
const SMALL_BODY = 64 * 1024
/** How long a client may go on sending a body that nobody reads, before the connection is cut. */
const LINGER_MS = 30_000

/**
 * Sends `length` bytes of image data. A chunk has left us before the next one is asked for. The connection is broken
 * when the data ends early or fails, so that nobody takes a part for the whole. That the client went away is no error.
 */
export async function sendBytes(
  reply: FastifyReply,
  status: number,
  headers: Readonly<Record<string, string>>,
  data: Bytes,
  length: number,
): Promise<void> {
  const response = takeOver(reply, status, { ...headers, 'content-length': String(length) })
  let left = length
  try {
    for await (const chunk of data) {
      left -= chunk.length
      if (left < 0) break
      if (await write(response, chunk)) continue
      response.destroy()
      return
    }
  } catch (error) {
    const isGone = response.destroyed
    response.destroy()
    if (isGone) return
    throw error
  }
  if (left === 0) response.end()
  else response.destroy()
}

/**
 * Answers a request that failed. When its body has not been read, the whole answer is sent at once and the connection
 * closed only after the client has stopped sending: closing it with data unread would reset it, and the client would
 * perhaps never see why.
 */
export function sendFault(
  request: IncomingMessage,
  reply: FastifyReply,
  { status, title, headers, body }: FaultResponse,
): void {
  if (reply.raw.destroyed) {
    reply.hijack() // Nobody is there to be answered.
    return
  }
  reply.raw.statusMessage = title
  if (!isUnread(request)) {
    if (!request.complete) requireInTime(request, reply.raw, LINGER_MS)
    reply.code(status).headers(headers).send(body)
    return
  }
  const closing = { connection: 'close', 'content-length': String(body.length) }
  const response = takeOver(reply, status, { ...headers, ...closing })
  response.write(body)
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, LINGER_MS)
  request.once('end', end).once('close', end).resume()
}

/** Whether so much of the body is still to come that the connection is better given up. */
function isUnread(request: IncomingMessage): boolean {
  if (request.complete || !hasBody(request)) return false
  if (request.headers.expect !== undefined) return true
  const length = request.headers['content-length']
  return length === undefined || Number(length) > SMALL_BODY
}

/** Sends the head, with the headers that the reply has so far as well, and leaves the rest to us. */
function takeOver(
  reply: FastifyReply,
  status: number,
  headers: Readonly<Record<string, string>>,
): ServerResponse {
  reply.hijack()
  for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...headers })) {
    if (value !== undefined) reply.raw.setHeader(name, value)
  }
  return reply.raw.writeHead(status)
}

/** Resolves when the chunk is out of our hands: false when the client has gone away. */
function write(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  return new Promise(resolve => {
    // A write that a closed connection holds up is never called back.
    const closed = () => resolve(false)
    response.once('close', closed)
    response.write(chunk, error => {
      response.off('close', closed)
      resolve(!error)
    })
  })
}
