import t from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { databaseSuite } from '../compliance/database-suite.ts'
import { DatabaseServer } from './support/database-server.ts'
import { MARIADB } from './support/mariadb.ts'
import { POSTGRESQL } from './support/postgres.ts'

for (const kind of [POSTGRESQL, MARIADB]) {
  t.test(`a database of ${kind.name}`, async t => {
    const server = await DatabaseServer.start(kind)
    t.teardown(() => server[Symbol.asyncDispose]())
    const open = async () => openDatabase({ dataApi: null, connection: await server.database() })
    t.test('is one as all are', async t => databaseSuite(t, { create: open }))
  })
}
