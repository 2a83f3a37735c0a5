import type { Test } from 'tap'
import type { Database } from '../../lib/database/database.ts'
import { imageCases } from './database/images.ts'
import { concurrencyCases } from './database/concurrency.ts'
import { conditionCases } from './database/conditions.ts'
import { insertAllCases } from './database/insert-all.ts'
import { type Interrupt, interruptionCases } from './database/interruptions.ts'
import { memberCases } from './database/members.ts'
import { metadefCases } from './database/metadefs.ts'
import { pagingCases } from './database/paging.ts'
import { pendingCases } from './database/pending.ts'
import { taskCases } from './database/tasks.ts'
import { textCases } from './database/text.ts'
import { transactionCases } from './database/transactions.ts'
import { usageCases } from './database/usage.ts'
import { visibilityCases } from './database/visibility.ts'

export interface DatabaseSuiteOptions {
  /** An empty database, not yet migrated. */
  create(t: Test): Promise<Database>
  /** Two open databases with the same, empty data, not yet migrated, where several processes may have the same. */
  createTwo?(t: Test): Promise<readonly [Database, Database]>
  /** For what can be interrupted without us, such as a server. */
  readonly interrupt?: Interrupt
}

/** What the interface in lib/database/database.ts promises, for every driver. */
export function databaseSuite(
  t: Test,
  { create, createTwo, interrupt }: DatabaseSuiteOptions,
): void {
  const open = async (t: Test): Promise<Database> => {
    const database = await create(t)
    t.teardown(() => database[Symbol.asyncDispose]())
    await database.migrate()
    return database
  }
  t.test('images are kept', async t => imageCases(t, open))
  t.test('many images are inserted', async t => insertAllCases(t, open))
  t.test('what is to be deleted later is kept', async t => pendingCases(t, open))
  t.test('members are kept', async t => memberCases(t, open))
  t.test('metadata definitions are kept', async t => metadefCases(t, open))
  t.test('a listing shows what the viewer may see', async t => visibilityCases(t, open))
  t.test('a listing meets its conditions', async t => conditionCases(t, open))
  t.test('a listing is sorted and paged', async t => pagingCases(t, open))
  t.test('text is kept and compared as it is', async t => textCases(t, open))
  t.test('tasks are kept', async t => taskCases(t, open))
  t.test('the usage of a project', async t => usageCases(t, open))
  t.test('a transaction is atomic', async t => transactionCases(t, open))
  if (createTwo !== undefined) {
    const openTwo = async (t: Test) => {
      const databases = await createTwo(t)
      for (const database of databases) t.teardown(() => database[Symbol.asyncDispose]())
      await databases[0].migrate()
      return databases
    }
    t.test('several processes have the same data', async t => concurrencyCases(t, openTwo))
  }
  if (interrupt !== undefined) {
    t.test('an interruption passes', async t => interruptionCases(t, open, interrupt))
  }
}
