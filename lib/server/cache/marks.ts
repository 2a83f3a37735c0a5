import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isGone, writerName } from '../../writer.ts'

/** What a process does with a copy that is being made: it fetches it, or reads what another one fetches. */
type Doing = 'fetching' | 'reading'

/** Lasts until its end, or that of the process. */
export interface Mark {
  readonly end: () => Promise<void>
}

/** An image's id, what is done, and by whom. */
const MARK = /^([^.]+)\.(fetching|reading)\.([^.]+)$/

/**
 * Empty files beside copies that are being made, by which processes that share a cache know of each other. Whose process
 * is gone counts for nothing, however it went.
 */
export class Marks {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async set(imageId: string, doing: Doing): Promise<Mark> {
    const path = join(this.#folder, `${imageId}.${doing}.${await writerName()}`)
    await (await open(path, 'wx', 0o640)).close()
    return { end: () => rm(path, { force: true }) }
  }

  /** Whether somebody does so; null when nobody that does, or did, has left a mark. */
  async find(imageId: string, doing: Doing): Promise<boolean | null> {
    let found: false | null = null
    for (const name of await readdir(this.#folder)) {
      const [, marked, does, writer] = MARK.exec(name) ?? []
      if (marked !== imageId || does !== doing || writer === undefined) continue
      if (!(await isGone(writer))) return true
      found = false
    }
    return found
  }
}

/** Whether a file is such a mark; whoever set it may be gone. */
export function isMark(name: string): boolean {
  return MARK.test(name)
}

/** Whether it is one of a process that is gone. */
export async function isLeft(name: string): Promise<boolean> {
  const writer = MARK.exec(name)?.[3]
  return writer !== undefined && (await isGone(writer))
}
