import { randomUUID } from 'node:crypto'
import { access, constants, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { GlanceError, messageOf } from '../../errors.ts'

/**
 * Finds out before the work whether a file can be written after it. Resolves to the file that is meant, behind links.
 * @throws {GlanceError} `usage`, naming the option, for a folder that is not there or may not be written to, and for
 * what is no file.
 */
export async function writableFile(option: string, path: string): Promise<string> {
  try {
    const file = await realpath(path).catch(() => path) // It may be about to be made.
    const found = await stat(file).catch(() => undefined)
    // It is going to be replaced by a new file, which a device or a pipe must not be.
    if (found !== undefined && !found.isFile()) throw new Error(`${path} is not a file`)
    await access(dirname(file), constants.W_OK | constants.X_OK)
    return file
  } catch (cause) {
    throw new GlanceError('usage', `${option}: ${messageOf(cause)}`, { cause })
  }
}

/** Whoever reads `path` meanwhile sees all of the old text or all of the new. Everybody may read it. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`)
  try {
    {
      await using file = await open(partial, 'wx', 0o644)
      await file.writeFile(text)
      await file.sync()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}
