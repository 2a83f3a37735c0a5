import { Server as HttpsServer } from 'node:https'
import type { FastifyInstance } from 'fastify'
import { Caching } from '../cache/caching.ts'
import { prefetchAgain } from '../cache/prefetch-again.ts'
import type { ServerConfig } from '../config.ts'
import { isResumable } from '../domain/resumable.ts'
import { lockOut } from '../exclusive.ts'
import type { Report } from '../http/app.ts'
import { Connections } from '../http/connections.ts'
import type { Exchange, Watch } from '../http/exchange.ts'
import { InFlight } from '../http/in-flight.ts'
import { imageSchemaOf } from '../image-schema.ts'
import { measuredCache, measuringWatch } from '../metrics/measured.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { openAuthentication } from '../open-keystone.ts'
import { openCacheAnew } from '../open-stores.ts'
import { openPolicy } from '../policy/policy-source.ts'
import { remotePolicy } from '../remote-policy.ts'
import { removeAgain } from '../resumable/abandoned.ts'
import { readTls } from '../tls.ts'
import { appOf } from './app.ts'
import type { Opened } from './opened.ts'
import { recoverAll } from './recover-all.ts'
import { type OpenedService, openService, type ServiceOptions } from './service.ts'

export interface ApiOptions extends Omit<ServiceOptions, 'forget' | 'report'> {
  readonly report: Report
  /** Told of each request that was answered, or whose client went. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined
  /**
   * Whether this process is the only one: then it keeps others away from the data and puts right what an earlier one
   * was cut off in. Else somebody has done so before.
   */
  readonly isAlone: boolean
}

/** An Images API with all that it needs, which does not listen. */
export interface Api {
  readonly app: FastifyInstance
  readonly service: OpenedService
  readonly inFlight: InFlight
  readonly connections: Connections
  readonly hasTls: boolean
  /** Reads the files of TLS anew. When it rejects all is as it was. @throws {GlanceError} `usage`. */
  reloadTls(): Promise<void>
}

/** What is opened for it is told to `opened`, also when this rejects. @throws {GlanceError} `usage`, `unavailable`. */
export async function openApi(
  config: ServerConfig,
  { isAlone, opened, report, now, metrics, onExchange, ...waiting }: ApiOptions,
): Promise<Api> {
  const tls = await readTls(config)
  const schema = await imageSchemaOf(config)
  const policies = await policiesOf(config, opened, report)
  if (isAlone) for await (const lock of lockOut(config)) opened.add(lock)
  let caching: Caching | undefined
  const forget = async (id: string) => caching?.forget(id)
  // Before the rest of the service, which closes before it: work that is still to end may need it.
  opened.add({ [Symbol.asyncDispose]: async () => caching?.[Symbol.asyncDispose]() })
  const service = await openService(config, {
    ...waiting,
    holds: isAlone,
    report,
    now,
    opened,
    forget,
    metrics,
  })
  if (isAlone) await recoverAll(service)
  const cache = await openCacheAnew(config, service, !isAlone)
  const isMeasured = cache !== null && metrics !== undefined
  caching = new Caching(service, isMeasured ? measuredCache(cache, metrics) : cache)
  opened.add(prefetchAgain(caching, service.background, config.cachePrefetcherInterval))
  if (isResumable(service)) opened.add(removeAgain(service, service.background))
  const inFlight = new InFlight()
  const connections = new Connections()
  const keep = (connections: Disposable) => opened.keep(connections)
  const authenticate = await openAuthentication(config, { report, now, opened: keep })
  const answering = {
    schema,
    policies,
    authenticate,
    tls,
    inFlight,
    connections,
    watch: watchOf(metrics, onExchange),
  }
  const app = await appOf(config, { ...answering, service, caching, report })
  const reloadTls = async () => {
    const { server } = app
    if (server instanceof HttpsServer) server.setSecureContext((await readTls(config)) ?? {})
  }
  return { app, service, inFlight, connections, hasTls: tls !== null, reloadTls }
}

async function policiesOf(config: ServerConfig, opened: Opened, report: (error: unknown) => void) {
  const keep = (connections: Disposable) => opened.keep(connections)
  const ask = await remotePolicy(config, { report, opened: keep })
  return await openPolicy(config, { ...config, defaultRule: config.policyDefaultRule, ask }, report)
}

function watchOf(
  metrics: Metrics | undefined,
  onExchange: ApiOptions['onExchange'],
): Watch | undefined {
  const measure = metrics === undefined ? undefined : measuringWatch(metrics)
  if (measure === undefined && onExchange === undefined) return undefined
  return begun => {
    const end = measure?.(begun)
    return exchange => {
      end?.(exchange)
      onExchange?.(exchange)
    }
  }
}
