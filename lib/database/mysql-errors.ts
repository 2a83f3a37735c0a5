import { type ErrorCode, GlanceError, messageOf } from '../errors.ts'
import { Lost } from './server/session.ts'
import { Away, OTHER_SCHEMA, Undone } from './sql/away.ts'

/** The numbers of errors, which MySQL and MariaDB share where both have them. */
const CODES: ReadonlyMap<number, ErrorCode | 'undone' | 'lost'> = new Map([
  [1062, 'duplicate'],
  [1586, 'duplicate'],
  [1216, 'not_found'], // Foreign keys, from either side.
  [1217, 'not_found'],
  [1451, 'not_found'],
  [1452, 'not_found'],
  [1406, 'invalid'], // Text that is too long.
  [1264, 'invalid'], // A number that is out of range.
  [1690, 'invalid'],
  [1366, 'invalid'], // Not a character.
  [1071, 'invalid'], // Too long for an index.
  [1021, 'over_limit'], // The disk is full.
  [1114, 'over_limit'],
  [1153, 'over_limit'], // A statement that is too long, see max_allowed_packet.
  [1020, 'undone'], // It got in the way of another.
  [1213, 'undone'], // A deadlock.
  [1205, 'undone'], // Somebody kept it locked for too long.
  [1053, 'lost'], // The server stops.
  [1927, 'lost'], // Somebody has killed the connection.
  [4031, 'lost'], // It was idle for too long.
  [1146, 'unavailable'], // No such table, and no such column: somebody has changed the schema meanwhile.
  [1054, 'unavailable'],
  [1030, 'unavailable'], // What the system does to the storage engine.
  [1040, 'unavailable'], // Too many connections.
  [1203, 'unavailable'],
  [1226, 'unavailable'],
  [1290, 'unavailable'], // A server that is for reading only.
  [1836, 'unavailable'],
  [1317, 'unavailable'], // Somebody or a time limit has stopped the statement.
  [1969, 'unavailable'],
  [3024, 'unavailable'],
  [1034, 'corrupt'],
  [1194, 'corrupt'],
  [1712, 'corrupt'],
])

/** The system's own error when a disk is full, as the storage engine reports it. */
const NO_SPACE = /^Got error 28\b/

/** What keeps us from being let in and does not pass by itself: the user, the password, the host or the database. */
const REFUSALS: ReadonlySet<unknown> = new Set([1044, 1045, 1049, 1130, 1251, 1698])

/**
 * What an error of a statement means to us; anything else as it is, since it is a bug. `name` is what the database is
 * called; `ended` says whether the connection is.
 */
export function toGlanceError(error: unknown, name: string, ended: boolean): unknown {
  const number = numberOf(error)
  const isOther = number === 1146 || number === 1054
  const message = `${name}: ${isOther ? OTHER_SCHEMA : ''}${messageOf(error)}`
  const code = number === undefined ? undefined : CODES.get(number)
  const isFatal = error instanceof Error && 'fatal' in error && error.fatal === true
  if (code === 'undone') return new Undone(message, { cause: error })
  if (code === 'lost' || (code === undefined && (isFatal || ended))) {
    return new Lost(message, { cause: error })
  }
  if (code === undefined) return error
  const isFull = number === 1030 && NO_SPACE.test(messageOf(error))
  if (code === 'unavailable' && !isFull) return new Away(message, { cause: error })
  return new GlanceError(isFull ? 'over_limit' : code, `MySQL: ${messageOf(error)}`, {
    cause: error,
  })
}

export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(numberOf(error))
}

/** The number of an error that the server has sent. */
function numberOf(error: unknown): number | undefined {
  const isServers = error instanceof Error && 'sqlState' in error && 'errno' in error
  return isServers && typeof error.errno === 'number' ? error.errno : undefined
}
