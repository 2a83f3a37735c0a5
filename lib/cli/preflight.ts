import type { Options } from 'yargs'
import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { GlanceError } from '../errors.ts'
import type { PlanStep } from '../replicate/plan.ts'
import { Acceptance, Need, type Shortage, shortagesOf } from '../replicate/preflight.ts'
import { countOf, formatBytes, printable } from './format.ts'
import type { Log } from './log.ts'
import { atOnceOf, type TransferOptions } from './options.ts'

export interface PreflightOptions {
  readonly preflight: 'stop' | 'warn' | 'off'
}

export const PREFLIGHT = {
  preflight: {
    type: 'string',
    requiresArg: true,
    choices: ['stop', 'warn', 'off'],
    default: 'stop',
    describe: 'What to do where the target has no room for it all, or takes not all of it',
  },
} as const satisfies Record<string, Options>

/** What a target has too little of, as JSON shows it. Bytes or images. */
export type ShortageRow = Omit<Shortage, 'isDoubtful'> & { readonly message: string }

interface Surroundings {
  readonly log: Log
  readonly signal: AbortSignal
}

/** What is found out of one target before anything is copied to it. */
export class Preflight {
  readonly #acceptance: Acceptance
  readonly #target: Endpoint
  readonly #options: PreflightOptions & Pick<TransferOptions, 'concurrency'>
  readonly #surroundings: Surroundings
  #shortages: readonly ShortageRow[] = []
  #isUnknownTold = false
  /** How many images may be copied at once, as far as the target said so. */
  mostAtOnce: number | undefined

  constructor(
    target: Endpoint,
    options: PreflightOptions & Pick<TransferOptions, 'concurrency'>,
    surroundings: Surroundings,
  ) {
    this.#target = target
    this.#options = options
    this.#surroundings = surroundings
    this.#acceptance = new Acceptance(options.preflight === 'off' ? { name: target.name } : target)
  }

  /** What it has too little of, as far as that was found out. */
  get shortages(): readonly ShortageRow[] {
    return this.#shortages
  }

  /** Whether nothing is to be copied, since not all would go. */
  get stops(): boolean {
    return this.#options.preflight === 'stop' && this.#shortages.length > 0
  }

  /** What the target is not going to take of what is planned. */
  async foretold(step: PlanStep): Promise<readonly RefusedField[]> {
    return await this.#acceptance.refused(step, this.#surroundings)
  }

  /** What is planned, but that images which the target never takes are refused. */
  async screen(step: PlanStep): Promise<PlanStep> {
    if (this.#options.preflight !== 'stop') return step
    return await this.#acceptance.screen(step, this.#surroundings)
  }

  /** As {@link screen}, of all steps. */
  async *screened(steps: AsyncIterable<PlanStep>): AsyncGenerator<PlanStep> {
    for await (const step of steps) yield await this.screen(step)
  }

  /** Whether anything depends on all that is planned. What can be read only once is not listed for that. */
  async asksForAll(source: Endpoint): Promise<boolean> {
    const room = await this.#room()
    if (room === undefined || (room.free === null && room.quotas.length === 0)) return false
    if (source.features.sequential !== true) return true
    const why = `${source.name} is read once, so that nobody knows whether all of it has room`
    this.#surroundings.log.info(printable(`${this.#target.name}: ${why}`))
    return false
  }

  /** Checks all that is planned, where anything depends on all of it. */
  async checkAll(source: Endpoint, steps: () => AsyncIterable<PlanStep>): Promise<void> {
    if (!(await this.asksForAll(source))) return
    const need = new Need()
    for await (const step of steps()) need.add(step)
    await this.check(need)
  }

  /** Finds out, and tells, what there is too little of for `need`. */
  async check(need: Need): Promise<void> {
    const room = await this.#room()
    if (room === undefined) return
    const { name, features } = this.#target
    const copied = atOnceOf(this.#options)
    const isOurs = !features.ownersCarried
    for (const shortage of shortagesOf(room, need, { copied, isOurs })) {
      const { isDoubtful, ...row } = shortage
      const message = `${name}: ${describe(shortage)}`
      const stops = !isDoubtful && this.#options.preflight === 'stop'
      this.#surroundings.log[stops ? 'error' : 'warning'](printable(message))
      if (!isDoubtful) this.#shortages = [...this.#shortages, { ...row, message }]
    }
  }

  /** The first of what it has too little of, as an error. */
  get error(): GlanceError | undefined {
    const [first] = this.stops ? this.#shortages : []
    return first === undefined ? undefined : new GlanceError('over_limit', first.message)
  }

  async #room() {
    if (this.#options.preflight === 'off') return undefined
    const { signal, log } = this.#surroundings
    const room = await this.#target.room?.({ signal })
    const uploads = room?.quotas.find(({ name }) => name === 'image_count_uploading')
    if (uploads !== undefined && uploads.limit >= 0) {
      this.mostAtOnce = Math.max(uploads.limit - uploads.usage, 1)
    }
    if (room?.unknown !== undefined && !this.#isUnknownTold) {
      this.#isUnknownTold = true
      log.info(printable(`${this.#target.name}: its quotas are not known: ${room.unknown}`))
    }
    return room
  }
}

/** What is said at the end of a run that copied nothing for it. */
export function describeStop(dryRun: boolean): string {
  const nothing = dryRun ? 'nothing would be copied' : 'nothing was copied'
  return `${nothing}: choose fewer images, make room, or go on all the same with --preflight warn`
}

function describe({ what, needed, available, limit }: Shortage): string {
  switch (what) {
    case 'free_space':
      return `${formatBytes(needed)} of data to be written, and ${formatBytes(available)} free`
    case 'image_size_total':
      return (
        `${formatBytes(needed)} of data to be copied, and our project has ` +
        `${formatBytes(available)} of ${formatBytes(limit ?? 0)} left (image_size_total)`
      )
    case 'image_count_total':
      return (
        `${countOf(needed, 'image')} to be created, and our project may have ` +
        `${available} more, of ${limit} in all (image_count_total)`
      )
    case 'image_count_uploading':
      return (
        `${countOf(needed, 'image')} to be copied at once, and our project may upload ` +
        `${available} more, of ${limit} in all (image_count_uploading): say less by -j`
      )
  }
}
