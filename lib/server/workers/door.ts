import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { isGlanceError } from '../../errors.ts'
import { addressOf, cannotListen } from '../assembly/address.ts'
import { SOCKET_OPTIONS } from '../http/app.ts'

/** Where to listen: at an address, or by a descriptor at which the system listens already. */
export type Place = { readonly host: string; readonly port: number } | { readonly fd: number }

/** Connections that wait for somebody to take them, at most: as many as the system keeps for us besides. */
const MOST_WAITING = 1024

/** Takes connections in and hands them on unread. Where nobody takes one it waits. */
export class Door {
  readonly #server: Server
  readonly #hand: (socket: Socket) => boolean
  readonly #waiting = new Set<Socket>()
  #isClosed = false

  private constructor(server: Server, hand: (socket: Socket) => boolean) {
    this.#server = server
    this.#hand = hand
    server.on('connection', (socket: Socket) => this.welcome(socket))
  }

  /** `hand` is false when nobody takes the connection now. @throws {GlanceError} `unavailable`, `usage`. */
  static async open(place: Place, hand: (socket: Socket) => boolean): Promise<Door> {
    const server = createServer({ ...SOCKET_OPTIONS, noDelay: true, pauseOnConnect: true })
    const door = new Door(server, hand)
    try {
      server.listen(place)
      await once(server, 'listening')
      addressOf(server)
    } catch (error) {
      server.close()
      if (isGlanceError(error)) throw error
      if ('fd' in place) throw cannotListen('descriptor', place.fd, error)
      throw cannotListen(place.host, place.port, error)
    }
    server.on('error', () => {}) // Of one connection that could not be accepted; the next one may.
    return door
  }

  get port(): number {
    return addressOf(this.#server).port
  }

  /** Hands a connection on, or has it wait. */
  welcome(socket: Socket): void {
    socket.on('error', () => {}) // It is gone before anybody had it.
    if (this.#waiting.size === 0 && this.#hand(socket)) return
    if (this.#isClosed || this.#waiting.size >= MOST_WAITING) socket.destroy()
    else this.#waiting.add(socket)
  }

  /** Hands on what waits. */
  retry(): void {
    for (const socket of this.#waiting) {
      if (!socket.destroyed && !this.#hand(socket)) return
      this.#waiting.delete(socket)
    }
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#isClosed = true
    this.#server.close()
    for (const socket of this.#waiting) socket.destroy()
  }
}
