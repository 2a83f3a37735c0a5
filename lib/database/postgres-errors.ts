import { type ErrorCode, GlanceError, messageOf } from '../errors.ts'
import { Lost } from './server/session.ts'
import { Away, OTHER_SCHEMA, Undone } from './sql/away.ts'

/** PostgreSQL's SQLSTATEs by how they begin, of which the first that fits counts: its manual lists them in appendix A. */
const CODES: readonly (readonly [prefix: string, code: ErrorCode | 'undone' | 'lost'])[] = [
  ['23505', 'duplicate'],
  ['23503', 'not_found'],
  ['22001', 'invalid'], // Text that is too long.
  ['22003', 'invalid'], // A number that is out of range.
  ['22021', 'invalid'], // Not a character in the encoding of the database.
  ['22P05', 'invalid'],
  ['54000', 'invalid'], // Too long for an index.
  ['53100', 'over_limit'], // The disk is full.
  ['40001', 'undone'], // It got in the way of another.
  ['40P01', 'undone'], // A deadlock.
  ['55P03', 'undone'], // Somebody kept it locked for too long.
  ['57P0', 'lost'], // The server stops, has crashed, or is not ready yet.
  ['25P03', 'lost'], // The transaction was idle for too long.
  ['08', 'lost'],
  ['57014', 'unavailable'], // Cancelled, perhaps by statement_timeout.
  ['53', 'unavailable'], // Out of memory or connections.
  ['25006', 'unavailable'], // A server that is for reading only.
  ['42P01', 'unavailable'], // No such table, and no such column: somebody has changed the schema meanwhile.
  ['42703', 'unavailable'],
  ['58', 'unavailable'], // What the system does to it.
  ['XX001', 'corrupt'],
  ['XX002', 'corrupt'],
]

/**
 * What an error of a statement means to us; anything else as it is, since it is a bug. `name` is what the database is
 * called; `ended` says whether the connection is.
 */
export function toGlanceError(error: unknown, name: string, ended: boolean): unknown {
  const state = stateOf(error)
  const message = `${name}: ${state.startsWith('42') ? OTHER_SCHEMA : ''}${messageOf(error)}`
  if (state === '') return ended ? new Lost(message, { cause: error }) : error
  const known = CODES.find(([prefix]) => state.startsWith(prefix))
  const code = known?.[1] ?? (isFatal(error) ? 'lost' : undefined)
  if (code === undefined) return error
  if (code === 'undone') return new Undone(message, { cause: error })
  if (code === 'lost') return new Lost(message, { cause: error })
  if (code === 'unavailable') return new Away(message, { cause: error })
  return new GlanceError(code, `PostgreSQL: ${messageOf(error)}`, { cause: error })
}

/** Whether we are not let in for a reason that does not pass by itself: the user, the password or the database. */
export function isRefusal(error: unknown): boolean {
  return /^(?:28|3D)/.test(stateOf(error))
}

/** Whether a setting has a value that the server's system has nothing for. */
export function isUnsupported(error: unknown): boolean {
  return stateOf(error) === '22023'
}

/** The SQLSTATE of what a server has said; empty for errors of others. */
function stateOf(error: unknown): string {
  const isServers = error instanceof Error && 'severity' in error && 'code' in error
  return isServers && typeof error.code === 'string' ? error.code : ''
}

function isFatal(error: unknown): boolean {
  const severity = error instanceof Error && 'severity' in error ? error.severity : undefined
  return severity === 'FATAL' || severity === 'PANIC'
}
