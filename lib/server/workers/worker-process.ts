import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { GlanceError } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import type { Report } from '../http/app.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Series } from '../metrics/metrics.ts'
import { hear } from './told-error.ts'

const PROGRAM = fileURLToPath(new URL('worker.js', import.meta.url))

/** How long a worker may take to say what it has counted, before what it said last has to do. Milliseconds. */
const PATIENCE_MS = 2000

/** Told what workers tell. */
export interface Listener {
  readonly report: Report
  readonly onExchange?: ((exchange: Exchange) => void) | undefined
  readonly notice: (message: string) => void
  /** Told of a connection that never came to its worker. */
  readonly onUntaken: (socket: Socket) => void
}

/** How a worker ended: `SIGKILL`, or `status 1`. */
export type WorkerEnd = string

/** One of several processes that share a service, as its parent sees it. */
export class WorkerProcess {
  readonly #child: ChildProcess
  /** Rejects when it ends before. */
  readonly ready: Promise<void>
  /** Never rejects. */
  readonly ended: Promise<WorkerEnd>
  /** Resolves when somebody else than we has told it to end, which may take its time. */
  readonly told: Promise<void>
  #isTold = false
  /** Whether it was told to end. */
  isLeaving = false
  isReady = false
  /** The images that it has in hand, by their ids. */
  readonly held = new Set<string>()
  readonly #handing: Socket[] = []
  /** As it was last told. */
  series: Series = new Map()
  /** Who waits for that. */
  #counting: (() => void)[] = []

  constructor(config: ServerConfig, { report, onExchange, notice, onUntaken }: Listener) {
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
    const child = fork(PROGRAM, [], { serialization: 'advanced', stdio: [...stdio] })
    this.#child = child
    this.ended = endOf(child)
    let tell = () => {}
    this.told = new Promise(resolve => (tell = resolve))
    this.ready = new Promise((resolve, reject) => {
      child.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          this.isReady = true
          resolve()
        } else if (message.type === 'failed') reject(hear(message.error))
        else if (message.type === 'report') report(hear(message.error), message.requestId)
        else if (message.type === 'taken') this.#handing.shift()?.destroy()
        else if (message.type === 'refused') {
          const socket = this.#handing.shift()
          if (socket?.destroyed === false) onUntaken(socket)
        } else if (message.type === 'leaving') {
          this.#isTold = true
          tell()
        } else if (message.type === 'holds') this.#hold(message.id, message.isHeld)
        else if (message.type === 'exchange') onExchange?.(message.exchange)
        else if (message.type === 'metrics') this.#count(message.series)
        else notice(message.message)
      })
      void this.ended.then(end =>
        reject(
          new GlanceError('unavailable', `worker ${this.pid} ended before it was ready: ${end}`),
        ),
      )
    })
    this.ready.catch(() => {}) // Not everybody waits for it.
    this.#say({ type: 'start', config, tellsExchanges: onExchange !== undefined })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Has it say what it has counted so far. Resolves when it has, or is not going to. */
  async count(): Promise<void> {
    if (!this.#child.connected || !this.isReady) return
    const counted = new Promise<void>(resolve => this.#counting.push(resolve))
    this.#say({ type: 'metrics' })
    await Promise.race([counted, this.ended, delay(PATIENCE_MS, undefined, { ref: false })])
  }

  #hold(id: string, isHeld: boolean): void {
    if (isHeld) this.held.add(id)
    else this.held.delete(id)
  }

  #count(series: Series): void {
    this.series = series
    for (const counted of this.#counting.splice(0)) counted()
  }

  /** Hands a connection over, of which nothing was read; false when the worker is gone. */
  take(socket: Socket): boolean {
    if (!this.#child.connected || this.#isTold) return false
    this.#handing.push(socket)
    // Node would never close what a worker that dies has not taken, so we do.
    const options = { keepOpen: true }
    this.#child.send({ type: 'connection' } satisfies ToWorker, socket, options, () => {})
    return true
  }

  /** Has it finish what it has, within the time that the configuration gives for that unless `isPatient`, and end. */
  leave(isPatient: boolean): void {
    this.isLeaving = true
    this.#say({ type: isPatient ? 'drain' : 'stop' })
  }

  /** Connections that were still on their way to it when it ended. */
  untaken(): readonly Socket[] {
    return this.#handing.filter(socket => !socket.destroyed)
  }

  /** Ends it at once. */
  kill(): void {
    this.isLeaving = true
    this.#child.kill('SIGKILL')
  }

  #say(message: ToWorker): void {
    // One that has gone is told nothing; that it has, its end says.
    if (this.#child.connected) this.#child.send(message, () => {})
  }
}

async function endOf(child: ChildProcess): Promise<WorkerEnd> {
  const end = await new Promise<WorkerEnd>(resolve => {
    child.once('exit', (status, signal) => resolve(signal ?? `status ${status}`))
    child.once('error', () => {
      if (child.pid === undefined) resolve('no process could be made')
    })
  })
  // What it said last may still be on its way, and nobody is told when all is there: of a channel with a connection on
  // its way Node does not.
  while (child.pid !== undefined && child.connected) await delay(5)
  return end
}
