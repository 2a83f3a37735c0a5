import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { GlanceError } from '../../errors.ts'
import { hostOf } from '../assembly/address.ts'
import { Opened } from '../assembly/opened.ts'
import { requireSharing } from '../assembly/sharing.ts'
import { completeConfig, type ServerConfig } from '../config.ts'
import { listenForMetrics } from '../metrics/listener.ts'
import { Metrics, type Series, sum } from '../metrics/metrics.ts'
import { requireSamePlaces } from './changes.ts'
import { Crew } from './crew.ts'
import { Door, type Place } from './door.ts'
import { prepare, recoverLeft } from './prepare.ts'
import type { RunningService, StartOptions } from './service.ts'

/** What workers may take to end besides the time that they have for what is under way. Milliseconds. */
const LAST_MS = 10_000

/** How long what cannot be put right waits for the next attempt. Milliseconds. */
const RECOVERY_PAUSE_MS = 1000

/** A service whose requests are answered by workers; this process takes connections in and hands them on. */
export class SupervisedService implements RunningService {
  readonly failed: Promise<never>
  readonly #options: StartOptions
  readonly #locks = new Opened()
  /** By this process, and by workers that have ended. */
  readonly #counted = new Metrics()
  #config: ServerConfig
  /** The last one is the one that takes connections; the others finish what they have. */
  readonly #crews: Crew[] = []
  #door: Door | undefined
  #fail: (error: GlanceError) => void = () => {}
  #changing: Promise<unknown> = Promise.resolve()
  #recovering: Promise<unknown> = Promise.resolve()
  readonly #stopping = new AbortController()
  #end: Promise<void> | undefined

  private constructor(config: ServerConfig, options: StartOptions) {
    this.#config = config
    this.#options = options
    this.failed = new Promise((_, reject) => (this.#fail = reject))
    this.failed.catch(() => {}) // Whoever waits for it is told.
  }

  /** @throws {GlanceError} as `startServer`. */
  static async start(config: ServerConfig, options: StartOptions): Promise<SupervisedService> {
    requireSharing(config)
    const service = new SupervisedService(config, options)
    try {
      await service.#start()
      return service
    } catch (error) {
      await service.#locks[Symbol.asyncDispose]()
      throw error
    }
  }

  get url(): string {
    const { bindHost, certFile } = this.#config
    return `${certFile === null ? 'http' : 'https'}://${hostOf(bindHost)}:${this.port}`
  }

  get port(): number {
    return this.#door?.port ?? 0
  }

  /** Has new workers take over with another configuration; those that there are finish what they have. */
  async reload(given: Partial<ServerConfig>): Promise<void> {
    const change = this.#changing.then(() => this.#reload(completeConfig(given)))
    this.#changing = change.catch(() => {})
    await change
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#end ??= this.#stop())
  }

  async #start(): Promise<void> {
    const { report, notice, signal } = this.#options
    await prepare(this.#config, { report, notice, signal, locks: this.#locks })
    // Before there are workers, since nothing may go wrong once there are.
    const listener = await listenForMetrics(this.#config, () => this.#metrics())
    if (listener !== null) this.#locks.add(listener)
    const door = await Door.open(this.#place(this.#config), socket => this.#hand(socket))
    try {
      this.#crews.push(await this.#crew(this.#config, signal))
    } catch (error) {
      door.close()
      throw error
    }
    this.#door = door
    door.retry()
  }

  async #reload(next: ServerConfig): Promise<void> {
    if (this.#end !== undefined) return
    requireSharing(next)
    requireSamePlaces(this.#config, next)
    const isElsewhere =
      this.#options.fd === undefined &&
      (next.bindHost !== this.#config.bindHost || next.bindPort !== this.#config.bindPort)
    const hand = (socket: Socket) => this.#hand(socket)
    const door = isElsewhere ? await Door.open(this.#place(next), hand) : undefined
    try {
      const crew = await this.#crew(next, this.#stopping.signal)
      const old = this.#crews.at(-1)
      this.#crews.push(crew)
      this.#config = next
      if (old !== undefined) void this.#retire(old)
    } catch (error) {
      door?.close()
      throw error
    }
    if (door !== undefined) {
      this.#door?.close()
      this.#door = door
    }
    this.#door?.retry()
  }

  async #crew(config: ServerConfig, signal?: AbortSignal): Promise<Crew> {
    const { report, onExchange, notice = () => {} } = this.#options
    const crew: Crew = new Crew(config, {
      report,
      notice,
      onReady: () => this.#door?.retry(),
      onExchange,
      onReplaced: () => this.#counted.add('glance_api_worker_restarts_total'),
      onCounted: series => this.#counted.join(series),
      onUntaken: socket => {
        if (this.#door === undefined) socket.destroy()
        else this.#door.welcome(socket)
      },
      onLeft: ids => {
        this.#recovering = Promise.all([this.#recovering, this.#recover(ids)])
      },
      onHopeless: error => {
        if (crew === this.#crews.at(-1)) this.#fail(error)
      },
    })
    const onAbort = () => void crew.kill()
    signal?.addEventListener('abort', onAbort)
    try {
      signal?.throwIfAborted()
      await crew.start()
      signal?.throwIfAborted()
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
    return crew
  }

  #place({ bindHost: host, bindPort: port }: ServerConfig): Place {
    const { fd } = this.#options
    return fd === undefined ? { host, port } : { fd }
  }

  #hand(socket: Socket): boolean {
    return this.#crews.at(-1)?.take(socket) ?? false
  }

  /** Puts right what a worker has left behind, until it is done; when the service stops first, its next start does. */
  async #recover(ids: ReadonlySet<string>): Promise<void> {
    const { report } = this.#options
    const isHeld = (id: string) => this.#crews.some(crew => crew.holds(id))
    for (let attempt = 0; this.#end === undefined; attempt += 1) {
      try {
        await recoverLeft(this.#config, ids, { report, isHeld })
        return
      } catch (error) {
        if (attempt === 0) report(error)
        await delay(RECOVERY_PAUSE_MS)
      }
    }
  }

  async #metrics(): Promise<Series> {
    await Promise.all(this.#crews.map(async crew => await crew.count()))
    const workers = new Map([
      ['glance_api_workers', this.#crews.reduce((total, { size }) => total + size, 0)],
    ])
    // All at one time: a worker that ends is either among those that there are, or among those that have ended.
    return sum([workers, this.#counted.series, ...this.#crews.map(({ counted }) => counted)])
  }

  async #retire(crew: Crew): Promise<void> {
    await crew.leave({ isPatient: true })
    this.#crews.splice(this.#crews.indexOf(crew), 1)
  }

  async #stop(): Promise<void> {
    this.#door?.close()
    // Workers of another configuration may be long in starting, and are not needed any more.
    this.#stopping.abort(new GlanceError('unavailable', 'the service stops'))
    await this.#changing
    this.#door?.close()
    const { shutdownGraceMs: graceMs } = this.#config
    const killAll = () => this.#crews.forEach(crew => void crew.kill())
    // Connections and work in the background each have their time.
    const patience = graceMs === 0 ? undefined : setTimeout(killAll, 2 * graceMs + LAST_MS)
    await Promise.all(this.#crews.map(crew => crew.leave({ isPatient: false })))
    clearTimeout(patience)
    await this.#recovering
    await this.#locks[Symbol.asyncDispose]()
  }
}
