/** A worker that lives for less is one that cannot live. Milliseconds. */
const INFANCY_MS = 10_000
/** How many of those in a row there may be. */
const MOST_IN_A_ROW = 5
/** How long the place of the second of them stays empty, and of each after it twice as long. Milliseconds. */
const FIRST_PAUSE_MS = 100

/** How soon a worker that has ended is replaced, and whether that is of any use. */
export class Respawning {
  #inARow = 0

  /** Those that could not live, without one that could between them. */
  get inARow(): number {
    return this.#inARow
  }

  /** Takes note of one that has lived for so long, and is milliseconds until the next; null when there is to be none. */
  ended(livedMs: number): number | null {
    // What ends many that could live, such as a lack of memory, says nothing of those to come.
    this.#inARow = livedMs < INFANCY_MS ? this.#inARow + 1 : 0
    if (this.#inARow > MOST_IN_A_ROW) return null
    return this.#inARow < 2 ? 0 : FIRST_PAUSE_MS * 2 ** (this.#inARow - 2)
  }
}
