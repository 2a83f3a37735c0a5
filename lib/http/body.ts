import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'
import type { DataConnections } from './connections.ts'
import { networkFault } from './faults.ts'

export interface DataRequest extends Abortable {
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly connections: DataConnections
  /** Milliseconds in which the server neither sends nor takes a byte. */
  readonly timeoutMs: number
}

/** Bytes above which it is worth asking before sending. */
const ASK_FIRST = 1024 * 1024
/** Milliseconds after which we send even though nobody said to continue (RFC 9110 §10.1.1). */
const CONTINUE_MS = 1000

/** Milliseconds that a server may take to see that we have hung up. */
const HANG_UP_MS = 2000

/** Asks for image data. The answer's body is to be read, or destroyed. @throws {GlanceError} `unavailable`. */
export async function receive(options: DataRequest): Promise<IncomingMessage> {
  const request = start(options, options.headers, options.signal)
  request.end()
  const answer = await answerOf(request, options)
  // A broken connection in the middle of the body surfaces in whoever reads it; nobody may be reading yet.
  answer.on('error', () => {})
  return answer
}

/**
 * Sends image data and resolves to the answer, whatever its status. A refusal that comes early stops the sending.
 * `open` is called only once the server is ready to take the bytes. What it throws, or its bytes throw, hangs up in the
 * middle of the body, and the server keeps nothing. `size` in bytes; null sends chunks.
 * @throws {GlanceError} `unavailable`, or what `open` and its bytes throw.
 */
export async function send(
  options: DataRequest,
  size: number | null,
  open: () => Promise<Bytes>,
): Promise<IncomingMessage> {
  options.signal?.throwIfAborted()
  const ask = size === null || size > ASK_FIRST
  const request = start(options, {
    ...options.headers,
    ...(size === null ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(size) }),
    ...(ask ? { expect: '100-continue' } : {}),
  })
  const answer = answerOf(request, options)
  const early = answer.then(
    () => true,
    () => true, // Told by awaiting the answer.
  )
  try {
    const ready = ask ? await goAhead(request, early) : true
    if (ready) {
      for await (const chunk of await open()) {
        if (await Promise.race([early, written(request, chunk, options.signal)])) break
      }
    }
  } catch (error) {
    await hangUp(request, answer)
    throw error
  }
  if (!request.destroyed) request.end()
  return await answer
}

function start(
  { method, url, connections, timeoutMs }: DataRequest,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): ClientRequest {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  return request(url, { method, headers, agent: connections.for(url), timeout: timeoutMs, signal })
}

/** Whether the server wants the bytes; a server that knows nothing of asking gets them after a while. */
async function goAhead(request: ClientRequest, early: Promise<boolean>): Promise<boolean> {
  request.flushHeaders()
  const patience = new AbortController()
  const answered = await Promise.race([
    early,
    once(request, 'continue', { signal: patience.signal }).then(
      () => false,
      () => false,
    ),
    delay(CONTINUE_MS, false, { signal: patience.signal }).catch(() => false),
  ])
  patience.abort()
  return !answered
}

/** Resolves to false when the chunk is gone and its memory free, or will never be needed. */
async function written(
  request: ClientRequest,
  chunk: Uint8Array,
  signal?: AbortSignal,
): Promise<boolean> {
  signal?.throwIfAborted()
  return await new Promise((resolve, reject) => {
    const stop = () => reject(signal?.reason as Error)
    signal?.addEventListener('abort', stop, { once: true })
    // An error is the answer's to report.
    request.write(chunk, () => {
      signal?.removeEventListener('abort', stop)
      resolve(false)
    })
  })
}

/**
 * Ends the connection in the middle of the body and waits until the server has seen it, so that what is asked of it
 * next is asked after it gave the upload up.
 */
async function hangUp(request: ClientRequest, answer: Promise<IncomingMessage>): Promise<void> {
  const { socket } = request
  answer.then(
    message => message.resume(),
    () => {},
  )
  if (socket !== null && !socket.destroyed) {
    socket.end()
    await once(socket, 'close', { signal: AbortSignal.timeout(HANG_UP_MS) }).catch(() => {})
  }
  request.destroy()
}

async function answerOf(
  request: ClientRequest,
  { method, url, timeoutMs, signal }: DataRequest,
): Promise<IncomingMessage> {
  request.on('timeout', () => {
    request.destroy(
      new GlanceError(
        'unavailable',
        `${method} ${url.host}: nothing moved for ${timeoutMs / 1000} s`,
      ),
    )
  })
  return await new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.on('error', error => {
      if (signal?.aborted) reject(signal.reason as Error)
      else reject(error instanceof GlanceError ? error : networkFault({ method, url }, error))
    })
    request.once('close', () =>
      reject(
        networkFault({ method, url }, new Error('the connection was closed without an answer')),
      ),
    )
  })
}
