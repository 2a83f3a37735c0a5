import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { GlanceError, messageOf } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import { type Series, sum } from '../metrics/metrics.ts'
import type { Listener } from './worker-process.ts'
import { WorkerProcess } from './worker-process.ts'

/** A worker that lives for less is one that cannot live. Milliseconds. */
const INFANCY_MS = 10_000
/** How many of those in a row there may be. */
const MOST_IN_A_ROW = 5
/** How long the second of them waits, and each after it twice as long. Milliseconds. */
const FIRST_PAUSE_MS = 100

export interface CrewOptions extends Listener {
  /** Told when a worker can take connections, and of each that is put in the place of one that ended. */
  readonly onReady: () => void
  readonly onReplaced: () => void
  /** Told of the last that a worker has counted. */
  readonly onCounted: (series: Series) => void
  /** Told of the images that a worker had in hand when it ended. */
  readonly onLeft: (ids: ReadonlySet<string>) => void
  /** Told of a connection that never came to its worker. */
  readonly onUntaken: (socket: Socket) => void
  /** Told once when the workers cannot live. */
  readonly onHopeless: (error: GlanceError) => void
}

/** The workers of one configuration. One that ends unasked is replaced. */
export class Crew {
  readonly #config: ServerConfig
  readonly #options: CrewOptions
  readonly #workers = new Set<WorkerProcess>()
  #ready: WorkerProcess[] = []
  #next = 0
  #inARow = 0
  #isLeaving = false

  constructor(config: ServerConfig, options: CrewOptions) {
    this.#config = config
    this.#options = options
  }

  /** Resolves when all workers are ready. When one cannot start none is left. @throws {GlanceError} */
  async start(): Promise<void> {
    const starting = Array.from({ length: this.#config.workers }, () => this.#fork())
    try {
      await Promise.all(starting.map(({ ready }) => ready))
    } catch (error) {
      await this.kill()
      throw error
    }
    for (const worker of starting) void this.#keep(worker)
  }

  /** The worker whose turn it is to take a connection; undefined while none is ready. */
  next(): WorkerProcess | undefined {
    this.#next = (this.#next + 1) % Math.max(this.#ready.length, 1)
    return this.#ready[this.#next]
  }

  /** Has all workers finish what they have, see {@link WorkerProcess.leave}, and resolves when they have ended. */
  async leave({ isPatient }: { readonly isPatient: boolean }): Promise<void> {
    this.#forkNoMore()
    for (const worker of this.#workers) worker.leave(isPatient)
    await this.#ended()
  }

  /** Processes that answer requests. */
  get size(): number {
    return this.#workers.size
  }

  /** Whether a worker has the image in hand. */
  holds(id: string): boolean {
    return [...this.#workers].some(({ held }) => held.has(id))
  }

  /** What the workers that there are have counted. */
  async metrics(): Promise<Series> {
    return sum(await Promise.all([...this.#workers].map(async worker => await worker.metrics())))
  }

  async kill(): Promise<void> {
    this.#forkNoMore()
    for (const worker of this.#workers) worker.kill()
    await this.#ended()
  }

  #forkNoMore(): void {
    this.#isLeaving = true
    this.#ready = []
  }

  async #ended(): Promise<void> {
    while (this.#workers.size > 0) await Promise.all([...this.#workers].map(({ ended }) => ended))
  }

  #fork(): WorkerProcess {
    const worker = new WorkerProcess(this.#config, this.#options)
    this.#workers.add(worker)
    void this.#admit(worker)
    void this.#bury(worker)
    return worker
  }

  async #admit(worker: WorkerProcess): Promise<void> {
    if (!(await worker.ready.then(yes, no))) return
    if (this.#isLeaving || !this.#workers.has(worker)) return
    this.#ready.push(worker)
    this.#options.onReady()
  }

  async #bury(worker: WorkerProcess): Promise<void> {
    await worker.ended
    this.#workers.delete(worker)
    this.#options.onCounted(worker.series)
    for (const socket of worker.untaken()) this.#options.onUntaken(socket)
    if (worker.held.size > 0) this.#options.onLeft(worker.held)
    this.#ready = this.#ready.filter(one => one !== worker)
  }

  /** Replaces the worker when it ends, and each that is in its place then. */
  async #keep(first: WorkerProcess): Promise<void> {
    const { report, onHopeless, onReplaced } = this.#options
    for (let worker = first; ;) {
      const reason = await this.#endOf(worker)
      if (this.#isLeaving) return
      this.#inARow += 1
      if (this.#inARow > MOST_IN_A_ROW) {
        const message = `workers end as soon as they are started, ${this.#inARow} in a row: ${reason}`
        onHopeless(new GlanceError('unavailable', message))
        return
      }
      report(new GlanceError('unavailable', `${reason}: another takes its place`))
      const pauseMs = this.#inARow === 1 ? 0 : FIRST_PAUSE_MS * 2 ** (this.#inARow - 2)
      await delay(pauseMs)
      if (this.#isLeaving) return
      worker = this.#fork()
      onReplaced()
    }
  }

  /** Why the worker ended. */
  async #endOf(worker: WorkerProcess): Promise<string> {
    const mature = setTimeout(() => (this.#inARow = 0), INFANCY_MS)
    try {
      await worker.ready
      return `worker ${worker.pid} has ended (${await worker.ended})`
    } catch (error) {
      await worker.ended
      return messageOf(error)
    } finally {
      clearTimeout(mature)
    }
  }
}

const yes = () => true
const no = () => false
