import type { FastifyInstance, FastifyRequest } from 'fastify'

/** As Glance lists and accepts them without a cache and with one store (glance/api/versions.py). */
const VERSIONS = [
  { id: 'v2.15', status: 'SUPPORTED' },
  { id: 'v2.9', status: 'SUPPORTED' },
  { id: 'v2.17', status: 'CURRENT' },
  { id: 'v2.7', status: 'SUPPORTED' },
  { id: 'v2.6', status: 'SUPPORTED' },
  { id: 'v2.5', status: 'SUPPORTED' },
  { id: 'v2.4', status: 'SUPPORTED' },
  { id: 'v2.3', status: 'SUPPORTED' },
  { id: 'v2.2', status: 'SUPPORTED' },
  { id: 'v2.1', status: 'SUPPORTED' },
  { id: 'v2.0', status: 'SUPPORTED' },
] as const

const ACCEPTED: ReadonlySet<string> = new Set(['v2', ...VERSIONS.map(({ id }) => id)])
const MEDIA_TYPE = 'application/vnd.openstack.images-'
/** Where what is no version's leads to. */
const CHOICES = '/'
const EXPLICIT = '/versions'

/**
 * The path to route by. A version in `Accept` counts before one in the path, and all minor versions are one; for a
 * path of no version that there is, the answer is a choice of versions (glance/api/middleware/version_negotiation.py).
 */
export function negotiate(url: string, accept = ''): string {
  // A request by way of a proxy may name the whole URL.
  const path = url.replace(/^https?:\/\/[^/?]*/i, '')
  const [, first = '', rest = ''] = /^\/*([^/?]*)(.*)$/s.exec(path) ?? []
  if (first === 'versions') return EXPLICIT
  if (accept.startsWith(MEDIA_TYPE)) {
    return ACCEPTED.has(accept.slice(MEDIA_TYPE.length)) ? `/v2${path}` : CHOICES
  }
  return ACCEPTED.has(first) ? `/v2${rest}` : CHOICES
}

/** The list of versions, for everybody and by every method. */
export function versions(app: FastifyInstance, publicEndpoint: string | null): void {
  const list = (request: FastifyRequest) => {
    const base = publicEndpoint ?? `${request.protocol}://${request.host}`
    const href = `${base.replace(/\/+$/, '')}/v2/`
    return { versions: VERSIONS.map(version => ({ ...version, links: [{ rel: 'self', href }] })) }
  }
  app.all(CHOICES, async (request, reply) => reply.code(300).send(list(request)))
  app.all(EXPLICIT, async request => list(request))
}
