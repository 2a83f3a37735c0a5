import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { id } from '../../lib/compliance/database/records.ts'
import { type Explained, fill, planCases } from '../support/plans.ts'
import { DatabaseServer } from './support/database-server.ts'
import { POSTGRESQL } from './support/postgres.ts'
import { waitUntil } from './support/wait.ts'

t.test('PostgreSQL', async t => planCases(t, await explained(t)))

/** PostgreSQL writes the plan of each query into its log. */
async function explained(t: Test): Promise<Explained> {
  const server = await DatabaseServer.start(POSTGRESQL)
  t.teardown(() => server[Symbol.asyncDispose]())
  const connection = await server.database()
  {
    await using database = await openDatabase({ dataApi: null, connection })
    await database.migrate()
    await fill(database)
  }
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
  let read = 0
  const plans = async () => {
    const log = await readFile(join(server.folder, 'log'), 'utf8')
    const added = log.slice(read)
    read = log.length
    return added
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
