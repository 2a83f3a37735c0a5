import { GlanceError, messageOf } from '../../errors.ts'
import { Busy } from '../exit-status.ts'

/** What SQLite says, whose files locks are otherwise, and what that means here. */
const REASONS = [
  ['not a database', 'it is not empty, and no lock'],
  ['nable to open', 'it cannot be opened'],
  ['readonly', 'it may not be written to'],
] as const

/**
 * Locks `path` until disposal or the end of the process, however it ends. The file stays, empty.
 * @throws {Busy} when another run has it; {GlanceError} `usage` when the file cannot be made or is not empty.
 */
export async function lockRun(path: string): Promise<AsyncDisposable> {
  const { holderOf, tryLock } = await import('../../database/lock.ts')
  const pidFile = `${path}.pid`
  let locked: AsyncDisposable | undefined
  try {
    locked = await tryLock(path, pidFile)
  } catch (cause) {
    const message = messageOf(cause)
    const why = REASONS.find(([words]) => message.includes(words))?.[1] ?? message
    throw new GlanceError('usage', `--lock ${path}: ${why}`, { cause })
  }
  if (locked !== undefined) return locked
  const holder = await holderOf(pidFile)
  throw new Busy(`--lock ${path}: another run has it${holder}`)
}
