import type { Endpoint } from '../endpoint/endpoint.ts'
import type { Image } from '../image/image.ts'
import type { Extras } from './extras.ts'
import { type Listed, type PlanOptions, planSelected, type PlanStep } from './plan.ts'
import type { ProjectMap } from './project-map.ts'
import type { Assigned, PlanningContext } from './run-all.ts'

export interface PlanAllContext extends PlanningContext {
  /** Told of both sides as they are listed: what is found of each target. */
  readonly extras?: ReadonlyMap<Endpoint, Extras> | undefined
  /** Which projects own images on each target. Default: those that do on the source. */
  readonly projects?: ReadonlyMap<Endpoint, ProjectMap | undefined> | undefined
}

/**
 * Decides about each image of `source` as `plan` does, for several targets at once: each side is listed once. A target
 * that cannot be listed is told of, and left out from there on. Images have their own ids on all of them.
 */
export async function* planAll(
  source: Endpoint,
  targets: readonly Endpoint[],
  options: Omit<PlanOptions, 'ids' | 'projects'>,
  { extras, projects, onUnreadable, onBroken, signal }: PlanAllContext,
): AsyncGenerator<readonly Assigned[]> {
  const { selection } = options
  await selection?.prepare(source, { signal })
  const images = source.list({
    signal,
    // As for one target: what the source keeps back could not be told from what it does not have.
    hint: extras === undefined ? selection?.hint : undefined,
    onUnreadable: (id, error) => {
      for (const target of targets) onUnreadable(target, id, error)
    },
  })
  const listing = new Branched(images)
  let plans = targets.map(target => {
    const branch = listing.branch()
    const listed: Listed = {
      features: source.features,
      expressible: image => source.expressible(image),
      members: source.members,
      list: () => branch,
    }
    const context = { extras: extras?.get(target), signal }
    const own = { ...options, projects: projects?.get(target) }
    return { target, steps: planSelected(listed, target, own, context) }
  })
  try {
    while (plans.length > 0) {
      // Each of them is about the same image: a plan has one step for each of the source.
      const round = await Promise.all(
        plans.map(async ({ target, steps }) => {
          const next = await nextOf(steps, error => {
            if (listing.failure !== undefined) throw listing.failure.error
            onBroken(target, error)
          })
          return next === undefined ? [] : [{ step: next, target }]
        }),
      )
      const steps = round.flat()
      plans = plans.filter((_, i) => round[i]?.length !== 0)
      if (steps.length > 0) yield steps
    }
  } finally {
    await Promise.all(plans.map(async ({ steps }) => await steps.return(undefined)))
    await listing.close()
  }
}

/** The next step; undefined when there is none, also when `onError` took note of a failure. */
async function nextOf(
  steps: AsyncGenerator<PlanStep>,
  onError: (error: unknown) => void,
): Promise<PlanStep | undefined> {
  try {
    const next = await steps.next()
    return next.done === true ? undefined : next.value
  } catch (error) {
    onError(error)
    return undefined
  }
}

/** One listing for several readers, which holds what not all of them have read. */
class Branched {
  readonly #images: AsyncIterator<Image>
  readonly #held: Image[] = []
  /** How many images are not held any more. */
  #gone = 0
  /** How many images each reader has read. */
  readonly #read = new Map<symbol, number>()
  #coming: Promise<boolean> | undefined
  /** What the listing itself failed with. */
  failure: { readonly error: unknown } | undefined

  constructor(images: AsyncIterable<Image>) {
    this.#images = images[Symbol.asyncIterator]()
  }

  /** Another reader, from the first image on; all are to be there before any reads. */
  branch(): AsyncIterable<Image> {
    const reader = Symbol('reader')
    this.#read.set(reader, 0)
    return this.#from(reader)
  }

  async close(): Promise<void> {
    await this.#images.return?.()
  }

  async *#from(reader: symbol): AsyncGenerator<Image> {
    try {
      for (let at = 0; ; at += 1) {
        while (at - this.#gone >= this.#held.length) {
          if (!(await this.#more())) return
        }
        const image = this.#held[at - this.#gone]
        this.#read.set(reader, at + 1)
        this.#drop()
        if (image !== undefined) yield image
      }
    } finally {
      this.#read.delete(reader)
      this.#drop()
    }
  }

  /** Resolves to whether there was one more. */
  async #more(): Promise<boolean> {
    this.#coming ??= this.#images.next().then(
      next => {
        this.#coming = undefined
        if (next.done !== true) this.#held.push(next.value)
        return next.done !== true
      },
      (error: unknown) => {
        this.failure = { error }
        throw error
      },
    )
    return await this.#coming
  }

  #drop(): void {
    const least = Math.min(...this.#read.values())
    while (this.#gone < least && this.#held.length > 0) {
      this.#held.shift()
      this.#gone += 1
    }
  }
}
