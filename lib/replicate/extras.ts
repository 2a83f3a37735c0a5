import type { GlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import type { Pair } from '../image/ordered.ts'
import { isGone } from '../image/status.ts'
import { isCopyFrom } from './provenance.ts'
import type { Selection } from './select.ts'

/** Something that only the target has: an image, or what is there and cannot be understood. */
export type Extra = { readonly image: Image } | UnreadableExtra

export interface UnreadableExtra {
  /** The best name there is for it. */
  readonly id: string
  readonly error: GlanceError
}

/** What is known when a plan has come to its end. */
export type Findings = Pick<Extras, 'ofSource' | 'onBoth' | 'hasCopies' | 'known' | 'take'>

/** What a plan finds out about both sides besides its steps: what only the target has, and how the two hang together. */
export class Extras {
  readonly #copiesFrom: string | null
  readonly #held: Extra[] = []
  readonly #first: string[] = []
  #last: string | undefined
  #ofSource = 0
  #onBoth = 0
  #hasCopies = false

  /** `copiesFrom` as the removal has it for which they are. */
  constructor(copiesFrom: string | null = null) {
    this.#copiesFrom = copiesFrom
  }

  /** How many images the source lists. */
  get ofSource(): number {
    return this.#ofSource
  }

  /** How many of them are selected, and on the target too, by copies of this source where that matters. */
  get onBoth(): number {
    return this.#onBoth
  }

  /** Whether any image of the source is on the target by such a copy, selected or not. */
  get hasCopies(): boolean {
    return this.#hasCopies
  }

  /** Ids of a few images that the source lists, from both ends of the listing. */
  get known(): readonly string[] {
    return [...this.#first, ...(this.#last === undefined ? [] : [this.#last])]
  }

  note({ source, target }: Pair, selection?: Selection): void {
    if (source === undefined) return
    this.#ofSource += 1
    if (!isGone(source.status)) {
      if (this.#first.length === 0) this.#first.push(source.id)
      else this.#last = source.id
    }
    if (target === undefined) return
    if (this.#copiesFrom !== null && !isCopyFrom(this.#copiesFrom, target)) return
    this.#hasCopies = true
    if (selection?.selects(source) !== false) this.#onBoth += 1
  }

  hold(extra: Extra): void {
    this.#held.push(extra)
  }

  /** What was found since it was last asked, which is not held any longer. */
  take(): readonly Extra[] {
    return this.#held.splice(0)
  }
}
