import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import type { ToldError } from './messages.ts'

/** For another process. */
export function tell(error: unknown): ToldError {
  return {
    code: isGlanceError(error) ? error.code : null,
    message: messageOf(error),
    stack: error instanceof Error ? error.stack : undefined,
  }
}

/** As it was in the process that it comes from. */
export function hear({ code, message, stack }: ToldError): Error {
  if (code !== null) return new GlanceError(code, message)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
