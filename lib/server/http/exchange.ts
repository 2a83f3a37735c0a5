import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Socket } from 'node:net'
import type { RequestContext } from '../domain/context.ts'
import { hasBody } from './body.ts'
import { CONTEXT, requestIdOf } from './context.ts'

/** A request that has begun. */
interface Begun {
  readonly method: string
  /** Such as `/v2/images/:id`; null for a path that there is not. */
  readonly route: string | null
  readonly hasBody: boolean
}

/** A request and how it ended. */
export interface Exchange extends Begun {
  readonly requestId: string
  /** Null for nobody. */
  readonly user: string | null
  readonly project: string | null
  readonly client: string
  /** With its query. */
  readonly path: string
  readonly protocol: string
  /** 499 when the client went before there was an answer. */
  readonly status: number
  /** Bytes of the answer's body; null when it was not said. */
  readonly length: number | null
  readonly seconds: number
  /** Bytes on the connection since the request before it, heads included. */
  readonly received: number
  readonly sent: number
}

/** Told when a request begins; what it returns is told how it ended. */
export type Watch = (begun: Begun) => (exchange: Exchange) => void

/** Has all requests watched. */
export function watchExchanges(app: FastifyInstance, watch: Watch): void {
  const counted = new WeakMap<Socket, { received: number; sent: number }>()
  const passed = (socket: Socket) => {
    const before = counted.get(socket) ?? { received: 0, sent: 0 }
    const now = { received: socket.bytesRead, sent: socket.bytesWritten }
    counted.set(socket, now)
    return { received: now.received - before.received, sent: now.sent - before.sent }
  }
  app.addHook('onRequest', (request, reply, done) => {
    const { method } = request
    const begun = { method, route: request.routeOptions.url ?? null, hasBody: hasBody(request.raw) }
    const end = watch(begun)
    const beganAt = performance.now()
    const { socket } = request.raw
    const client = request.ip
    reply.raw.once('close', () => {
      const seconds = (performance.now() - beganAt) / 1000
      end({
        ...begun,
        ...whoAsked(request),
        requestId: requestIdOf(reply),
        client,
        path: request.raw.url ?? '',
        protocol: `HTTP/${request.raw.httpVersion}`,
        status: reply.raw.headersSent ? reply.raw.statusCode : 499,
        length: lengthOf(reply),
        seconds,
        ...passed(socket),
      })
    })
    done()
  })
}

function whoAsked(request: FastifyRequest) {
  // Null until somebody is known.
  const context = request.getDecorator<RequestContext | null>(CONTEXT)
  return { user: context?.user ?? null, project: context?.project ?? null }
}

function lengthOf(reply: FastifyReply): number | null {
  const length = reply.raw.getHeader('content-length') ?? reply.getHeader('content-length')
  return length === undefined ? null : Number(length)
}
