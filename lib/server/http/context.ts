import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticate } from '../auth/authenticate.ts'
import type { RequestContext } from '../domain/context.ts'
import type { PolicySource } from '../policy/policy-source.ts'
import { HttpFault } from './fault.ts'

const REQUEST_ID = 'x-openstack-request-id'

/** The name under which fastify keeps a request's context. */
export const CONTEXT = 'glanceContext'

/** Who asks, as {@link identify} found out. */
export function contextOf(request: FastifyRequest): RequestContext {
  return request.getDecorator<RequestContext>(CONTEXT)
}

/**
 * Gives the request an id, its caller's own or a new one, which its answer carries whatever comes of it.
 * @throws {HttpFault} 431 for an id of more than `longest` characters; 0 is no limit.
 */
export function nameRequest(request: FastifyRequest, reply: FastifyReply, longest: number): void {
  const asked = request.headers[REQUEST_ID]
  const id = typeof asked === 'string' && asked !== '' ? asked : randomUUID()
  const isTooLong = longest > 0 && id.length > longest
  const allowed = isTooLong ? randomUUID() : id
  reply.header(REQUEST_ID, allowed.startsWith('req-') ? allowed : `req-${allowed}`)
  if (isTooLong) throw new HttpFault(431, `${REQUEST_ID} is too long, max size ${longest}`)
}

/** The id that {@link nameRequest} has given it; empty before. */
export function requestIdOf(reply: FastifyReply): string {
  return String(reply.getHeader(REQUEST_ID) ?? '')
}

/** Finds out who asks. To come after {@link nameRequest}. @throws {GlanceError} `unauthenticated`. */
export async function identify(
  request: FastifyRequest,
  reply: FastifyReply,
  authenticate: Authenticate,
  policies: PolicySource,
): Promise<void> {
  const signal = whenGone(reply) // Also of who leaves while others are asked about it.
  const identity = await authenticate(request.headers)
  const policy = await policies.current()
  const context: RequestContext = {
    ...identity,
    isAdmin: identity.isAdmin || (await policy.isAdmin(identity)),
    policy,
    requestId: String(reply.getHeader(REQUEST_ID)),
    signal,
  }
  request.setDecorator(CONTEXT, context)
}

function whenGone({ raw: response }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Error('the client went away'))
  })
  return controller.signal
}
