import { access, constants, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import { codeOf } from './sqlite-errors.ts'

/**
 * Locks what is called `name`, by the file `base`.lock, until disposal; `base`.pid says meanwhile which process has it.
 * The system lets go of it as well when the process ends, however it does.
 * @throws {GlanceError} `unavailable` when it is locked, also by this process, or when the files cannot be written.
 */
export async function lock(name: string, base: string): Promise<AsyncDisposable> {
  const pidFile = `${base}.pid`
  try {
    await access(dirname(base), constants.W_OK | constants.X_OK)
    const locked = await tryLock(`${base}.lock`, pidFile)
    if (locked !== undefined) return locked
  } catch (error) {
    const message = `${name} cannot be locked: ${messageOf(error)}`
    throw new GlanceError('unavailable', message, { cause: error })
  }
  const holder = await holderOf(pidFile)
  throw new GlanceError('unavailable', `${name} is in use by another service${holder}`)
}

/**
 * Locks the file `path`, and writes to `pidFile` who has it; undefined when somebody has, also in this process. Let go
 * of by disposal, and by the end of the process.
 */
export async function tryLock(path: string, pidFile: string): Promise<AsyncDisposable | undefined> {
  const release = await lockFile(path)
  return release === undefined ? undefined : await held(pidFile, release)
}

/** ` (process 1234)`, for a message, or nothing while that is not known. */
export async function holderOf(pidFile: string): Promise<string> {
  const holder = await readFile(pidFile, 'utf8').catch(() => '') // Which may be about to be written.
  return /^\d+$/.test(holder) ? ` (process ${holder})` : ''
}

async function held(pidFile: string, release: () => void): Promise<AsyncDisposable> {
  try {
    await writeFile(pidFile, String(process.pid), { mode: 0o640 })
  } catch {
    // It only helps people, and the disk may be full: the lock holds without.
    await rm(pidFile, { force: true }).catch(() => {})
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await rm(pidFile, { force: true }).catch(() => {}) // As above.
      release()
    },
  }
}

/**
 * SQLite locks files in the system's way, which Node cannot. The file stays empty, since nothing is written, and it
 * stays: who removed it might remove the one that the next service has locked. Undefined when somebody has the lock.
 */
async function lockFile(path: string): Promise<(() => void) | undefined> {
  const { default: Libsql } = await import('libsql')
  const file = new Libsql(path)
  try {
    file.exec('pragma journal_mode = memory') // Else there would be a third file.
    file.exec('begin exclusive')
  } catch (error) {
    file.close()
    if (codeOf(error).startsWith('SQLITE_BUSY')) return undefined
    throw error
  }
  return () => file.close()
}
