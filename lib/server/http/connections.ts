import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** What a server lets its clients take of it before there is a request. */
export interface ConnectionLimits {
  /**
   * How long a client may take over its handshake, over the head of a request, and over its body unless that is image
   * data. Milliseconds; 0 for ever.
   */
  readonly headerTimeoutMs: number
  /** How long a connection is kept for the next request. Milliseconds; 0 for ever. */
  readonly keepAliveTimeoutMs: number
  /** Connections at once of one process; 0 for any number. */
  readonly maxConnections: number
}

/** What is answered below HTTP, by the code of Node's error; everything else is malformed. */
const STATUS_LINES: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Request Entity Too Large',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** How long a connection that would be kept for ever is kept once its server is to end. Milliseconds. */
const IDLE_MS = 5000

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Sees to the connections of a server, below its requests. */
export class Connections {
  /** What was last asked for on each. */
  readonly #asked = new WeakMap<Duplex, Asked>()
  readonly #open = new Set<Socket>()
  /** Those within TLS. */
  readonly #secured = new Set<Socket>()
  #state: 'open' | 'draining' | 'closing' = 'open'
  #emptied: () => void = () => {}
  #server: Server | undefined
  /** Those that are about to be closed unless something is asked for. */
  readonly #expiring = new WeakSet<Duplex>()

  attend(server: Server, maxConnections: number): void {
    this.#server = server
    server.prependListener('request', ({ socket }: IncomingMessage) => {
      if (this.#expiring.delete(socket)) socket.setTimeout(0)
    })
    // By default what is beyond 2000 is dropped without a word. How large they are in all is limited.
    server.maxHeadersCount = 0
    // Told to go on by whoever reads the body, and by nobody when it is refused.
    server.on('checkContinue', (request, response) => server.emit('request', request, response))
    // What is sent all the same would have to be read without end.
    server.on('checkExpectation', ({ socket }: IncomingMessage) =>
      endWith(socket, '417 Expectation Failed'),
    )
    server.on('connect', (_request, socket) => endWith(socket, '501 Not Implemented'))
    server.on('request', (request, response) => {
      this.#asked.set(request.socket, { request, response })
      if (this.#state !== 'open') response.setHeader('connection', 'close')
      response.once('close', () => {
        // Once the server is closing, a connection that has had its answer is in the way.
        if (this.#state === 'closing') setImmediate(() => server.closeIdleConnections())
      })
    })
    server.on('connection', (socket: Socket) => {
      if (maxConnections > 0 && this.#open.size >= maxConnections) return void socket.destroy()
      this.#open.add(socket)
      socket.once('close', () => {
        this.#open.delete(socket)
        if (this.#open.size === 0) this.#emptied()
      })
    })
    server.on('secureConnection', (socket: Socket) => {
      this.#secured.add(socket)
      socket.once('close', () => this.#secured.delete(socket))
    })
  }

  /**
   * Answers what still comes on connections that there are, and then has each closed, by its answer: a client never sees
   * a request fail. One that asks for nothing is closed when its time is over, as at any other time, or after `idleMs` where
   * its time never is.
   */
  drain(idleMs = IDLE_MS): void {
    if (this.#state !== 'open' || this.#server === undefined) return
    this.#state = 'draining'
    if (this.#server.headersTimeout === 0) setTimeout(() => this.dropSilent(), idleMs).unref()
    if (this.#server.keepAliveTimeout > 0) return
    // Of those that have their answer later; a client may count on it from then on.
    this.#server.keepAliveTimeout = idleMs
    for (const socket of [...this.#secured, ...this.#open]) {
      if (this.#asked.get(socket)?.response.closed !== true) continue
      this.#expiring.add(socket)
      socket.setTimeout(idleMs) // By which Node closes it.
    }
  }

  /** From now on a connection is closed as soon as it has had its answer. */
  close(): void {
    this.#state = 'closing'
  }

  /** Closes those by which nothing has come. */
  dropSilent(): void {
    for (const socket of [...this.#secured, ...this.#open]) {
      if (socket.bytesRead === 0) socket.destroy()
    }
  }

  /** Closes all, whatever is under way. */
  cutOff(): void {
    for (const socket of [...this.#secured, ...this.#open]) socket.destroy()
  }

  /** Resolves when there is none. */
  async closed(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>(resolve => (this.#emptied = resolve))
  }

  /**
   * Answers what is no HTTP, ends in the middle, or is too slow or too large to be read. What was asked for before that,
   * and wholly, still has its own answer. The connection is closed in any case.
   */
  refuse({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
    const { request, response } = this.#asked.get(socket) ?? {}
    const isAnswering = response !== undefined && !response.writableFinished
    // Where there is no TLS yet nothing can be said, and nothing of it would ever be sent.
    if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT' || !socket.writable) {
      socket.destroy()
    } else if (isAnswering && request?.complete === true && code.startsWith('HPE_')) {
      response.shouldKeepAlive = false
      response.once('close', () => socket.destroy())
    } else if (isAnswering && response.headersSent) {
      socket.destroy()
    } else {
      endWith(socket, STATUS_LINES[code] ?? '400 Bad Request')
    }
  }
}

/** Answers below HTTP, as far as a client is concerned, and closes the connection. */
export function endWith(socket: Duplex, statusLine: string): void {
  const headers = 'content-type: text/plain\r\ncontent-length: 0\r\nconnection: close'
  socket.end(`HTTP/1.1 ${statusLine}\r\n${headers}\r\n\r\n`, () => socket.destroy())
}
