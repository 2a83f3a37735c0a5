import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

const MALFORMED =
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'

/** Sees to the connections of a server, below its requests. */
export class Connections {
  /** What was last asked for on each. */
  readonly #answers = new WeakMap<Duplex, ServerResponse>()
  readonly #open = new Set<Socket>()
  #state: 'open' | 'draining' | 'closing' = 'open'
  #emptied: () => void = () => {}

  attend(server: Server): void {
    // Told to go on by whoever reads the body, and by nobody when it is refused.
    server.on('checkContinue', (request, response) => server.emit('request', request, response))
    server.on('request', (request, response) => {
      this.#answers.set(request.socket, response)
      if (this.#state !== 'open') response.setHeader('connection', 'close')
      response.once('close', () => {
        // Once the server is closing, a connection that has had its answer is in the way.
        if (this.#state === 'closing') setImmediate(() => server.closeIdleConnections())
      })
    })
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket)
      socket.once('close', () => {
        this.#open.delete(socket)
        if (this.#open.size === 0) this.#emptied()
      })
    })
  }

  /**
   * Answers what still comes on connections that there are, and then has each closed, by its answer: a client never sees
   * a request fail. One that asks for nothing is closed when its time is over, as at any other time.
   */
  drain(): void {
    if (this.#state === 'open') this.#state = 'draining'
  }

  /** From now on a connection is closed as soon as it has had its answer. */
  close(): void {
    this.#state = 'closing'
  }

  /** Resolves when there is none. */
  async closed(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>(resolve => (this.#emptied = resolve))
  }

  /** Answers what is no HTTP, or ends in the middle, unless it has its answer already. */
  refuse(socket: Duplex): void {
    const answer = this.#answers.get(socket)
    const isAnswering = answer !== undefined && answer.headersSent && !answer.writableFinished
    if (isAnswering || !socket.writable) socket.destroy()
    else socket.end(MALFORMED, () => socket.destroy())
  }
}
