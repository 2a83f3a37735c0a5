import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { GlanceError } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { hear } from './told-error.ts'

const PROGRAM = fileURLToPath(new URL('worker.js', import.meta.url))

/** Told what workers tell. */
export interface Listener {
  readonly report: (error: unknown) => void
  readonly notice: (message: string) => void
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
  /** Whether it was told to end. */
  isLeaving = false

  constructor(config: ServerConfig, { report, notice }: Listener) {
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
    const child = fork(PROGRAM, [], { serialization: 'advanced', stdio: [...stdio] })
    this.#child = child
    this.ended = new Promise(resolve => {
      child.once('exit', (status, signal) => resolve(signal ?? `status ${status}`))
      child.once('error', () => {
        if (child.pid === undefined) resolve('no process could be made')
      })
    })
    this.ready = new Promise((resolve, reject) => {
      child.on('message', (message: FromWorker) => {
        if (message.type === 'ready') resolve()
        else if (message.type === 'failed') reject(hear(message.error))
        else if (message.type === 'report') report(hear(message.error))
        else notice(message.message)
      })
      void this.ended.then(end =>
        reject(
          new GlanceError('unavailable', `worker ${this.pid} ended before it was ready: ${end}`),
        ),
      )
    })
    this.ready.catch(() => {}) // Not everybody waits for it.
    this.#say({ type: 'start', config })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Hands a connection over, of which nothing was read; false when the worker is gone. */
  take(socket: Socket): boolean {
    if (!this.#child.connected) return false
    this.#child.send({ type: 'connection' } satisfies ToWorker, socket, {}, error => {
      if (error !== null) socket.destroy()
    })
    return true
  }

  /** Has it finish what it has, within the time that the configuration gives for that unless `isPatient`, and end. */
  leave(isPatient: boolean): void {
    this.isLeaving = true
    this.#say({ type: isPatient ? 'drain' : 'stop' })
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
