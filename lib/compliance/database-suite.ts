import { group, type Test, type TestFunction } from './test.ts'
import { testOf } from './test-of.ts'
import type { Database } from '../database/database.ts'
import { imageCases } from './database/images.ts'
import { concurrencyCases } from './database/concurrency.ts'
import { conditionCases } from './database/conditions.ts'
import { insertAllCases } from './database/insert-all.ts'
import { type Interrupt, interruptionCases } from './database/interruptions.ts'
import { memberCases } from './database/members.ts'
import { metadefCases } from './database/metadefs.ts'
import { pagingCases } from './database/paging.ts'
import { pendingCases } from './database/pending.ts'
import { purgeCases } from './database/purge.ts'
import { schemaCases } from './database/schema.ts'
import { taskCases } from './database/tasks.ts'
import { textCases } from './database/text.ts'
import { transactionCases } from './database/transactions.ts'
import { usageCases } from './database/usage.ts'
import { visibilityCases } from './database/visibility.ts'

export interface DatabaseSuiteOptions<T extends Test> {
  /** An empty database, not yet migrated. */
  create(t: T): Promise<Database>
  /** The same for cases that begin by migrating it, where there is a quicker way to one that is migrated. */
  createMigrated?(t: T): Promise<Database>
  /** Two open databases with the same, empty data, not yet migrated, where several processes may have the same. */
  createTwo?(t: T): Promise<readonly [Database, Database]>
  /** For what can be interrupted without us, such as a server. */
  readonly interrupt?: Interrupt
}

/** What the interface in lib/database/database.ts promises, for every driver. */
export function databaseSuite<T extends Test>(
  given: T | TestFunction,
  { create, createMigrated = create, createTwo, interrupt }: DatabaseSuiteOptions<T>,
): void {
  const t = testOf(given)
  const opening = (create: (t: T) => Promise<Database>) => async (t: Test) => {
    const database = await create(t as T) // Cases are given what the suite is.
    t.teardown(() => database[Symbol.asyncDispose]())
    return database
  }
  const openEmpty = opening(create)
  const openMigrated = opening(createMigrated)
  const open = async (t: Test): Promise<Database> => {
    const database = await openMigrated(t)
    await database.migrate()
    return database
  }
  group(t, 'images are kept', t => imageCases(t, open))
  group(t, 'many images are inserted', t => insertAllCases(t, open))
  group(t, 'what is to be deleted later is kept', t => pendingCases(t, open))
  group(t, 'what was deleted is forgotten', t => purgeCases(t, open))
  group(t, 'members are kept', t => memberCases(t, open))
  group(t, 'metadata definitions are kept', t => metadefCases(t, open))
  group(t, 'a listing shows what the viewer may see', t => visibilityCases(t, open))
  t.test('a listing meets its conditions', async t => conditionCases(t, open))
  t.test('a listing is sorted and paged', async t => pagingCases(t, open))
  group(t, 'text is kept and compared as it is', t => textCases(t, open))
  group(t, 'tasks are kept', t => taskCases(t, open))
  group(t, 'the usage of a project', t => usageCases(t, open))
  group(t, 'a transaction is atomic', t => transactionCases(t, open))
  group(t, 'the schema has versions', t => schemaCases(t, openEmpty))
  if (createTwo !== undefined) {
    const openTwo = async (t: Test) => {
      const databases = await createTwo(t as T)
      for (const database of databases) t.teardown(() => database[Symbol.asyncDispose]())
      await databases[0].migrate()
      return databases
    }
    group(t, 'several processes have the same data', t => concurrencyCases(t, openTwo))
  }
  if (interrupt !== undefined) {
    group(t, 'an interruption passes', t => interruptionCases(t, open, interrupt))
  }
}
