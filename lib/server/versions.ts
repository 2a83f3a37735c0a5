import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HEALTHCHECK } from './healthcheck.ts'

/** A minor version that is listed. */
export interface Version {
  readonly id: string
  readonly status: 'CURRENT' | 'SUPPORTED'
}

/** What decides which versions there are. */
export interface Deployment {
  readonly hasCache: boolean
  /** Whether stores have names. */
  readonly hasStores: boolean
}

/** As Glance lists and accepts them (glance/api/versions.py): each minor version that brought what there is here. */
export function versionsOf({ hasCache, hasStores }: Deployment): readonly Version[] {
  const stores = hasStores ? [13, 12, 11, 10, 9, 8] : [9]
  const minors = hasCache
    ? [18, 17, 16, 15, 14, ...stores, 7, 6, 5, 4, 3, 2, 1, 0]
    : [15, ...stores, 17, 7, 6, 5, 4, 3, 2, 1, 0]
  const current = Math.max(...minors)
  return minors.map(minor => ({
    id: `v2.${minor}`,
    status: minor === current ? 'CURRENT' : 'SUPPORTED',
  }))
}

const MEDIA_TYPE = 'application/vnd.openstack.images-'
/** Where what is no version's leads to. */
const CHOICES = '/'
const EXPLICIT = '/versions'

/**
 * The path to route by. A version in `Accept` counts before one in the path, and all minor versions are one; for a
 * path of no version that there is, the answer is a choice of versions (glance/api/middleware/version_negotiation.py).
 */
export function negotiate(listed: readonly Version[], url: string, accept = ''): string {
  const isAccepted = (id: string) => id === 'v2' || listed.some(version => version.id === id)
  // A request by way of a proxy may name the whole URL.
  const path = url.replace(/^https?:\/\/[^/?]*/i, '')
  const [, first = '', rest = ''] = /^\/*([^/?]*)(.*)$/s.exec(path) ?? []
  if (first === 'versions') return EXPLICIT
  if (/^\/healthcheck(?:\?|$)/.test(path)) return HEALTHCHECK
  if (accept.startsWith(MEDIA_TYPE)) {
    return isAccepted(accept.slice(MEDIA_TYPE.length)) ? `/v2${path}` : CHOICES
  }
  return isAccepted(first) ? `/v2${rest}` : CHOICES
}

/** The list of versions, for everybody and by every method. */
export function versions(
  app: FastifyInstance,
  listed: readonly Version[],
  publicEndpoint: string | null,
): void {
  const list = (request: FastifyRequest) => {
    const base = publicEndpoint ?? `${request.protocol}://${request.host}`
    const href = `${base.replace(/\/+$/, '')}/v2/`
    return { versions: listed.map(version => ({ ...version, links: [{ rel: 'self', href }] })) }
  }
  app.all(CHOICES, async (request, reply) => reply.code(300).send(list(request)))
  app.all(EXPLICIT, async request => list(request))
}
