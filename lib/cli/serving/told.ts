import { isGlanceError, messageOf } from '../../errors.ts'

/** One line of what was foreseen; of what was not, all that helps to find it. */
export function told(error: unknown): string {
  return error instanceof Error && !isGlanceError(error)
    ? (error.stack ?? error.message)
    : messageOf(error)
}
