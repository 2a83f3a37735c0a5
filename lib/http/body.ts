import type { ClientRequest, IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'
import type { DataConnections } from './connections.ts'
import { networkFault } from './faults.ts'
import { chunksOf, divert } from './large-reads.ts'

export interface DataRequest extends Abortable {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly connections: DataConnections
  /** Milliseconds in which the server neither sends nor takes a byte. */
  readonly timeoutMs: number
  /** Whether the server is asked before any byte is sent, however few there are. Default false. */
  readonly asksFirst?: boolean
}

/** Bytes above which it is worth asking before sending. */
const ASK_FIRST = 1024 * 1024
/** Milliseconds after which we send even though nobody said to continue (RFC 9110 §10.1.1). */
const CONTINUE_MS = 1000

/** Milliseconds that a server may take to see that we have hung up. */
const HANG_UP_MS = 2000

/**
 * Asks for image data. The answer's body is to be read by {@link bodyOf}, or destroyed: who reads slowly is given all the
 * time, since that is not the server's fault. @throws {GlanceError} `unavailable`.
 */
export async function receive(options: DataRequest): Promise<IncomingMessage> {
  const request = start(options, options.headers, options.signal)
  request.end()
  const answer = await answerOf(request, options)
  request.setTimeout(0)
  // A broken connection in the middle of the body surfaces in whoever reads it; nobody may be reading yet.
  answer.on('error', () => {})
  return answer
}

/** The body, which ends in `unavailable` when the server keeps us waiting for a byte for so many milliseconds. */
export async function* bodyOf(
  answer: IncomingMessage,
  stallMs: number,
): AsyncGenerator<Uint8Array, void> {
  let waiting = true
  const watch = setTimeout(() => {
    const seconds = stallMs / 1000
    if (waiting) answer.destroy(new GlanceError('unavailable', `no byte came for ${seconds} s`))
  }, stallMs)
  try {
    for await (const chunk of chunksOf(answer)) {
      waiting = false
      yield chunk
      waiting = true
      watch.refresh()
    }
  } finally {
    clearTimeout(watch)
  }
}

/**
 * Sends image data and resolves to the answer, whatever its status. A refusal that comes early stops the sending.
 * A server that is asked first has said that it is ready before `open` is called. Any other is not kept waiting for who
 * takes time to open: the request is begun with the first chunk at hand, on a connection that nobody has cut meanwhile for
 * being idle. What `open` throws, or its bytes throw, hangs up in the middle of the body, and the server keeps nothing.
 * `size` in bytes; null sends chunks.
 * @throws {GlanceError} `unavailable`, `unreachable`, or what `open` and its bytes throw.
 */
export async function send(
  options: DataRequest,
  size: number | null,
  open: () => Promise<Bytes>,
): Promise<IncomingMessage> {
  options.signal?.throwIfAborted()
  const ask = size === null || size > ASK_FIRST || (options.asksFirst === true && size > 0)
  if (ask) return await sendBytes(options, size, { ask, open })
  const bytes = new Begun(await open())
  try {
    await bytes.begin()
    options.signal?.throwIfAborted()
    return await sendBytes(options, size, { ask, open: async () => bytes })
  } finally {
    await bytes.close()
  }
}

async function sendBytes(
  options: DataRequest,
  size: number | null,
  { ask, open }: { readonly ask: boolean; readonly open: () => Promise<Bytes> },
): Promise<IncomingMessage> {
  const request = start(options, {
    ...options.headers,
    ...(size === null ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(size) }),
    ...(ask ? { expect: '100-continue' } : {}),
  })
  let ours = false
  const answer = answerOf(request, options, () => ours)
  const upload = new Upload(request, answer, options.signal)
  try {
    if (!ask || (await upload.goAhead())) {
      ours = true
      for await (const chunk of await open()) {
        ours = false
        if (!(await upload.write(chunk))) break
        ours = true
      }
      ours = false
    }
  } catch (error) {
    await upload.hangUp()
    throw error
  }
  return await upload.end()
}

/** Bytes of which the first chunk is waited for apart from the others. To be read once. */
class Begun implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>
  #first: IteratorResult<Uint8Array> | undefined

  constructor(bytes: Bytes) {
    this.#chunks = bytes[Symbol.asyncIterator]()
  }

  /** Resolves when the first chunk is there, or there is none. */
  async begin(): Promise<void> {
    this.#first = await this.#chunks.next()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    let next = this.#first ?? (await this.#chunks.next())
    for (; next.done !== true; next = await this.#chunks.next()) yield next.value
  }

  /** Closes what has not been read to its end. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}

/** One body on its way, which may be answered before its end. */
class Upload {
  readonly #request: ClientRequest
  readonly #answer: Promise<IncomingMessage>
  readonly #signal: AbortSignal | undefined
  #answered = false
  #wake = () => {}

  constructor(request: ClientRequest, answer: Promise<IncomingMessage>, signal?: AbortSignal) {
    this.#request = request
    this.#answer = answer
    this.#signal = signal
    const wake = () => {
      this.#answered = true
      this.#wake()
    }
    answer.then(wake, wake)
    signal?.addEventListener('abort', this.#stop)
  }

  /** Whether the server wants the bytes; a server that knows nothing of asking gets them after a while. */
  async goAhead(): Promise<boolean> {
    this.#request.flushHeaders()
    await new Promise<void>(resolve => {
      const patience = setTimeout(resolve, CONTINUE_MS)
      this.#wake = () => {
        clearTimeout(patience)
        resolve()
      }
      this.#request.once('continue', this.#wake)
    })
    this.#signal?.throwIfAborted()
    return !this.#answered
  }

  /** Resolves when the chunk's memory is free again: to whether more is wanted. */
  async write(chunk: Uint8Array): Promise<boolean> {
    if (!this.#answered) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
        this.#request.write(chunk, () => resolve()) // An error is the answer's to report.
      })
    }
    this.#signal?.throwIfAborted()
    return !this.#answered
  }

  async end(): Promise<IncomingMessage> {
    this.#signal?.removeEventListener('abort', this.#stop)
    if (!this.#answered) {
      this.#request.end()
      return await this.#answer
    }
    const answer = await this.#answer
    // The server waits for the rest of the body on this connection: nobody else can use it.
    answer.once('close', () => this.#request.destroy())
    return answer
  }

  /**
   * Ends the connection in the middle of the body and waits until the server has seen it, so that what is asked of it
   * next is asked after it gave the upload up.
   */
  async hangUp(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#stop)
    this.#answer.then(
      answer => answer.resume(),
      () => {},
    )
    const { socket } = this.#request
    if (socket !== null && !socket.destroyed) {
      socket.end()
      await once(socket, 'close', { signal: AbortSignal.timeout(HANG_UP_MS) }).catch(() => {})
    }
    this.#request.destroy()
  }

  readonly #stop = () => this.#wake()
}

function start(
  { method, url, connections, timeoutMs }: DataRequest,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): ClientRequest {
  return connections.forData(url, { method, headers: { ...headers }, timeout: timeoutMs, signal })
}

/**
 * The answer, once its headers are there. What breaks off its body is then an error of that. While it is our turn to
 * send, the server's silence counts for nothing.
 */
async function answerOf(
  request: ClientRequest,
  { method, url, timeoutMs, signal }: DataRequest,
  isOurTurn: () => boolean = () => false,
): Promise<IncomingMessage> {
  let answer: IncomingMessage | undefined
  request.on('timeout', () => {
    if (isOurTurn()) return void request.socket?.setTimeout(timeoutMs)
    const error = new GlanceError('unavailable', `nothing moved for ${timeoutMs / 1000} s`)
    answer?.destroy(error)
    request.destroy(error)
  })
  return await new Promise((resolve, reject) => {
    request.once('response', message => {
      answer = message
      if (method === 'GET') divert(message)
      resolve(message)
    })
    request.on('error', error => {
      if (signal?.aborted) reject(signal.reason as Error)
      else reject(networkFault({ method, url }, error))
    })
    request.once('close', () =>
      reject(
        networkFault({ method, url }, new Error('the connection was closed without an answer')),
      ),
    )
  })
}
