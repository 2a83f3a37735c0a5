import type { Image } from '../image/image.ts'
import type { Pair } from '../image/ordered.ts'
import { isGone } from '../image/status.ts'
import type { Selection } from './select.ts'

/** What a plan finds out about both sides besides its steps: the images that only the target has. */
export class Extras {
  readonly #held: Image[] = []
  #ofSource = 0
  #onBoth = 0

  /** How many images the source lists. */
  get ofSource(): number {
    return this.#ofSource
  }

  /** How many of them the target lists too. */
  get onBoth(): number {
    return this.#onBoth
  }

  /**
   * What is not selected is none of them, also where only the target has it: `origins` says what that was on the source,
   * by default the same.
   */
  note(
    { source, target }: Pair,
    selection?: Selection,
    origins: (image: Image) => readonly Image[] = image => [image],
  ): void {
    if (source !== undefined) this.#ofSource += 1
    if (source !== undefined && target !== undefined) this.#onBoth += 1
    if (source !== undefined || target === undefined || isGone(target.status)) return
    const isMeant =
      selection === undefined || origins(target).some(was => selection.wouldSelect(was))
    if (isMeant) this.#held.push(target)
  }

  /** The images that were found since it was last asked, which are not held any longer. */
  take(): readonly Image[] {
    return this.#held.splice(0)
  }
}
