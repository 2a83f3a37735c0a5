import type { Database } from '../../lib/database/database.ts'
import { openDatabase as openAny } from '../../lib/database/open.ts'
import { GlanceError } from '../../lib/errors.ts'

/**
 * How many transactions the databases that this module opens take before they are away, and how many of those they do
 * without an answer: tests set it.
 */
export const presence = { transactions: Infinity, unanswered: 0 }

/**
 * Opens a database in memory as a driver by its module: while it is away, it does not answer.
 * @public
 */
export async function openDatabase(): Promise<Database> {
  const database = await openAny({ dataApi: 'simple', connection: '' })
  const { transaction } = database
  return Object.assign(database, {
    transaction: async <T>(work: (tx: Database) => Promise<T>) => {
      presence.transactions -= 1
      if (presence.transactions < 0) throw new GlanceError('unavailable', 'the database is away')
      const result = (await transaction.call(database, work)) as T
      presence.unanswered -= 1
      if (presence.unanswered >= 0) throw new GlanceError('unavailable', 'it is not known')
      return result
    },
  })
}
