import type { Endpoint } from '../endpoint/endpoint.ts'
import { Need } from '../replicate/preflight.ts'
import type { Assigned } from '../replicate/run-all.ts'
import { Preflight } from './preflight.ts'

/** What is found out of several targets before anything is copied, of each by itself. */
export class PreflightAll {
  readonly #preflights: ReadonlyMap<Endpoint, Preflight>
  readonly #needs = new Map<Endpoint, Need>()

  constructor(
    targets: readonly Endpoint[],
    options: ConstructorParameters<typeof Preflight>[1],
    surroundings: ConstructorParameters<typeof Preflight>[2],
  ) {
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

  /** What is planned, but that images which a target never takes are refused there. */
  async *screened(rounds: AsyncIterable<readonly Assigned[]>): AsyncGenerator<readonly Assigned[]> {
    for await (const round of rounds) {
      yield await Promise.all(
        round.map(async ({ step, target }) => ({
          step: await this.of(target).screen(step),
          target,
        })),
      )
    }
  }

  /** As `Preflight.checkAll`, with one listing of the source for all targets. */
  async checkAll(
    source: Endpoint,
    rounds: () => AsyncIterable<readonly Assigned[]>,
  ): Promise<void> {
    const asking: Preflight[] = []
    for (const preflight of this.#preflights.values()) {
      if (await preflight.asksForAll(source)) asking.push(preflight)
    }
    if (asking.length === 0) return
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
    await this.of(target).check(this.#needs.get(target) ?? new Need())
  }
}
