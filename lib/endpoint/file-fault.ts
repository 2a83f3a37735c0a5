import { GlanceError, isGlanceError, messageOf } from '../errors.ts'

/** The error that a failure of the file system stands for. What is not one is passed on as it is. */
export function fileFault(error: unknown, file: string): unknown {
  if (isGlanceError(error)) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code !== 'string' || !code.startsWith('E')) return error
  const failed = (kind: 'not_found' | 'forbidden' | 'over_limit' | 'corrupt', why: string) =>
    new GlanceError(kind, `${file}: ${why}`, { cause: error })
  switch (code) {
    case 'ENOENT':
      return failed('not_found', 'no such file or directory')
    case 'ENOTDIR':
      return failed('not_found', 'not a directory')
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return failed('forbidden', messageOf(error))
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return failed('over_limit', 'no space left')
    default:
      return failed('corrupt', messageOf(error))
  }
}
