import type { TlsOptions } from 'node:tls'
import {
  fastify,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import type { Authenticate } from '../auth/authenticate.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { hasBody, UNDECODABLE } from './body.ts'
import type { ConnectionLimits, Connections } from './connections.ts'
import { CONTEXT, identify, nameRequest, requestIdOf } from './context.ts'
import { requireInTime } from './deadline.ts'
import { type Watch, watchExchanges } from './exchange.ts'
import { faultResponse, HttpFault, isFault } from './fault.ts'
import { requireOneReading } from './framing.ts'
import type { InFlight } from './in-flight.ts'
import { JsonText } from './json-text.ts'
import { sendFault } from './send.ts'
import { cutOffSilent } from './silence.ts'
import type { PolicySource } from '../policy/policy-source.ts'

export interface AppOptions {
  readonly limits: ConnectionLimits
  /** Characters of a caller's own request id; 0 for any number. */
  readonly maxRequestIdLength: number
  /** How long a client may neither send nor take anything. Milliseconds; 0 for ever. */
  readonly clientSocketTimeoutMs: number
  /** The path to route by, for the one that was asked for. */
  readonly rewriteUrl: (url: string, accept: string | undefined) => string
  readonly inFlight: InFlight
  readonly connections: Connections
  /** Null for plain HTTP. */
  readonly tls: TlsOptions | null
  /** Of requests, each of which is told of an answer by its id. */
  readonly watch?: Watch | undefined
  /** Told of errors that nobody foresaw; all that the client sees of one is a bare 500. */
  readonly report: Report
}

/** `requestId` when it is of one request. */
export type Report = (error: unknown, requestId?: string) => void

/** For the routes to which a request must not bring a body. */
export const BODILESS = { config: { bodiless: true } } as const

/** What Glance's router knows (glance/common/wsgi.py). */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']

/**
 * A fastify that keeps its hands off bodies: each route reads its own, once it has made sure that it wants it.
 * Documents that a route returns are sent as JSON; what it throws is sent as Glance sends its faults.
 */
export function createApp({
  maxRequestIdLength,
  clientSocketTimeoutMs,
  rewriteUrl,
  inFlight,
  connections,
  tls,
  watch,
  report,
  limits,
}: AppOptions): FastifyInstance {
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    if (!isFault(error) && !reply.raw.destroyed) report(error, requestIdOf(reply))
    sendFault(
      request.raw,
      reply,
      faultResponse(error, request.headers.accept, request.headers['content-type']),
    )
  }
  const app = listening(tls, limits, {
    clientErrorHandler: (error, socket) => connections.refuse(error, socket),
    exposeHeadRoutes: false,
    frameworkErrors: (_error, request, reply) =>
      fail(new GlanceError('invalid', UNDECODABLE), request, reply),
    requestTimeout: 0,
    return503OnClosing: false,
    rewriteUrl: ({ url = '/', headers }) => rewriteUrl(url, headers.accept),
    routerOptions: { maxParamLength: 16_384 },
  })
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  }
  app.server.keepAliveTimeout = limits.keepAliveTimeoutMs // Fastify takes 0 for its own default.
  connections.attend(app.server, limits.maxConnections)
  app.addHook('preClose', async () => connections.close())
  app.decorateRequest(CONTEXT, null)
  if (watch !== undefined) watchExchanges(app, watch)
  app.addHook('onRoute', route => {
    const { handler } = route
    route.handler = async function (request, reply) {
      const work = inFlight.track(Promise.resolve(handler.call(this, request, reply)))
      void work.catch((error: unknown) => {
        // Too late for an answer: fastify would pass over it. What broke off elsewhere is no fault of ours.
        if (reply.sent && !isGlanceError(error, 'unavailable')) report(error, requestIdOf(reply))
      })
      return work
    }
  })
  app.addHook('onRequest', async (request, reply) => {
    requireInTime(request.raw, reply.raw, limits.headerTimeoutMs)
    nameRequest(request, reply, maxRequestIdLength)
    requireOneReading(request.raw)
    cutOffSilent(request, reply, clientSocketTimeoutMs)
  })
  app.addHook('preSerialization', async (_request, reply, document) => {
    reply.header('content-type', 'application/json') // Without a charset, as Glance.
    return document
  })
  app.setReplySerializer(document =>
    document instanceof JsonText ? document.text : JSON.stringify(document),
  )
  app.setErrorHandler(fail)
  return app
}

/** Of each connection. A client that vanished is found out, however long it may take over its data. */
export const SOCKET_OPTIONS = { keepAlive: true, keepAliveInitialDelay: 60_000 } as const

const SOCKETS = {
  ...SOCKET_OPTIONS,
  // As many headers as Glance takes: v1 has all metadata in them.
  maxHeaderSize: 64 * 1024,
  // Whatever Node was started with.
  insecureHTTPParser: false,
} as const

/** How often Node looks for clients that are too slow, at the most. */
const LOOK_MS = 5000

function listening(
  tls: TlsOptions | null,
  { headerTimeoutMs }: Pick<ConnectionLimits, 'headerTimeoutMs'>,
  options: FastifyServerOptions,
): FastifyInstance {
  const slow = {
    headersTimeout: headerTimeoutMs,
    connectionsCheckingInterval: Math.min(LOOK_MS, Math.ceil(headerTimeoutMs / 4) || LOOK_MS),
  }
  if (tls === null) return fastify({ ...options, http: { ...SOCKETS, ...slow } })
  // What differs between the two kinds of server is nothing that a route sees.
  const handshake = headerTimeoutMs === 0 ? {} : { handshakeTimeout: headerTimeoutMs }
  const https = { ...tls, ...SOCKETS, ...slow, ...handshake }
  return fastify({ ...options, https } as FastifyServerOptions)
}

/** Lets nobody unknown to what is registered from here on, and makes its paths say which methods they take. */
export function protect(
  app: FastifyInstance,
  authenticate: Authenticate,
  policies: PolicySource,
): void {
  const paths = new Map<string, string[]>()
  app.addHook('onRoute', ({ url, method }) => {
    paths.set(url, [...(paths.get(url) ?? []), ...[method].flat()])
  })
  app.addHook('onRequest', async (request, reply) => {
    await identify(request, reply, authenticate, policies)
    if ('bodiless' in request.routeOptions.config && hasBody(request.raw)) {
      throw new GlanceError('invalid', 'a body is not expected with this request.')
    }
  })
  app.setNotFoundHandler(async ({ method, url }) => {
    const path = url.split('?', 1)[0] ?? ''
    for (const [pattern, methods] of paths) {
      if (matches(pattern, path)) throw notAllowed(method, methods)
    }
    if (METHODS.includes(method))
      throw new GlanceError('not_found', 'the resource could not be found.')
    throw new HttpFault(501, `the request method ${method} is not implemented for this server.`)
  })
}

/** Whether a path is one of a route's, such as `/v2/images/:id/file`. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const found = path.split('/')
  return (
    wanted.length === found.length &&
    wanted.every((part, i) => (part.startsWith(':') ? found[i] !== '' : found[i] === part))
  )
}

/** What a method is refused with that a path does not take. */
export function notAllowed(method: string, methods: readonly string[]): HttpFault {
  const message = `the method ${method} is not allowed for this resource.`
  return new HttpFault(405, message, { allow: methods.join(', ') })
}
