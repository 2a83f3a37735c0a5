import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { id } from '../../lib/compliance/database/records.ts'
import { type Explained, fill, planCases } from '../support/plans.ts'
import { DatabaseServer, type ServerKind } from './support/database-server.ts'
import { MARIADB } from './support/mariadb.ts'
import { POSTGRESQL } from './support/postgres.ts'
import { waitUntil } from './support/wait.ts'

t.test('PostgreSQL', async t => planCases(t, await postgresql(t)))
t.test('MariaDB', async t => planCases(t, await mariadb(t)))

/** A server of this kind, and the URL of a database with many images. */
async function filled(t: Test, kind: ServerKind) {
  const server = await DatabaseServer.start(kind)
  t.teardown(() => server[Symbol.asyncDispose]())
  const connection = await server.database()
  await using database = await openDatabase({ dataApi: null, connection })
  await database.migrate()
  await fill(database)
  return { server, connection }
}

/** MariaDB writes what each query examined into its log of slow ones. */
async function mariadb(t: Test): Promise<Explained> {
  const { server, connection } = await filled(t, MARIADB)
  const log = join(server.folder, 'data', 'slow')
  for (const statement of [
    `set global slow_query_log_file = '${log}'`,
    'set global long_query_time = 0',
    'set global slow_query_log = on',
  ]) {
    await server.administer(statement)
  }
  const database = await openDatabase({ dataApi: null, connection })
  t.teardown(() => database[Symbol.asyncDispose]())
  const added = reader(log)
  const fault = (plan: string) => {
    const examined = Number(/Rows_examined: (\d+)/.exec(plan)?.[1])
    return examined <= FEW ? undefined : plan
  }
  const plans = async () => {
    const entries = (await added()).split(/^(?=# User@Host: )/m)
    return entries
      .map(plan => ({ plan, query: /^select .*/m.exec(plan)?.[0] ?? '' }))
      .filter(({ query }) => query.startsWith('select'))
  }
  return { database, plans, fault, pageFault: fault }
}

/** What has been added to a file since it was last asked. */
function reader(file: string): () => Promise<string> {
  let read = 0
  return async () => {
    const text = await readFile(file, 'utf8')
    const added = text.slice(read)
    read = text.length
    return added
  }
}

/** PostgreSQL writes the plan of each query into its log. */
async function postgresql(t: Test): Promise<Explained> {
  const { server, connection } = await filled(t, POSTGRESQL)
  await analyze(connection)
  for (const statement of SETTINGS) {
    await server.administer('select pg_reload_conf()')
    await waitUntil(statement, () =>
      server.administer(statement).then(
        () => true,
        () => false,
      ),
    )
  }
  const database = await openDatabase({ dataApi: null, connection })
  t.teardown(() => database[Symbol.asyncDispose]())
  const added = reader(join(server.folder, 'log'))
  const plans = async () => {
    return (await added())
      .split(/^(?=.* LOG: {2}duration: )/m)
      .map(entry => /plan:\n\tQuery Text: ([^\n]*(?:\n\t .*)*)\n([^]*)/.exec(entry))
      .flatMap(found => (found === null ? [] : [{ query: found[1] ?? '', plan: found[2] ?? '' }]))
      .filter(({ query }) => query.startsWith('select'))
  }
  await server.administer('select pg_reload_conf()')
  await waitUntil('the first plan', async () => {
    await database.images.find(id(1))
    return (await plans()).length > 0
  })
  return { database, plans, fault, pageFault: fault }
}

/** Whether many rows were read, whatever for. */
function fault(plan: string): string | undefined {
  const nodes = plan.matchAll(/rows=(\d+) loops=(\d+)\)(?:[^(]*Removed by Filter: (\d+))?/g)
  const read = Array.from(
    nodes,
    ([, rows, loops, removed]) => (Number(rows) + Number(removed ?? 0)) * Number(loops),
  )
  if (read.length === 0) return `nothing is known of ${plan}`
  return Math.max(...read) > FEW ? plan : undefined
}

/** Out of 4,000. */
const FEW = 100

/** As the server does by itself after a while. */
async function analyze(connection: string): Promise<void> {
  const client = new Client({ connectionString: connection })
  await client.connect()
  await client.query('analyze')
  await client.end()
}

/** Each in a session of its own, of which the second knows what the first has loaded. */
const SETTINGS = [
  "alter system set session_preload_libraries = 'auto_explain'",
  'alter system set auto_explain.log_min_duration = 0',
  'alter system set auto_explain.log_analyze = on',
]
