import { unlink } from 'node:fs/promises'
import { GlanceError, messageOf } from '../errors.ts'

/** What an operating system says when there is no room: on the disk, in the quota, in the largest file. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/**
 * Waits for a system call, and makes its failure one that a store may have: the one that `known` has for its code, else
 * `over_limit` when there is no room, else `unavailable`. The message leaves out the path, which is no business of a
 * client's; the cause has it.
 */
export async function systemCall<T>(
  call: Promise<T>,
  known: Readonly<Record<string, () => GlanceError>> = {},
): Promise<T> {
  try {
    return await call
  } catch (error) {
    const code = codeOf(error)
    if (code === undefined) throw error
    const meant = known[code]
    if (meant !== undefined) throw meant()
    const [summary = code] = messageOf(error).split(',')
    throw new GlanceError(FULL.has(code) ? 'over_limit' : 'unavailable', summary, { cause: error })
  }
}

/** Removes a file that may be there: by one system call, unlike `rm`, which looks first. */
export async function removeFile(path: string): Promise<void> {
  const absent = (error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error
  }
  await systemCall(unlink(path).catch(absent))
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
