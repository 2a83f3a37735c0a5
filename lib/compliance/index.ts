/**
 * What every driver of an interface promises, as cases for a test runner:
 *
 * ```ts
 * import test from 'node:test'
 * import { databaseSuite } from 'glance-replicator/compliance'
 *
 * databaseSuite(test, { create: async t => openDatabase({ connection: `journal://${t.testdir()}/rows` }) })
 * ```
 */
export { databaseSuite, type DatabaseSuiteOptions } from './database-suite.ts'
export { endpointSuite, type EndpointSuiteOptions } from './endpoint-suite.ts'
export { storeSuite, type StoreFixture, type StoreSuiteOptions } from './store-suite.ts'
export type { Test, TestFunction } from './test.ts'
