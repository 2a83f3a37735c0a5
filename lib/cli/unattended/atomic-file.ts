import { randomUUID } from 'node:crypto'
import {
  access,
  constants,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { GlanceError, messageOf } from '../../errors.ts'

/**
 * Finds out before the work whether a file can be written after it. Resolves to the file that is meant, behind links.
 * @throws {GlanceError} `usage`, naming the option, for a folder that is not there or may not be written to, for a folder
 * in the place of the file, and for a device or pipe that may not be written to.
 */
export async function writableFile(option: string, path: string): Promise<string> {
  try {
    // It may be about to be made; and what is behind the name of an open pipe is no path.
    const file = (await isReplaceable(path)) ? await realpath(path).catch(() => path) : path
    if (await isReplaceable(file)) await access(dirname(file), constants.W_OK | constants.X_OK)
    else await access(file, constants.W_OK)
    return file
  } catch (cause) {
    throw new GlanceError('usage', `${option}: ${messageOf(cause)}`, { cause })
  }
}

/** As {@link writableFile}, for a file that is replaced: @throws {GlanceError} `usage` also for a device or pipe. */
export async function replaceableFile(option: string, path: string): Promise<string> {
  const file = await writableFile(option, path)
  if (await isReplaceable(file)) return file
  throw new GlanceError('usage', `${option}: ${path} is no regular file, which this has to be`)
}

/**
 * Whoever reads `path` meanwhile sees all of the old text or all of the new. Everybody may read it. What is no file, such as
 * a device or a pipe, is written to as it is: nothing takes its place.
 */
export async function writeAtomically(path: string, text: string): Promise<void> {
  if (!(await isReplaceable(path))) return await writeFile(path, text, { flag: 'a' })
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`)
  try {
    {
      await using file = await open(partial, 'wx', 0o644)
      await file.chmod(0o644) // Whatever new files are kept to.
      await file.writeFile(text)
      await file.sync()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/** What stands in a file; nothing where there is none, or it is something else. */
export async function readIfFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true ? await readFile(path, 'utf8').catch(() => '') : ''
}

/** Whether this is a file, or is going to be one. @throws for a folder. */
async function isReplaceable(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() === true) throw new Error(`${path} is not a file`)
  // By these names it is open, and what is written to it is to stand behind the rest.
  if (/^\/dev\/(?:std(?:out|err)|fd\/\d+)$|^\/proc\//.test(path)) return false
  return found === undefined || found.isFile()
}
