import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HEALTHCHECK } from './healthcheck.ts'

/** A minor version that is listed. */
export interface Version {
  readonly id: string
  readonly status: 'CURRENT' | 'SUPPORTED' | 'DEPRECATED'
  /** What its paths begin with. */
  readonly major: 'v1' | 'v2'
}

/** What decides which versions there are. */
export interface Deployment {
  readonly hasCache: boolean
  /** Whether stores have names. */
  readonly hasStores: boolean
  readonly hasV1: boolean
  readonly hasV2: boolean
}

/**
 * As Glance lists and accepts them (glance/api/versions.py): each minor version that brought what there is here, and
 * v1 as the last Glance had it that spoke it.
 */
export function versionsOf(deployment: Deployment): readonly Version[] {
  const { hasV1, hasV2 } = deployment
  const first = (['v1.1', 'v1.0'] as const).map(
    id => ({ id, status: 'DEPRECATED', major: 'v1' }) as const,
  )
  return [...(hasV2 ? secondVersions(deployment) : []), ...(hasV1 ? first : [])]
}

function secondVersions({ hasCache, hasStores }: Deployment): readonly Version[] {
  const stores = hasStores ? [13, 12, 11, 10, 9, 8] : [9]
  const minors = hasCache
    ? [18, 17, 16, 15, 14, ...stores, 7, 6, 5, 4, 3, 2, 1, 0]
    : [15, ...stores, 17, 7, 6, 5, 4, 3, 2, 1, 0]
  const current = Math.max(...minors)
  return minors.map(minor => ({
    id: `v2.${minor}`,
    status: minor === current ? 'CURRENT' : 'SUPPORTED',
    major: 'v2',
  }))
}

const MEDIA_TYPE = 'application/vnd.openstack.images-'
/** Where what is no version's leads to. */
const CHOICES = '/'
const EXPLICIT = '/versions'

/**
 * The path to route by. A version in `Accept` counts before one in the path, and all minor versions are one; for a
 * path of no version that there is, the answer is a choice of versions (glance/api/middleware/version_negotiation.py).
 * Paths that begin with what is `apart` are of no version, and let be.
 */
export function negotiate(
  listed: readonly Version[],
  url: string,
  accept = '',
  apart: readonly string[] = [],
): string {
  const accepted = (id: string) =>
    listed.find(version => version.id === id || version.major === id)?.major
  // A request by way of a proxy may name the whole URL.
  const path = url.replace(/^https?:\/\/[^/?]*/i, '')
  const [, first = '', rest = ''] = /^\/*([^/?]*)(.*)$/s.exec(path) ?? []
  if (first === 'versions') return EXPLICIT
  if (apart.includes(first)) return `/${first}${rest}`
  if (/^\/healthcheck(?:\?|$)/.test(path)) return HEALTHCHECK
  if (accept.startsWith(MEDIA_TYPE)) {
    const major = accepted(accept.slice(MEDIA_TYPE.length))
    return major === undefined ? CHOICES : `/${major}${path}`
  }
  const major = accepted(first)
  return major === undefined ? CHOICES : `/${major}${rest}`
}

/** The list of versions, for everybody and by every method. */
export function versions(
  app: FastifyInstance,
  listed: readonly Version[],
  publicEndpoint: string | null,
): void {
  const list = (request: FastifyRequest) => {
    const base = publicEndpoint ?? `${request.protocol}://${request.host}`
    const root = base.replace(/\/+$/, '')
    const links = (major: string) => [{ rel: 'self', href: `${root}/${major}/` }]
    return {
      versions: listed.map(({ id, status, major }) => ({ id, status, links: links(major) })),
    }
  }
  app.all(CHOICES, async (request, reply) => reply.code(300).send(list(request)))
  app.all(EXPLICIT, async request => list(request))
}
