import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { type GlanceError, isGlanceError } from '../errors.ts'
import { Need } from '../replicate/preflight.ts'
import type { Assigned } from '../replicate/run-all.ts'
import { Preflight } from './preflight.ts'

/** What is found out of several targets before anything is copied, of each by itself. */
export class PreflightAll {
  readonly #preflights: ReadonlyMap<Endpoint, Preflight>
  readonly #needs = new Map<Endpoint, Need>()
  readonly #broken = new Map<Endpoint, GlanceError>()
  readonly #signal: AbortSignal

  constructor(
    targets: readonly Endpoint[],
    options: ConstructorParameters<typeof Preflight>[1],
    surroundings: ConstructorParameters<typeof Preflight>[2],
  ) {
    this.#signal = surroundings.signal
    this.#preflights = new Map(
      targets.map(target => [target, new Preflight(target, options, surroundings)]),
    )
  }

  /** That of one of the targets. */
  of(target: Endpoint): Preflight {
    const preflight = this.#preflights.get(target)
    if (preflight === undefined) throw new TypeError(`${target.name}: not one of the targets`)
    return preflight
  }

  /** Why a target could not be asked, such as with a token that it refuses: nothing more is planned for it. */
  brokenBy(target: Endpoint): GlanceError | undefined {
    return this.#broken.get(target)
  }

  /**
   * What is planned, but that images which a target never takes are refused there, and that nothing is any more for one
   * that cannot be asked.
   */
  async *screened(
    rounds: AsyncIterable<readonly Assigned[]>,
    onBroken: (target: Endpoint, error: unknown) => void = () => {},
  ): AsyncGenerator<readonly Assigned[]> {
    for await (const round of rounds) {
      const screened = await Promise.all(
        round.map(async ({ step, target }) => {
          const screen = async () => await this.of(target).screen(step)
          const found = await this.#asked(target, screen, onBroken)
          return found === undefined ? [] : [{ step: found, target }]
        }),
      )
      const all = screened.flat()
      if (all.length > 0) yield all
    }
  }

  /** As `Preflight.foretold`; undefined for a target that cannot be asked. */
  async foretold(
    { step, target }: Assigned,
    onBroken: (target: Endpoint, error: unknown) => void,
  ): Promise<readonly RefusedField[] | undefined> {
    return await this.#asked(target, async () => await this.of(target).foretold(step), onBroken)
  }

  /** As `Preflight.checkAll`, with one listing of the source for all targets. */
  async checkAll(
    source: Endpoint,
    rounds: () => AsyncIterable<readonly Assigned[]>,
  ): Promise<void> {
    let isAnyAsking = false
    for (const [target, preflight] of this.#preflights) {
      const asks = await this.#asked(target, async () => await preflight.asksForAll(source))
      if (asks === true) isAnyAsking = true
    }
    if (!isAnyAsking) return
    for await (const round of this.screened(rounds())) for (const each of round) this.count(each)
    for (const target of this.#preflights.keys()) await this.check(target)
  }

  count({ step, target }: Assigned): void {
    const need = this.#needs.get(target) ?? new Need()
    this.#needs.set(target, need)
    need.add(step)
  }

  /** Checks what was counted for a target. */
  async check(target: Endpoint): Promise<void> {
    const check = async () => await this.of(target).check(this.#needs.get(target) ?? new Need())
    await this.#asked(target, check)
  }

  /** What comes of a question to a target; undefined from when it cannot be asked any more. */
  async #asked<T>(
    target: Endpoint,
    ask: () => Promise<T>,
    onBroken: (target: Endpoint, error: unknown) => void = () => {},
  ): Promise<T | undefined> {
    if (this.#broken.has(target)) return undefined
    try {
      return await ask()
    } catch (error) {
      this.#signal.throwIfAborted()
      if (!isGlanceError(error)) throw error
      if (!this.#broken.has(target)) onBroken(target, error)
      this.#broken.set(target, error)
      return undefined
    }
  }
}
