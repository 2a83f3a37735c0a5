import type { PurgeOptions } from '../database.ts'
import type { Sql } from './tables.ts'
import { type Access, atomically } from './transactions.ts'

/** How many rows one transaction removes: few enough that nobody waits for it for long. */
const BATCH = 500

/** Removes at most so many rows and resolves to their keys, in ascending order; those after a key, if one is given. */
type Remove = (tx: Sql, limit: number, after: string | undefined) => Promise<readonly string[]>

/** Removes rows until there are none left or enough are gone, and resolves to how many it were. */
export async function purge(
  access: Access,
  { limit = Infinity, signal }: PurgeOptions,
  remove: Remove,
): Promise<number> {
  let count = 0
  let after: string | undefined
  while (count < limit) {
    const size = Math.min(BATCH, limit - count)
    const removed = await atomically(access, tx => remove(tx, size, after), { signal })
    count += removed.length
    if (removed.length < size) break
    after = removed.at(-1)
  }
  return count
}
