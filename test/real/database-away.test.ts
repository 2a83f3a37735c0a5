import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { isGlanceError } from '../../lib/errors.ts'
import { runProgram } from '../support/command.ts'
import { DatabaseServer } from './support/database-server.ts'
import { Embedded } from './support/embedded.ts'
import { MARIADB } from './support/mariadb.ts'
import { POSTGRESQL } from './support/postgres.ts'
import { connect } from './support/queries.ts'
import { waitUntil } from './support/wait.ts'

for (const kind of [POSTGRESQL, MARIADB]) {
  t.test(`a database of ${kind.name}`, async t => {
    const server = await DatabaseServer.start(kind)
    t.teardown(() => server[Symbol.asyncDispose]())

    t.test('is of one service, whose uploads no other one undoes', async t => {
      const connection = await server.database()
      const sections = { database: { connection } }
      const inUse =
        /the \w+ database glance_\d+ at .* is in use by another service \(connection \d+\)/
      {
        await using first = await Embedded.start({ sections })
        const id = randomUUID()
        await first.create({ id, disk_format: 'raw', container_format: 'bare' })
        const upload = uploading(first, id)
        await waitUntil('it is saving', async () => (await first.statusOf(id)) === 'saving')
        await t.rejects(Embedded.start({ sections }), { message: inUse })
        const config = t.testdir({ 'ours.conf': `[database]\nconnection = ${connection}\n` })
        const words = ['db', 'downgrade', '0', '--yes', '--config', join(config, 'ours.conf')]
        t.match(await runProgram(words), { status: 3, stderr: inUse })
        t.equal(await first.statusOf(id), 'saving')
        t.equal(await upload.finish(), 204)
        t.equal(await first.statusOf(id), 'active')
      }
      await using _ = await Embedded.start({ sections })
    })

    t.test('is held again after its server was restarted', async t => {
      const connection = await server.database()
      const settings = { dataApi: null, connection, maxRetries: 0 }
      await using one = await openDatabase(settings)
      await using _ = await one.hold?.()
      await server.kill()
      await server.restart()
      await using other = await openDatabase(settings)
      // Who asks all the time may have it in between.
      await waitUntil('it is held', async () => {
        try {
          const held = await other.hold?.()
          await held?.[Symbol.asyncDispose]()
          return false
        } catch (error) {
          return isGlanceError(error, 'unavailable') && /is in use by/.test(error.message)
        }
      })
      t.pass('it is held')
    })

    t.test('whose server answers nobody keeps no request and no service waiting', async t => {
      const settings = { statement_timeout: 1, db_max_retries: 1, max_pool_size: 5 }
      const connection = await server.database({ options: '?connect_timeout=1' })
      const service = await Embedded.start({ sections: { database: { connection, ...settings } } })
      const id = randomUUID()
      try {
        await service.create({ id })
        await server.freeze()
        await expectAway(t, service, id)
        await server.resume()
        t.equal((await service.call('GET', 'images')).status, 200, 'and it heals by itself')
        await server.freeze()
        t.match(await service.stop(), { status: 0, signal: null }, 'it stops all the same')
      } finally {
        await server.resume()
        await service[Symbol.asyncDispose]()
      }
    })

    t.test('in which somebody else has a table locked keeps no request waiting', async t => {
      const connection = await server.database()
      const settings = { connection, statement_timeout: 1, db_max_retries: 1 }
      await using service = await Embedded.start({ sections: { database: settings } })
      const id = randomUUID()
      await service.create({ id })
      await using somebody = await connect(connection)
      await using looking = await connect(connection)
      const [lock, unlock, waiting] = LOCKS[kind.name]
      for (const statement of lock) await somebody.query(statement)
      await expectAway(t, service, id)
      await waitUntil('the server is at nothing that nobody waits for', async () => {
        return (await looking.query(waiting)).length === 0
      })
      await somebody.query(unlock)
      const { images } = await service.expect(200, 'GET', 'images')
      t.match(images, [{ id }], 'and it heals by itself')
      await service.expect(204, 'DELETE', `images/${id}`)
    })
  })
}

/** Asks for what reads and what writes, and expects that the service can do neither at the moment. */
async function expectAway(t: Test, service: Embedded, id: string): Promise<void> {
  const asked = [
    ['GET', 'images'],
    ['GET', `images/${id}`],
    ['POST', 'images', {}],
    ['DELETE', `images/${id}`],
  ] as const
  const answers = await Promise.all(
    asked.map(async ([method, path, body]) => await service.call(method, path, body)),
  )
  t.strictSame(
    answers.map(({ status }) => status),
    asked.map(() => 503),
  )
}

/** How a table is locked and let go of, and what waits for it. */
const LOCKS = {
  postgresql: [
    ['begin', 'lock table images in access exclusive mode'],
    'rollback',
    `select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`,
  ],
  mysql: [
    ['lock tables images write'],
    'unlock tables',
    `select id from information_schema.processlist
      where db = database() and command = 'Query' and id <> connection_id()`,
  ],
} as const

/** An upload that has begun, and ends when it is told to, with the status of the answer. */
function uploading({ url }: Embedded, id: string): { readonly finish: () => Promise<number> } {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const answer = fetch(`${url}/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: readable,
    duplex: 'half',
  })
  answer.catch(() => {}) // Whoever finishes it is told.
  void writer.write(Buffer.from('some'))
  const finish = async () => {
    await writer.write(Buffer.from(' data'))
    await writer.close()
    return (await answer).status
  }
  return { finish }
}
