import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { GlanceError, messageOf } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import { type Series, sum } from '../metrics/metrics.ts'
import { Respawning } from './respawning.ts'
import type { Listener } from './worker-process.ts'
import { WorkerProcess } from './worker-process.ts'

export interface CrewOptions extends Listener {
  /** Told when there are workers that can take connections, and of each that is put in the place of one that ended. */
  readonly onReady: () => void
  readonly onReplaced: () => void
  /** Told of the last that a worker has counted. */
  readonly onCounted: (series: Series) => void
  /** Told of the images that a worker had in hand when it ended. */
  readonly onLeft: (ids: ReadonlySet<string>) => void
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
  readonly #respawning = new Respawning()
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

  /** Hands a connection to the worker whose turn it is, or the next that takes it; false while none does. */
  take(socket: Socket): boolean {
    return this.#ready.some(() => {
      this.#next = (this.#next + 1) % this.#ready.length
      return this.#ready[this.#next]?.take(socket) === true
    })
  }

  /** Has all workers finish what they have, see {@link WorkerProcess.leave}, and resolves when they have ended. */
  async leave({ isPatient }: { readonly isPatient: boolean }): Promise<void> {
    this.#forkNoMore()
    for (const worker of this.#workers) {
      // One that is not ready has nothing to finish, and may never be.
      if (worker.isReady) worker.leave(isPatient)
      else worker.kill()
    }
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

  /** Has the workers say anew what they have counted. */
  async count(): Promise<void> {
    await Promise.all([...this.#workers].map(async worker => await worker.count()))
  }

  /** What the workers that there are have counted, as they have last said. */
  get counted(): Series {
    return sum([...this.#workers].map(({ series }) => series))
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
    // What came for it in its last moment may go to another.
    if (this.#ready.length > 0) this.#options.onReady()
  }

  /** Replaces the worker when it ends, and each that is in its place then. */
  async #keep(first: WorkerProcess): Promise<void> {
    const { report, onHopeless, onReplaced } = this.#options
    for (let worker = first; ;) {
      const bornAt = performance.now()
      const reason = await endOf(worker)
      // Who stops the whole group, as Ctrl-C does, is about to stop us as well.
      if (reason === null) await delay(GROUP_MS)
      if (this.#isLeaving) return
      const pauseMs = this.#respawning.ended(performance.now() - bornAt)
      if (pauseMs === null) {
        const { inARow } = this.#respawning
        const message = `workers end as soon as they are started, ${inARow} in a row: ${reason ?? TOLD}`
        onHopeless(new GlanceError('unavailable', message))
        return
      }
      report(
        new GlanceError(
          'unavailable',
          `${reason ?? `worker ${worker.pid} ${TOLD}`}: another takes its place`,
        ),
      )
      await delay(pauseMs)
      if (this.#isLeaving) return
      worker = this.#fork()
      onReplaced()
    }
  }
}

const TOLD = 'was told to end'

/** How far apart the processes of a group may hear of a signal. Milliseconds. */
const GROUP_MS = 250

/** Why the worker ended; null for one that is about to, since somebody has told it to. */
async function endOf(worker: WorkerProcess): Promise<string | null> {
  try {
    await worker.ready
    const end = await Promise.race([worker.ended, worker.told])
    return end === undefined ? null : `worker ${worker.pid} has ended (${end})`
  } catch (error) {
    await worker.ended
    return messageOf(error)
  }
}

const yes = () => true
const no = () => false
