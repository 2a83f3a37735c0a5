import test from 'node:test'
import { databaseSuite } from 'glance-replicator/compliance'
import { openDatabase } from './journal.ts'

databaseSuite(test, {
  create: async t => openDatabase({ connection: `journal://${t.testdir()}/journal` }),
})
