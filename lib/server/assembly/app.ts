import type { TlsOptions } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { RESUMABLE_UPLOADS } from '../../wire/resumable-upload.ts'
import type { ImageSchema } from '../../wire/schema/image-schema.ts'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Caching } from '../cache/caching.ts'
import type { ServerConfig } from '../config.ts'
import { isResumable } from '../domain/resumable.ts'
import type { Service } from '../domain/service.ts'
import { fetcherBy } from '../fetcher.ts'
import { healthcheck } from '../healthcheck.ts'
import { createApp, protect, type Report } from '../http/app.ts'
import type { Connections } from '../http/connections.ts'
import type { Watch } from '../http/exchange.ts'
import type { InFlight } from '../http/in-flight.ts'
import type { PolicySource } from '../policy/policy-source.ts'
import { resumableDiscovery, resumableRoutes } from '../resumable/routes.ts'
import { v1Routes } from '../v1/routes.ts'
import { v2Routes } from '../v2/routes.ts'
import { negotiate, versions, versionsOf } from '../versions.ts'

/** What requests are answered with. */
export interface AppParts {
  readonly schema: ImageSchema
  readonly service: Service
  readonly caching: Caching
  readonly policies: PolicySource
  readonly authenticate: Authenticate
  readonly inFlight: InFlight
  readonly connections: Connections
  readonly tls: TlsOptions | null
  readonly watch: Watch | undefined
  readonly report: Report
}

/** Puts the routes of all versions together; nothing listens yet. */
export async function appOf(
  config: ServerConfig,
  {
    schema,
    service,
    caching,
    policies,
    authenticate,
    inFlight,
    connections,
    tls,
    watch,
    report,
  }: AppParts,
): Promise<FastifyInstance> {
  const { maxRequestIdLength, clientSocketTimeoutMs } = config
  const listed = versionsOf({
    hasCache: config.imageCacheDir !== null,
    hasStores: service.stores.named,
    hasV1: config.enableV1Api,
    hasV2: config.enableV2Api,
  })
  const apart = isResumable(service) ? [RESUMABLE_UPLOADS] : []
  const rewriteUrl = (url: string, accept?: string) => negotiate(listed, url, accept, apart)
  const app = createApp({
    maxRequestIdLength,
    clientSocketTimeoutMs,
    rewriteUrl,
    inFlight,
    connections,
    tls,
    watch,
    report,
    limits: config,
  })
  healthcheck(app)
  versions(app, listed, config.publicEndpoint)
  const { filter, ...imports } = config.imports
  const importer = { ...imports, service, fetcher: fetcherBy(filter) }
  const paging = { limitDefault: config.limitParamDefault, limitMax: config.apiLimitMax }
  const { diskFormats, containerFormats } = config
  const v1Service = { importer, paging, formats: { diskFormats, containerFormats } }
  await app.register(
    async v1 => {
      protect(v1, authenticate, policies)
      v1Routes(v1, v1Service, caching)
    },
    { prefix: '/v1' },
  )
  await app.register(
    async v2 => {
      protect(v2, authenticate, policies)
      v2Routes(v2, importer, caching, paging, schema)
    },
    { prefix: '/v2' },
  )
  if (isResumable(service)) {
    resumableDiscovery(app, service)
    await app.register(
      async resumable => {
        protect(resumable, authenticate, policies)
        resumableRoutes(resumable, service, clientSocketTimeoutMs)
      },
      { prefix: `/${RESUMABLE_UPLOADS}` },
    )
  }
  return app
}
