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

/** What Glance's image cache has besides whole copies, a folder each. */
type Part = 'incomplete' | 'invalid' | 'queue'

/** Nobody but us and our group. */
const MODES = { file: 0o640, folder: 0o750 }

/**
 * The files of an image cache, as Glance lays them out (glance/image_cache/drivers/base.py): whole copies by their ids,
 * those that are being made in `incomplete`, what came to nothing in `invalid`, and in `queue` an empty file for each
 * image that is to come.
 */
export class CacheFolder {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
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
  async claim(imageId: string): Promise<FileHandle | undefined> {
    const { O_CREAT, O_EXCL, O_RDWR } = constants
    try {
      return await open(this.#in('incomplete', imageId), O_CREAT | O_EXCL | O_RDWR, MODES.file)
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) return undefined
      throw error
    }
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

  async isComing(imageId: string): Promise<boolean> {
    return (await absent(stat(this.#in('incomplete', imageId)))) !== undefined
  }

  /** Removes what came to nothing, and of what is being made whatever was last written to before `until`. */
  async clean(until: Date): Promise<number> {
    let files = 0
    for (const name of await readdir(join(this.#path, 'invalid'))) {
      await rm(this.#in('invalid', name), { force: true })
      files += 1
    }
    for (const name of await readdir(join(this.#path, 'incomplete'))) {
      const path = this.#in('incomplete', name)
      const found = await absent(stat(path))
      if (found === undefined || found.mtime >= until) continue
      await rm(path, { force: true })
      files += 1
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
