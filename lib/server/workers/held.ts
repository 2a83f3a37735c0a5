import type { ImageRecord } from '../../database/database.ts'
import { isGone } from '../../image/status.ts'
import { hasLeft } from '../domain/deletion.ts'
import { LOCK } from '../domain/import-lock.ts'

/** The images that a process has in hand, of which somebody is told who puts them right when the process has ended. */
export class Held {
  readonly #tell: (id: string, isHeld: boolean) => void
  /** What has changed that last of each, by a number. */
  readonly #last = new Map<string, number>()
  #changes = 0

  constructor(tell: (id: string, isHeld: boolean) => void) {
    this.#tell = tell
  }

  /**
   * A change that this process makes, see `Service.onAltering`: that it begins something is told before that is so, and
   * that it has ended it when that is so, unless it has begun something else by then.
   */
  readonly altering = (before: ImageRecord, after: ImageRecord): (() => void) => {
    const { id } = after
    const isHeld = heldAfter(before, after)
    if (isHeld === null) return () => {}
    const change = (this.#changes += 1)
    this.#last.set(id, change)
    if (isHeld) this.#tell(id, true)
    return () => {
      if (isHeld || this.#last.get(id) !== change) return
      this.#last.delete(id)
      this.#tell(id, false)
    }
  }
}

/**
 * Whether a process, by a change that it made of an image, has begun something with it that nobody else can end, such as
 * an upload or the deletion of its data, or ended that; null for neither.
 */
function heldAfter(before: ImageRecord, after: ImageRecord): boolean | null {
  const [was, is] = [inHand(before), inHand(after)]
  // Whoever has one in hand that is deleted has it until nothing of it is left.
  if (isGone(after.status)) return was === NOTHING ? hasLeft(after) : null
  if (was !== is) return is !== NOTHING
  if (is !== NOTHING || hasLeft(before) === hasLeft(after)) return null
  return hasLeft(after)
}

const NOTHING = ' '

function inHand({ status, size, properties }: ImageRecord): string {
  const isStaged = status === 'uploading' && size !== null
  const isTaken = ['saving', 'uploading', 'importing'].includes(status) && !isStaged
  return `${isTaken ? status : ''} ${properties.get(LOCK) ?? ''}`
}
