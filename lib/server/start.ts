import { Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import type { TlsOptions } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import type { Database } from '../database/database.ts'
import { openDatabase } from '../database/open.ts'
import type { OpenOptions } from '../database/settings.ts'
import { GlanceError, messageOf } from '../errors.ts'
import type { ImageSchema } from '../wire/schema/image-schema.ts'
import type { Authenticate } from './auth/authenticate.ts'
import { Caching } from './cache/caching.ts'
import { prefetchAgain } from './cache/prefetch-again.ts'
import { completeConfig, type ServerConfig } from './config.ts'
import { recover } from './domain/recover.ts'
import { Undoing } from './domain/undoing.ts'
import type { Service } from './domain/service.ts'
import { lockOut, makeDataFolder } from './exclusive.ts'
import { healthcheck } from './healthcheck.ts'
import { imageSchemaOf } from './image-schema.ts'
import { createApp, protect } from './http/app.ts'
import { InFlight } from './http/in-flight.ts'
import { fetcherBy } from './fetcher.ts'
import { recoverImports } from './import/recover-imports.ts'
import { openAuthentication, openProjectLimits } from './open-keystone.ts'
import { openCacheAnew, openStaging, openStores } from './open-stores.ts'
import { openPolicy, type PolicySource } from './policy/policy-source.ts'
import { readyDatabase } from './ready-database.ts'
import { remotePolicy } from './remote-policy.ts'
import { TaskExecutor } from './tasks/executor.ts'
import { v1Routes } from './v1/routes.ts'
import { readTls } from './tls.ts'
import { v2Routes } from './v2/routes.ts'
import { negotiate, versions, versionsOf } from './versions.ts'

/** An Images API that takes requests until it is disposed of. */
export interface RunningServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:9292`, without a path. */
  readonly url: string
  readonly port: number
  /**
   * Reads the files of TLS anew, for connections from now on; those that there are go on. When it rejects all is as it
   * was. @throws {GlanceError} `usage`.
   */
  reload(): Promise<void>
}

export interface ServerOptions extends OpenOptions {
  /**
   * Told of errors that nobody foresaw, and once of each outage of what the service needs. By default they are written
   * to standard error.
   */
  readonly report?: ((error: unknown) => void) | undefined
  /** The time of day. */
  readonly now?: (() => Date) | undefined
}

/**
 * Starts the Images API. What an earlier one was cut off in is put right first. `signal` stops it from starting, not
 * once it runs. Disposal takes no new requests, lets
 * those under way finish for a time, cuts off the rest, and closes database and store when all is at rest.
 * @throws {GlanceError} `usage`; `unavailable` when the address is taken, or the data folder is in use by another
 * service or cannot be written to.
 */
export async function startServer(
  given: Partial<ServerConfig> = {},
  {
    report = error => console.error(error),
    now = () => new Date(),
    ...waiting
  }: ServerOptions = {},
): Promise<RunningServer> {
  const config = completeConfig(given)
  requireSharing(config)
  const tls = await readTls(config)
  const schema = await imageSchemaOf(config)
  const opened: AsyncDisposable[] = []
  const keep = (connections: Disposable) =>
    opened.unshift({ [Symbol.asyncDispose]: async () => connections[Symbol.dispose]() })
  try {
    const ask = await remotePolicy(config, { report, opened: keep })
    const rules = { ...config, defaultRule: config.policyDefaultRule, ask }
    const policies = await openPolicy(config, rules, report)
    for await (const lock of lockOut(config)) opened.unshift(lock)
    const database = await openDatabaseOf(config, { ...waiting, report })
    opened.unshift(database)
    const held = await database.hold?.({ ...waiting, report })
    if (held !== undefined) opened.unshift(held)
    const stores = await openStores(config, { opened: store => opened.unshift(store), report })
    const staging = await openStaging(config)
    opened.unshift(staging)
    await readyDatabase(database, config.dbAutoCreate, waiting)
    const { maxWorkers } = config.imports
    const graceMs = config.shutdownGraceMs
    const background = new TaskExecutor({ atOnce: maxWorkers, graceMs, report })
    const undoing = new Undoing(report)
    opened.unshift(background, undoing)
    const projectLimits = await openProjectLimits(config, { report, now, opened: keep })
    let caching: Caching | undefined
    const forget = async (id: string) => caching?.forget(id)
    const parts = {
      database,
      stores,
      staging,
      background,
      undoing,
      projectLimits,
      forget,
      report,
      now,
    }
    const service = serviceOf(config, parts)
    await recover(service)
    await recoverImports(service)
    await database.tasks.deleteExpired(now())
    caching = new Caching(service, await openCacheAnew(config, service))
    opened.splice(opened.indexOf(undoing) + 1, 0, caching)
    opened.unshift(prefetchAgain(caching, background, config.cachePrefetcherInterval))
    const inFlight = new InFlight()
    const authenticate = await openAuthentication(config, { report, now, opened: keep })
    const answering = { schema, service, caching, policies, authenticate, inFlight, tls, report }
    const app = await appOf(config, answering)
    opened.unshift({ [Symbol.asyncDispose]: () => stop(app, inFlight, config.shutdownGraceMs) })
    const { port } = await listen(app, config)
    const url = `${tls === null ? 'http' : 'https'}://${hostOf(config.bindHost)}:${port}`
    let stopped: Promise<void> | undefined
    const reload = async () => {
      const { server } = app
      if (server instanceof HttpsServer) server.setSecureContext((await readTls(config)) ?? {})
    }
    return { url, port, reload, [Symbol.asyncDispose]: () => (stopped ??= disposeAll(opened)) }
  } catch (error) {
    await disposeAll(opened)
    throw error
  }
}

/** @throws {GlanceError} `usage` for processes that would each have images of their own. */
export function requireSharing({ dataApi, workers }: ServerConfig): void {
  if (dataApi !== 'simple' || workers === 0) return
  const message = `data_api is simple, which is of one process only: workers has to be 0, not ${workers}`
  throw new GlanceError('usage', message)
}

/** Opens the database that the service uses, which is not yet migrated. @throws {GlanceError} as {@link openDatabase}. */
export async function openDatabaseOf(
  config: ServerConfig,
  options: OpenOptions = {},
): Promise<Database> {
  const { dataApi, connection, dataDir } = config
  if (connection !== null) return openDatabase({ ...config, connection }, options)
  if (dataApi === 'postgresql' || dataApi === 'mysql') {
    const message = `data_api is ${dataApi}, so [database] connection has to say where the database is`
    throw new GlanceError('usage', message)
  }
  if (dataApi !== null && dataApi !== 'sqlite') {
    return openDatabase({ ...config, connection: '' }, options)
  }
  await makeDataFolder(dataDir)
  const path = join(resolve(dataDir), 'glance.sqlite')
  return openDatabase({ dataApi, connection: `sqlite:///${path}` })
}

function serviceOf(
  config: ServerConfig,
  parts: Pick<
    Service,
    | 'database'
    | 'stores'
    | 'staging'
    | 'background'
    | 'undoing'
    | 'projectLimits'
    | 'forget'
    | 'report'
    | 'now'
  >,
): Service {
  const limits = {
    imageSize: config.imageSizeCap,
    properties: config.imagePropertyQuota,
    tags: config.imageTagQuota,
    members: config.imageMemberQuota,
    locations: config.imageLocationQuota,
    // As Glance: of two ways to limit what a project stores, one counts.
    projectStorage: config.useKeystoneLimits ? -1 : config.userStorageQuota,
  }
  const locations = { shown: config.showMultipleLocations, directUrl: config.showImageDirectUrl }
  const formats = {
    requireMatch: config.requireImageFormatMatch,
    vmdkTypes: config.vmdkAllowedTypes,
    harmlessChecks: config.gptSafetyChecksNonfatal,
  }
  const { hashingAlgorithm, delayedDelete } = config
  const taskTimeToLiveMs = config.imports.taskTimeToLive * 3_600_000
  const settings = { formats, hashingAlgorithm, delayedDelete, taskTimeToLiveMs }
  return { ...parts, locations, limits, ...settings }
}

/** What requests are answered with. */
interface AppParts {
  readonly schema: ImageSchema
  readonly service: Service
  readonly caching: Caching
  readonly policies: PolicySource
  readonly authenticate: Authenticate
  readonly inFlight: InFlight
  readonly tls: TlsOptions | null
  readonly report: (error: unknown) => void
}

async function appOf(
  config: ServerConfig,
  { schema, service, caching, policies, authenticate, inFlight, tls, report }: AppParts,
): Promise<FastifyInstance> {
  const { maxRequestIdLength, clientSocketTimeoutMs } = config
  const listed = versionsOf({
    hasCache: config.imageCacheDir !== null,
    hasStores: service.stores.named,
    hasV1: config.enableV1Api,
    hasV2: config.enableV2Api,
  })
  const rewriteUrl = (url: string, accept?: string) => negotiate(listed, url, accept)
  const app = createApp({
    maxRequestIdLength,
    clientSocketTimeoutMs,
    rewriteUrl,
    inFlight,
    tls,
    report,
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
  return app
}

async function listen(app: FastifyInstance, config: ServerConfig): Promise<AddressInfo> {
  const { bindHost: host, bindPort: port } = config
  try {
    await app.listen({ host, port })
  } catch (error) {
    const message = `cannot listen at ${hostOf(host)}:${port}: ${messageOf(error)}`
    throw new GlanceError('unavailable', message, { cause: error })
  }
  const address = app.server.address()
  if (address === null || typeof address === 'string')
    throw new TypeError('not listening on a port')
  return address
}

/** As it stands in a URL; a server that listens everywhere is reached here as well. */
function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

async function stop(app: FastifyInstance, inFlight: InFlight, graceMs: number): Promise<void> {
  const patience = setTimeout(() => app.server.closeAllConnections(), graceMs)
  await app.close()
  clearTimeout(patience)
  await inFlight.settled()
}

/** Each, in order, also when one fails. */
async function disposeAll(opened: readonly AsyncDisposable[]): Promise<void> {
  const failures: unknown[] = []
  for (const one of opened) {
    try {
      await one[Symbol.asyncDispose]()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
