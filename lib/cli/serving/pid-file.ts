import { readFile, rm, writeFile } from 'node:fs/promises'
import { GlanceError, messageOf } from '../../errors.ts'

/** Writes the number of this process to `path`, until disposal. @throws {GlanceError} `usage` when it cannot be written. */
export async function writePidFile(path: string): Promise<AsyncDisposable> {
  const pid = String(process.pid)
  try {
    await writeFile(path, `${pid}\n`)
  } catch (cause) {
    throw new GlanceError('usage', `--pid-file ${path}: ${messageOf(cause)}`, { cause })
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // It may be somebody else's by now.
      const written = await readFile(path, 'utf8').catch(() => '')
      if (written.trim() === pid) await rm(path, { force: true }).catch(() => {})
    },
  }
}
