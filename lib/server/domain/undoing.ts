import { isGlanceError } from '../../errors.ts'

/** Undoes what came to nothing. `isAgain` when an earlier attempt may have done all of it, or a part. */
export type Undo = (isAgain: boolean) => Promise<void>

interface Pending {
  readonly undo: Undo
  attempts: number
  running: Promise<void> | undefined
}

/** How long what could not be undone waits for the next attempt. Milliseconds. */
const PAUSE_MS = 1000

/**
 * What was begun with images and came to nothing. What cannot be undone, since the database is away, is tried again
 * until it is done, or at the latest when somebody wants the image; what is left when the service stops is found when
 * it starts.
 */
export class Undoing implements AsyncDisposable {
  readonly #report: (error: unknown) => void
  readonly #pending = new Map<string, Pending>()
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  /** Undoes it now, or later while the database is away. @throws what else `undo` throws. */
  async undo(imageId: string, undo: Undo): Promise<void> {
    const earlier = this.#pending.get(imageId)
    const both: Undo = async isAgain => {
      await earlier?.undo(true)
      await undo(isAgain)
    }
    this.#pending.set(imageId, { undo: both, attempts: 0, running: undefined })
    try {
      await this.settle(imageId)
    } catch (error) {
      if (!isGlanceError(error, 'unavailable')) throw error
      this.#later()
    }
  }

  /** Undoes what there is to be undone of an image. @throws {GlanceError} `unavailable`. */
  async settle(imageId: string): Promise<void> {
    const pending = this.#pending.get(imageId)
    if (pending === undefined) return
    pending.running ??= this.#attempt(imageId, pending).finally(() => (pending.running = undefined))
    await pending.running
  }

  /** Tries nothing any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    clearTimeout(this.#timer)
    const running = [...this.#pending.values()].map(one => one.running ?? Promise.resolve())
    await Promise.allSettled(running)
  }

  async #attempt(imageId: string, pending: Pending): Promise<void> {
    const forget = () => {
      if (this.#pending.get(imageId) === pending) this.#pending.delete(imageId)
    }
    try {
      await pending.undo(pending.attempts > 0)
      forget()
    } catch (error) {
      if (!isGlanceError(error, 'unavailable')) forget()
      throw error
    } finally {
      pending.attempts += 1
    }
  }

  #later(): void {
    if (this.#isOver) return
    this.#timer ??= setTimeout(() => void this.#again(), PAUSE_MS)
  }

  async #again(): Promise<void> {
    for (const id of this.#pending.keys()) {
      if (this.#isOver) return
      await this.settle(id).catch((error: unknown) => {
        if (!isGlanceError(error, 'unavailable')) this.#report(error)
      })
    }
    this.#timer = undefined
    if (this.#pending.size > 0) this.#later()
  }
}
