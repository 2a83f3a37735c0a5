import { GlanceError } from '../errors.ts'

/**
 * Refuses text with a NUL character: SQLite would keep it and read it back cut short, PostgreSQL does not take it.
 * @throws {GlanceError} `invalid`.
 */
export function refuseNul(parameter: unknown): void {
  if (typeof parameter === 'string' && parameter.includes('\0')) {
    const text = JSON.stringify(parameter)
    throw new GlanceError('invalid', `text with a NUL character cannot be kept: ${text}`)
  }
}
