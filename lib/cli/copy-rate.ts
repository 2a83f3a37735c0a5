import { readFile } from 'node:fs/promises'
import { isObject } from '../image/json.ts'
import type { TransferEvent } from '../replicate/run.ts'

/** How fast a run has copied, all images together, as its summary tells it. */
export interface Rate {
  readonly bytes: number
  /** While data of any image was under way. */
  readonly seconds: number
  readonly bytes_per_second: number
  /** When the run ended, in ISO 8601. */
  readonly measured_at: string
}

/** Bytes and milliseconds from which on a measurement says anything. */
const [LEAST_BYTES, LEAST_MS] = [1024 * 1024, 1000]

/** Measures how fast data is copied, from what happens in a run. */
export class CopyRate {
  readonly #now: () => Date
  readonly #earlier: Rate | null
  #underWay = 0
  #since = 0
  #ms = 0
  #bytes = 0

  /** `earlier` is what counts until there is something better. */
  constructor(earlier: Rate | null, now: () => Date) {
    this.#earlier = earlier
    this.#now = now
  }

  /** Whether an image's data is under way is told for each image, and for each target, by itself. */
  note(event: TransferEvent): void {
    if (!('step' in event) || event.step?.action !== 'create' || !event.step.withData) return
    if (event.type === 'started') {
      if (this.#underWay === 0) this.#since = this.#now().getTime()
      this.#underWay += 1
    }
    if (event.type !== 'finished' && event.type !== 'failed' && event.type !== 'interrupted') return
    if (this.#underWay === 0) return // It was never begun.
    this.#underWay -= 1
    if (this.#underWay === 0) this.#ms += this.#now().getTime() - this.#since
    if (event.type === 'finished') this.#bytes += event.written.image.size ?? 0
  }

  /** That of this run or, where it copied next to nothing, what was known before. */
  get rate(): Rate | null {
    if (this.#bytes < LEAST_BYTES || this.#ms < LEAST_MS) return this.#earlier
    const [bytes, seconds] = [this.#bytes, this.#ms / 1000]
    const measured_at = this.#now().toISOString()
    return { bytes, seconds, bytes_per_second: bytes / seconds, measured_at }
  }
}

/**
 * How fast the run before was, by the summary that it left; null where there is none, or it is that of another command
 * or of other ends.
 */
export async function earlierRate(
  file: string | undefined,
  run: Readonly<Record<string, string>>,
): Promise<Rate | null> {
  if (file === undefined) return null
  const text = await readFile(file, 'utf8').catch(() => '')
  const document = parsed(text)
  if (!isObject(document)) return null
  if (Object.entries(run).some(([name, value]) => document[name] !== value)) return null
  const rate = document['rate']
  if (!isObject(rate)) return null
  const { bytes, seconds, bytes_per_second, measured_at } = rate
  const isNumber = (value: unknown): value is number => typeof value === 'number' && value > 0
  if (!isNumber(bytes) || !isNumber(seconds) || !isNumber(bytes_per_second)) return null
  if (typeof measured_at !== 'string' || Number.isNaN(Date.parse(measured_at))) return null
  return { bytes, seconds, bytes_per_second, measured_at }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
