import { constants, type Stats } from 'node:fs'
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  unlink,
  utimes,
} from 'node:fs/promises'
import { join } from 'node:path'
import { GlanceError, messageOf } from '../../errors.ts'
import { isImageId } from '../../image/image.ts'
import { isLeft, isMark, type Mark, Marks } from './marks.ts'

/** What Glance's image cache has besides whole copies, a folder each. */
type Part = 'incomplete' | 'invalid' | 'queue'

/** A copy that is being made by this process, of which others know until its end. */
export interface Claim extends Mark {
  readonly file: FileHandle
}

/** Nobody but us and our group. */
const MODES = { file: 0o640, folder: 0o750 }

/**
 * The files of an image cache, as Glance lays them out (glance/image_cache/drivers/base.py): whole copies by their ids,
 * those that are being made in `incomplete`, what came to nothing in `invalid`, and in `queue` an empty file for each
 * image that is to come.
 */
export class CacheFolder {
  readonly #path: string
  readonly #marks: Marks

  private constructor(path: string) {
    this.#path = path
    this.#marks = new Marks(join(path, 'incomplete'))
  }

  /** Makes what is not there, in a folder that is. @throws {GlanceError} `unavailable`. */
  static async open(path: string): Promise<CacheFolder> {
    try {
      for (const part of ['incomplete', 'invalid', 'queue'] satisfies readonly Part[]) {
        await mkdir(join(path, part), { recursive: true, mode: MODES.folder })
      }
    } catch (error) {
      const message = `the image cache cannot be written to: ${messageOf(error)}`
      throw new GlanceError('unavailable', message, { cause: error })
    }
    return new CacheFolder(path)
  }

  /** Where the copy of an image is, or would be. */
  pathOf(imageId: string): string {
    return join(this.#path, imageId)
  }

  /** Ids of images of which there is a file in the place of a copy. */
  async copies(): Promise<readonly string[]> {
    return (await readdir(this.#path)).filter(isImageId)
  }

  /** Of what is in the place of a copy, which may be no file; undefined when nothing is. */
  async stat(imageId: string): Promise<Stats | undefined> {
    return await absent(lstat(this.pathOf(imageId)))
  }

  /** Whatever it is. */
  async remove(imageId: string): Promise<void> {
    await rm(this.pathOf(imageId), { force: true, recursive: true })
  }

  /** Begins a copy, which nobody else has begun then; undefined when somebody has, in whatever process. */
  async claim(imageId: string): Promise<Claim | undefined> {
    // What a process that is gone was making is in nobody's way.
    if (!(await this.isComing(imageId))) await this.giveUp(imageId)
    const mark = await this.#marks.set(imageId, 'fetching')
    const file = await this.#claim(imageId).catch(async (error: unknown) => {
      await mark.end()
      throw error
    })
    if (file !== undefined) return { file, end: mark.end }
    await mark.end()
    return undefined
  }

  /** The copy that another process is making; undefined when none is. To be closed by whoever asks. */
  async openComing(imageId: string): Promise<FileHandle | undefined> {
    return await absent(open(this.#in('incomplete', imageId), 'r'))
  }

  /** Whether there is a process that fetches the image. */
  async isFetched(imageId: string): Promise<boolean> {
    return (await this.#marks.find(imageId, 'fetching')) === true
  }

  /** Whether there is a process that reads what another one fetches. */
  async isRead(imageId: string): Promise<boolean> {
    return (await this.#marks.find(imageId, 'reading')) === true
  }

  /** Lets others know that this process reads what another one fetches. */
  async read(imageId: string): Promise<Mark> {
    return await this.#marks.set(imageId, 'reading')
  }

  /** Makes what was claimed the copy of its image, unless somebody has given it up meanwhile: whether it was done. */
  async promote(imageId: string, file: FileHandle): Promise<boolean> {
    const claimed = this.#in('incomplete', imageId)
    const found = await absent(stat(claimed))
    if (found?.ino !== (await file.stat()).ino) return false
    return (await absent(rename(claimed, this.pathOf(imageId)).then(() => true))) ?? false
  }

  /** Gives up what was claimed, by whomever. */
  async giveUp(imageId: string): Promise<void> {
    await rm(this.#in('incomplete', imageId), { force: true })
  }

  /** Whether somebody is at it, who may be a Glance. */
  async isComing(imageId: string): Promise<boolean> {
    if ((await absent(stat(this.#in('incomplete', imageId)))) === undefined) return false
    return (await this.#marks.find(imageId, 'fetching')) !== false
  }

  /**
   * Removes what came to nothing, and of what is being made whatever was last written to before `until`, or by a process
   * that is gone; null for all of it. Resolves to how many files.
   */
  async clean(until: Date | null): Promise<number> {
    let files = 0
    for (const name of await readdir(join(this.#path, 'invalid'))) {
      await rm(this.#in('invalid', name), { force: true })
      files += 1
    }
    const names = await readdir(join(this.#path, 'incomplete'))
    for (const name of names.filter(name => !isMark(name))) {
      const path = this.#in('incomplete', name)
      const found = await absent(stat(path))
      if (found === undefined) continue
      const isKept = until !== null && found.mtime >= until && (await this.isComing(name))
      if (isKept) continue
      await rm(path, { force: true })
      files += 1
    }
    for (const name of names.filter(isMark)) {
      if (until === null || (await isLeft(name))) {
        await rm(this.#in('incomplete', name), { force: true })
      }
    }
    return files
  }

  /** The ids in the queue, by when they came there. */
  async queued(): Promise<readonly string[]> {
    const found: { readonly id: string; readonly at: number }[] = []
    for (const id of (await readdir(join(this.#path, 'queue'))).filter(isImageId)) {
      const file = await absent(stat(this.#in('queue', id)))
      if (file !== undefined) found.push({ id, at: file.mtimeMs })
    }
    return found.toSorted((a, b) => a.at - b.at).map(({ id }) => id)
  }

  /** Whether it was not in the queue yet. */
  async enqueue(imageId: string, at: Date): Promise<boolean> {
    const path = this.#in('queue', imageId)
    try {
      await (await open(path, 'wx', MODES.file)).close()
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) return false
      throw error
    }
    await absent(utimes(path, at, at))
    return true
  }

  /** Whether it was in the queue. */
  async dequeue(imageId: string): Promise<boolean> {
    return (await absent(unlink(this.#in('queue', imageId)).then(() => true))) ?? false
  }

  async #claim(imageId: string): Promise<FileHandle | undefined> {
    const { O_CREAT, O_EXCL, O_RDWR } = constants
    try {
      return await open(this.#in('incomplete', imageId), O_CREAT | O_EXCL | O_RDWR, MODES.file)
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) return undefined
      throw error
    }
  }

  #in(part: Part, name: string): string {
    return join(this.#path, part, name)
  }
}

/** Undefined for what is not there. */
async function absent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined
    throw error
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
