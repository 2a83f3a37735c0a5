import { join } from 'node:path'
import { type CompiledQuery, Kysely } from 'kysely'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import { SqlDatabase } from '../../lib/database/sql/sql-database.ts'
import type { Tables } from '../../lib/database/sql/tables.ts'
import { SQLITE, sqliteDialect } from '../../lib/database/sqlite.ts'
import { type Explained, fill, planCases } from '../support/plans.ts'

t.test('SQLite', async t => planCases(t, await explained(t)))

async function explained(t: Test): Promise<Explained> {
  const path = join(t.testdir(), 'glance.sqlite')
  const asked: CompiledQuery[] = []
  const dialect = sqliteDialect({ open: () => new Libsql(path), timeoutMs: 10_000 })
  const log = ({ query }: { readonly query: CompiledQuery }) => void asked.push(query)
  const database = new SqlDatabase(new Kysely<Tables>({ dialect, log }), SQLITE)
  const file = new Libsql(path)
  t.teardown(async () => {
    file.close()
    await database[Symbol.asyncDispose]()
  })
  await database.migrate()
  await fill(database)
  return {
    database,
    plans: async () =>
      asked
        .splice(0)
        .filter(({ sql }) => sql.startsWith('select'))
        .map(({ sql, parameters }) => {
          // As SQLite documents its rows.
          const steps = file.prepare(`explain query plan ${sql}`).all(parameters) as Step[]
          return { query: sql, plan: steps.map(({ detail }) => detail).join('\n') }
        }),
    fault: plan => /^SCAN \w+(?!.*INDEX).*$/m.exec(plan)?.[0],
    pageFault: (plan, key) => {
      const index = key === 'id' ? /autoindex_images_1/ : new RegExp(`ix_images_${key}\\b`)
      if (!index.test(plan)) return plan
      return /^SCAN \w+$|.*TEMP B-TREE.*/m.exec(plan)?.[0]
    },
  }
}

interface Step {
  readonly detail: string
}
