import type { CompiledQuery } from 'kysely'
import { GlanceError } from '../errors.ts'

/**
 * The parameters of a statement. Text with a NUL character is kept by no engine: SQLite would read it back cut short,
 * PostgreSQL does not take it. What looks for it is to find nothing, as for null, which nothing is equal to.
 * @throws {GlanceError} `invalid` for a statement that is to keep such text.
 */
export function keepable({ parameters, query, sql }: CompiledQuery): readonly unknown[] {
  if (!parameters.some(hasNul)) return parameters
  if (query.kind === 'SelectQueryNode' || /^select\b/i.test(sql)) {
    return parameters.map(parameter => (hasNul(parameter) ? null : parameter))
  }
  const text = JSON.stringify(parameters.find(hasNul))
  throw new GlanceError('invalid', `text with a NUL character cannot be kept: ${text}`)
}

function hasNul(parameter: unknown): boolean {
  return typeof parameter === 'string' && parameter.includes('\0')
}
