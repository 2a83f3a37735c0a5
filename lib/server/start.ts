import { once } from 'node:events'
import type { FastifyInstance } from 'fastify'
import type { OpenOptions } from '../database/settings.ts'
import { addressOf, cannotListen, hostOf } from './assembly/address.ts'
import { openApi } from './assembly/api.ts'
import { Opened } from './assembly/opened.ts'
import { requireSharing } from './assembly/sharing.ts'
import { stopApp } from './assembly/stop.ts'
import type { Report } from './http/app.ts'
import type { Exchange } from './http/exchange.ts'
import { listenForMetrics, metricsFor } from './metrics/listener.ts'
import { completeConfig, type ServerConfig } from './config.ts'

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
  readonly report?: Report | undefined
  /** Told of each request that was answered, or whose client went. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined
  /** The time of day. */
  readonly now?: (() => Date) | undefined
  /** A descriptor at which the system listens for us, instead of the address that is configured. */
  readonly fd?: number | undefined
}

/**
 * Starts the Images API in this process. What an earlier one was cut off in is put right first. `signal` stops it from
 * starting, not once it runs. Disposal takes no new requests, lets those under way finish for a time, cuts off the rest,
 * and closes database and store when all is at rest.
 * @throws {GlanceError} `usage`; `unavailable` when the address is taken, or the data folder is in use by another
 * service or cannot be written to.
 */
export async function startServer(
  given: Partial<ServerConfig> = {},
  {
    report = error => console.error(error),
    now = () => new Date(),
    fd,
    ...waiting
  }: ServerOptions = {},
): Promise<RunningServer> {
  const config = completeConfig(given)
  requireSharing(config)
  const opened = new Opened()
  try {
    const metrics = metricsFor(config)
    const api = await openApi(config, { ...waiting, isAlone: true, report, now, opened, metrics })
    const { app, hasTls, reloadTls } = api
    const listener = await listenForMetrics(config, async () => metrics?.series ?? new Map())
    if (listener !== null) opened.add(listener)
    const stop = () => stopApp(api, config.shutdownGraceMs)
    opened.add({ [Symbol.asyncDispose]: stop })
    const port = await listen(app, config, fd)
    const url = `${hasTls ? 'https' : 'http'}://${hostOf(config.bindHost)}:${port}`
    return {
      url,
      port,
      reload: reloadTls,
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    }
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}

async function listen(
  app: FastifyInstance,
  { bindHost: host, bindPort: port }: ServerConfig,
  fd: number | undefined,
): Promise<number> {
  try {
    if (fd === undefined) await app.listen({ host, port })
    else {
      await app.ready()
      await once(app.server.listen({ fd }), 'listening')
    }
  } catch (error) {
    throw fd === undefined ? cannotListen(host, port, error) : cannotListen('descriptor', fd, error)
  }
  return addressOf(app.server).port
}
