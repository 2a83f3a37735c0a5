import pLimit from 'p-limit'
import type { Background, BackgroundWork } from '../domain/service.ts'

export interface ExecutorOptions {
  /** How much work is done at once; the rest waits for its turn. */
  readonly atOnce: number
  /** How long work may go on when the service stops. Milliseconds; 0 for ever. */
  readonly graceMs: number
  /** Told of errors that the work did not deal with. */
  readonly report: (error: unknown) => void
}

/** Does work that goes on after the request for it was answered. Disposal lets it finish for a time, then stops it. */
export class TaskExecutor implements Background, AsyncDisposable {
  readonly #options: ExecutorOptions
  readonly #limit: ReturnType<typeof pLimit>
  readonly #stop = new AbortController()
  readonly #work = new Set<Promise<void>>()

  constructor(options: ExecutorOptions) {
    this.#options = options
    this.#limit = pLimit(options.atOnce)
  }

  start(work: BackgroundWork): void {
    const done = this.#do(work).finally(() => this.#work.delete(done))
    this.#work.add(done)
  }

  async #do(work: BackgroundWork): Promise<void> {
    try {
      await this.#limit(() => work(this.#stop.signal))
    } catch (error) {
      this.#options.report(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new Error('the service is stopping')
    const { graceMs } = this.#options
    const stop = () => this.#stop.abort(reason)
    const patience = graceMs === 0 ? undefined : setTimeout(stop, graceMs)
    await this.settled()
    clearTimeout(patience)
  }

  /** Resolves when there is no work. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work)
  }
}
