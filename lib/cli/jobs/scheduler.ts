import type { Clock } from '../clock.ts'
import type { ExitStatus } from '../exit-status.ts'
import type { Job } from './job.ts'

/** What happens to a job. `next` is when it is due again; null for never. */
export type JobEvent =
  | { readonly event: 'scheduled'; readonly job: string; readonly next: Date | null }
  | { readonly event: 'started'; readonly job: string }
  /** Its time has come while it still ran. */
  | { readonly event: 'left_out'; readonly job: string; readonly next: Date | null }
  | {
      readonly event: 'finished'
      readonly job: string
      readonly exitStatus: ExitStatus
      /** Milliseconds. */
      readonly took: number
      readonly next: Date | null
    }

export interface SchedulerOptions {
  readonly clock: Clock
  /** Runs a job to its end; never rejects. */
  run(job: Job): Promise<ExitStatus>
  tell(event: JobEvent): void
}

/** Milliseconds after which the clock is looked at again, should it have been set or the machine have slept. */
const LONGEST_WAIT = 60_000

/** Runs each job when it is due, several jobs at once but none beside itself. */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #running = new Map<string, Promise<void>>()
  #jobs = new Map<string, { readonly job: Job; readonly next: Date | undefined }>()
  #timer: Disposable | undefined
  /** When somebody looked at the clock last. */
  #lookedAt = new Date(0)

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  /** Has these jobs from now on. Those that run go on as they began. */
  set(jobs: readonly Job[]): void {
    const now = this.#options.clock.now()
    this.#jobs = new Map(
      jobs
        .filter(({ schedule }) => schedule !== undefined)
        .map(job => [job.name, { job, next: job.schedule?.next(now) }]),
    )
    for (const job of this.#jobs.keys())
      this.#tell({ event: 'scheduled', job, next: this.#next(job) })
    this.#wait()
  }

  /** Begins no more, and waits for those that run. */
  async stop(): Promise<void> {
    this.#jobs.clear()
    this.#timer?.[Symbol.dispose]()
    await Promise.all(this.#running.values())
  }

  #wait(): void {
    const { clock } = this.#options
    this.#lookedAt = clock.now()
    this.#timer?.[Symbol.dispose]()
    const times = [...this.#jobs.values()].flatMap(({ next }) => next?.getTime() ?? [])
    // Whatever happens to the clock, somebody looks at it; and who waits keeps the program from ending.
    const left = Math.max(Math.min(...times) - this.#lookedAt.getTime(), 0)
    this.#timer = clock.after(Math.min(left, LONGEST_WAIT), () => {
      this.#startDue()
      this.#wait()
    })
  }

  #startDue(): void {
    const now = this.#options.clock.now()
    // It was set back: what was to come next would be long in coming. A little makes no difference.
    if (now.getTime() < this.#lookedAt.getTime() - LONGEST_WAIT)
      return this.set([...this.#jobs.values()].map(({ job }) => job))
    for (const [name, { job, next }] of this.#jobs) {
      if (next === undefined || next > now) continue
      this.#jobs.set(name, { job, next: job.schedule?.next(now) })
      if (this.#running.has(name)) {
        this.#tell({ event: 'left_out', job: name, next: this.#next(name) })
      } else {
        this.#running.set(name, this.#run(job))
      }
    }
  }

  async #run(job: Job): Promise<void> {
    const { clock, run } = this.#options
    const { name } = job
    const began = clock.now().getTime()
    this.#tell({ event: 'started', job: name })
    const exitStatus = await run(job)
    this.#running.delete(name)
    const took = clock.now().getTime() - began
    this.#tell({ event: 'finished', job: name, exitStatus, took, next: this.#next(name) })
  }

  #next(name: string): Date | null {
    return this.#jobs.get(name)?.next ?? null
  }

  #tell(event: JobEvent): void {
    this.#options.tell(event)
  }
}
