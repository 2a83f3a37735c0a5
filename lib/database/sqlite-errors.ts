import { type ErrorCode, GlanceError, messageOf } from '../errors.ts'
import { Away } from './sql/away.ts'

/** SQLite's result codes by how they begin, since each has extended ones. */
const CODES: readonly (readonly [prefix: string, code: ErrorCode])[] = [
  ['SQLITE_CONSTRAINT_PRIMARYKEY', 'duplicate'],
  ['SQLITE_CONSTRAINT_UNIQUE', 'duplicate'],
  ['SQLITE_CONSTRAINT_FOREIGNKEY', 'not_found'],
  ['SQLITE_FULL', 'over_limit'],
  ['SQLITE_BUSY', 'unavailable'],
  ['SQLITE_LOCKED', 'unavailable'],
  ['SQLITE_PROTOCOL', 'unavailable'],
  ['SQLITE_IOERR', 'unavailable'],
  ['SQLITE_CANTOPEN', 'unavailable'],
  ['SQLITE_READONLY', 'unavailable'],
  ['SQLITE_CORRUPT', 'corrupt'],
  ['SQLITE_NOTADB', 'corrupt'],
]

/** The engine's code of an error; empty when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : ''
}

/** What an engine error means to us; anything else as it is, since it is a bug. */
export function toGlanceError(error: unknown): unknown {
  const code = codeOf(error)
  const known = CODES.find(([prefix]) => code.startsWith(prefix))
  if (known === undefined) return error
  const message = `SQLite: ${messageOf(error)}`
  if (known[1] === 'unavailable') return new Away(message, { cause: error })
  return new GlanceError(known[1], message, { cause: error })
}
