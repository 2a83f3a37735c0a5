import type { Sql } from './tables.ts'

/** Runs statements that belong together: in the transaction that `sql` is, or else in one of their own. */
export function atomically<T>(sql: Sql, work: (tx: Sql) => Promise<T>): Promise<T> {
  return sql.isTransaction ? work(sql) : sql.transaction().execute(work)
}

/** Runs queries that must see the same moment, such as an image's row and then its tags. */
export function consistently<T>(sql: Sql, work: (tx: Sql) => Promise<T>): Promise<T> {
  if (sql.isTransaction) return work(sql)
  const snapshot = sql.transaction().setAccessMode('read only').setIsolationLevel('repeatable read')
  return snapshot.execute(work)
}
