import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

const MALFORMED =
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'

/** Sees to the connections of a server, below its requests. */
export class Connections {
  /** What was last asked for on each. */
  readonly #answers = new WeakMap<Duplex, ServerResponse>()

  attend(server: Server): void {
    // Told to go on by whoever reads the body, and by nobody when it is refused.
    server.on('checkContinue', (request, response) => server.emit('request', request, response))
    server.on('request', (request, response) => {
      this.#answers.set(request.socket, response)
      response.once('close', () => {
        // Once the server is closing, a connection that has had its answer is in the way.
        if (!server.listening) setImmediate(() => server.closeIdleConnections())
      })
    })
  }

  /** Answers what is no HTTP, or ends in the middle, unless it has its answer already. */
  refuse(socket: Duplex): void {
    const answer = this.#answers.get(socket)
    const isAnswering = answer !== undefined && answer.headersSent && !answer.writableFinished
    if (isAnswering || !socket.writable) socket.destroy()
    else socket.end(MALFORMED, () => socket.destroy())
  }
}
