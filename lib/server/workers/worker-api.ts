import type { Socket } from 'node:net'
import { type Api, openApi } from '../assembly/api.ts'
import { Opened } from '../assembly/opened.ts'
import { stopApp } from '../assembly/stop.ts'
import type { ServerConfig } from '../config.ts'
import type { Report } from '../http/app.ts'
import type { Exchange } from '../http/exchange.ts'
import { metricsFor } from '../metrics/listener.ts'
import type { Metrics, Series } from '../metrics/metrics.ts'

import { Held } from './held.ts'

export interface WorkerApiOptions {
  readonly report: Report
  readonly onExchange: ((exchange: Exchange) => void) | undefined
  /** Told when it has an image in hand, and when not any more. */
  readonly onHeld: (id: string, isHeld: boolean) => void
  readonly notice: (message: string) => void
  /** Told when all is at rest and closed, after {@link WorkerApi.stop} or {@link WorkerApi.drain}. */
  readonly ended: () => void
}

/** An Images API that is handed its connections, in a process that shares its data with others. */
export class WorkerApi {
  readonly #api: Api
  readonly #opened: Opened
  readonly #metrics: Metrics | undefined
  readonly #options: WorkerApiOptions
  readonly #graceMs: number
  #end: Promise<void> | undefined

  private constructor(
    api: Api,
    opened: Opened,
    metrics: Metrics | undefined,
    config: ServerConfig,
    options: WorkerApiOptions,
  ) {
    this.#api = api
    this.#opened = opened
    this.#metrics = metrics
    this.#options = options
    this.#graceMs = config.shutdownGraceMs
  }

  /** @throws {GlanceError} as `openApi`. */
  static async start(config: ServerConfig, options: WorkerApiOptions): Promise<WorkerApi> {
    const { report, notice, onExchange, onHeld } = options
    const metrics = metricsFor(config)
    const opened = new Opened()
    const now = () => new Date()
    try {
      const api = await openApi(config, {
        isAlone: false,
        report,
        onExchange,
        notice,
        now,
        opened,
        metrics,
        onAltering: new Held(onHeld).altering,
      })
      await api.app.ready()
      // What Node does for the connections of a server, such as limiting the time of a request, begins with this event;
      // this one never listens itself.
      api.app.server.emit('listening')
      return new WorkerApi(api, opened, metrics, config, options)
    } catch (error) {
      await opened[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What was counted and measured; empty where nobody wants to know. */
  get series(): Series {
    return this.#metrics?.series ?? new Map()
  }

  /** Answers what comes on the connection. */
  take(socket: Socket): void {
    this.#api.app.server.emit('connection', socket)
    socket.resume()
  }

  /** Answers what still comes on the connections that there are until each has ended, and stops then. */
  async drain(): Promise<void> {
    const { connections, service } = this.#api
    connections.drain()
    await connections.closed()
    await service.background.settled()
    await this.stop()
  }

  /** Lets what is under way finish for a time, cuts off the rest, and closes everything. */
  async stop(): Promise<void> {
    this.#end ??= this.#stop()
    await this.#end
  }

  async #stop(): Promise<void> {
    try {
      await stopApp(this.#api, this.#graceMs)
      await this.#opened[Symbol.asyncDispose]()
    } catch (error) {
      this.#options.report(error)
    }
    this.#options.ended()
  }
}
