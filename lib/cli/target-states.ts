import type { Endpoint } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import { NOTHING, type Totals } from '../replicate/report.ts'
import type { CommandContext } from './command.ts'
import { printable } from './format.ts'
import type { MappedProjects } from './projects.ts'
import { NOTHING_REMOVED, type RemovalOutcome } from './removal-rows.ts'
import { namedTwice, openTarget, type Prepared, type ReplicationOptions } from './replication.ts'
import { type ShownTotals, shownTotals } from './transfer-rows.ts'

/** What is known of one target until now. */
interface TargetState {
  /** The target as it was named. */
  readonly address: string
  mapped: MappedProjects | undefined
  totals: Totals
  removed: RemovalOutcome
  /** How many images of the source could not be understood. */
  unreadable: number
  /** How many images it lacks that were to be copied. */
  failed: number
  /** Why it was given up; undefined while it was not. */
  error: unknown
}

/** The targets of one run as they were named, and what is known of each. Disposal disposes of those that were opened. */
export class Targets implements AsyncDisposable {
  readonly #opened: Endpoint[] = []
  readonly #states = new Map<Endpoint | string, TargetState>()

  /**
   * Opens them; what cannot be opened is told of and left out. @throws {GlanceError} when none of them can be, and `usage`
   * where one of them is another as well.
   */
  static async open(
    addresses: readonly string[],
    prepared: Prepared,
    options: ReplicationOptions,
    context: CommandContext,
  ): Promise<Targets> {
    const targets = new Targets()
    try {
      for (const address of addresses) await targets.#open(address, prepared, options, context)
      if (targets.#opened.length === 0) throw [...targets.#states.values()][0]?.error
      return targets
    } catch (error) {
      await targets[Symbol.asyncDispose]()
      throw error
    }
  }

  /** All of them, those that could not be opened by their addresses. */
  get states(): readonly (readonly [target: Endpoint | string, state: TargetState])[] {
    return [...this.#states]
  }

  get opened(): readonly Endpoint[] {
    return this.#opened
  }

  /** Those that are not given up. */
  get left(): readonly Endpoint[] {
    return this.#opened.filter(target => this.of(target).error === undefined)
  }

  /** What is known of one that was opened. */
  of(target: Endpoint): TargetState {
    const state = this.#states.get(target)
    if (state === undefined) throw new TypeError(`${target.name}: not one of the targets`)
    return state
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map(async target => await target[Symbol.asyncDispose]()))
  }

  async #open(
    address: string,
    prepared: Prepared,
    options: ReplicationOptions,
    context: CommandContext,
  ): Promise<void> {
    try {
      const target = await openTarget(address, prepared, options, context)
      const where = target.address
      const isTwin = where !== undefined && this.#opened.some(other => other.address === where)
      this.#opened.push(target)
      if (isTwin) throw namedTwice(address, `: it is ${where}`)
      this.#states.set(target, stateOf(address))
    } catch (error) {
      context.signal.throwIfAborted()
      if (!isGlanceError(error) || error.code === 'usage') throw error
      context.log.error(printable(error.message))
      this.#states.set(address, stateOf(address, error))
    }
  }
}

export function totalsOf({ totals, removed }: TargetState): ShownTotals {
  return shownTotals(totals, removed.totals)
}

function stateOf(address: string, error?: unknown): TargetState {
  return {
    address,
    mapped: undefined,
    totals: NOTHING,
    removed: NOTHING_REMOVED,
    unreadable: 0,
    failed: 0,
    error,
  }
}
