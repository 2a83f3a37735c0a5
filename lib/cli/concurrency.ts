import type { RunOptions } from '../replicate/run.ts'
import type { Log } from './log.ts'
import { atOnceOf, type TransferOptions } from './options.ts'

/** How many images were copied at once, where that was not one number from the beginning to the end. */
export interface ConcurrencyRow {
  readonly most: number
  readonly last: number
}

/** Follows how many images are copied at once, tells it in the log, and has it for the summary. */
export class Concurrency {
  readonly options: Pick<RunOptions, 'concurrency' | 'onConcurrency'>
  readonly #isAdapted: boolean
  #last: number
  #most: number

  constructor({ concurrency }: Pick<TransferOptions, 'concurrency'>, log: Log) {
    this.#isAdapted = concurrency === 'auto'
    this.#last = atOnceOf({ concurrency })
    this.#most = this.#last
    this.options = {
      concurrency,
      onConcurrency: (limit, why) => {
        this.#last = limit
        this.#most = Math.max(this.#most, limit)
        log.info(`images copied at once: ${limit}, ${why}`)
      },
    }
  }

  /** Null where it is as it was told, or nothing was done. */
  row(dryRun: boolean): ConcurrencyRow | null {
    return this.#isAdapted && !dryRun ? { most: this.#most, last: this.#last } : null
  }
}

/** What the last line says of it. */
export function describeConcurrency({ most, last }: ConcurrencyRow): string {
  return `at most ${most} images at once, ${last} at the end`
}
