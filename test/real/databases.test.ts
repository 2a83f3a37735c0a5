import t from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { databaseSuite } from '../../lib/compliance/database-suite.ts'
import { DatabaseServer } from './support/database-server.ts'
import { MARIADB } from './support/mariadb.ts'
import { POSTGRESQL } from './support/postgres.ts'

for (const kind of [POSTGRESQL, MARIADB]) {
  t.test(`a database of ${kind.name}`, async t => {
    const server = await DatabaseServer.start(kind)
    t.teardown(() => server[Symbol.asyncDispose]())
    const open = async (connection: string) => openDatabase({ dataApi: null, connection })
    const create = async () => open(await server.database())
    const createTwo = async () => {
      const connection = await server.database()
      return [await open(connection), await open(connection)] as const
    }
    t.test('is one as all are', async t => databaseSuite(t, { create, createTwo }))
  })
}
