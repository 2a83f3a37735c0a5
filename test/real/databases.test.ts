import { createHash, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { databaseSuite } from '../../lib/compliance/database-suite.ts'
import { DatabaseServer, PASSWORD, type Place, type ServerKind } from './support/database-server.ts'
import { Embedded } from './support/embedded.ts'
import { MARIADB } from './support/mariadb.ts'
import { POSTGRESQL } from './support/postgres.ts'
import { empty } from './support/queries.ts'
import type { Service } from './support/service.ts'
import { waitUntil } from './support/wait.ts'

for (const kind of [POSTGRESQL, MARIADB]) {
  t.test(`a database of ${kind.name}`, async t => {
    const server = await DatabaseServer.start(kind)
    t.teardown(() => server[Symbol.asyncDispose]())
    const interrupt = async () => {
      await server.kill()
      await server.restart()
    }

    t.test('is one as all are', async t => {
      // So that some of what is interrupted is told so.
      const open = (connection: string) =>
        openDatabase({ dataApi: null, connection, dbMaxRetries: 8 })
      const create = async () => open(await server.database())
      // To make the tables takes longer than most cases.
      const again = await server.database()
      const createMigrated = async () => {
        await empty(again)
        return await open(again)
      }
      const createTwo = async () => [await createMigrated(), await open(again)] as const
      databaseSuite(t, { create, createMigrated, createTwo, interrupt })
    })

    t.test('who may not use it is told', async t => {
      const connection = await server.database()
      const withheld = new RegExp(`^(?!.*(${encodeURIComponent(PASSWORD)}|wrong-secret))`)
      for (const [url, message] of [
        [connection.replace(encodeURIComponent(PASSWORD), 'wrong-secret'), /glance@home/],
        [
          connection.replace(/\/glance_\d+$/, '/nowhere'),
          /the \w+ database nowhere at 127\.0\.0\.1/,
        ],
      ] as const) {
        const opening = openDatabase({ dataApi: null, connection: url, retryIntervalMs: 600_000 })
        await t.rejects(opening, { code: 'usage', message }, 'at once')
        await t.rejects(openDatabase({ dataApi: null, connection: url }), { message: withheld })
      }
    })

    t.test('is reached by TLS and by its unix socket', async t => {
      for (const [where, refusal] of PLACES[kind.name]) {
        const place = where(server)
        const opening = database(await server.database(place))
        if (refusal === undefined) await t.resolves(opening, JSON.stringify(place))
        else await t.rejects(opening, { code: 'usage', message: refusal }, JSON.stringify(place))
      }
    })

    t.test('is away: whoever runs the service is told once, and where', async t => {
      const reports: unknown[] = []
      const settings = { dataApi: null, connection: await server.database(), dbMaxRetries: 1 }
      const report = (error: unknown) => reports.push(error)
      await using database = await openDatabase(settings, { report })
      await database.migrate()
      for (let outage = 1; outage <= 2; outage += 1) {
        await server.kill()
        // What it had started for a connection may answer once more before it sees that.
        await waitUntil('it is away', async () => {
          return await database.tasks.find('a').then(
            () => false,
            () => true,
          )
        })
        const asked: readonly (() => Promise<unknown>)[] = [
          () => database.tasks.find('a'),
          () => database.images.find('a'),
          () => database.tasks.deleteExpired(new Date(0)),
        ]
        for (const work of asked) {
          const message = 'the database is temporarily unavailable'
          await t.rejects(work(), { code: 'unavailable', message })
        }
        t.match(reports, { length: outage })
        t.match(reports.at(-1), { message: `at 127.0.0.1:${server.port}: ` })
        await server.restart()
        t.equal(await database.images.find('a'), undefined)
      }
    })

    t.test('is waited for when the service starts before it', async t => {
      const connection = await server.database()
      await server.kill()
      const settings = { dataApi: null, connection, maxRetries: -1, retryIntervalMs: 10 }
      let restarted: Promise<void> | undefined
      const notice = () => void (restarted ??= server.restart())
      await using database = await openDatabase(settings, { notice })
      await database.migrate()
      await restarted
      t.strictSame(await database.images.find(randomUUID()), undefined)
    })

    t.test('keeps the images of a service, through its restarts', async t => {
      const database = { connection: await server.database(), db_max_retries: 3, max_retries: 0 }
      await using service = await Embedded.start({ sections: { database } })
      const kept = await Promise.all(Array.from({ length: 5 }, async () => uploaded(service)))
      await server.kill()
      for (const [method, path, body] of [
        ['GET', 'images', undefined],
        ['POST', 'images', { name: 'a' }],
        ['DELETE', `images/${kept[0]?.id}`, undefined],
      ] as const) {
        const { status, text } = await service.call(method, path, body)
        t.equal(status, 503, `${method} ${path}`)
        t.match(text, 'The database is temporarily unavailable')
        t.notMatch(text, '127.0.0.1', 'which is all that a client learns')
      }
      await server.restart()
      await isWhole(t, service, kept)
      await service.expect(204, 'DELETE', `images/${kept[0]?.id}`)
      kept.shift()
      await isWhole(t, service, kept)

      const traffic = await duringTraffic(service, interrupt)
      await isWhole(t, service, [...kept, ...traffic.kept])
      for (const id of traffic.deleted) {
        t.equal((await service.call('GET', `images/${id}`)).status, 404)
      }
    })
  })
}

/** Opens and closes it. */
async function database(connection: string): Promise<void> {
  await using _ = await openDatabase({ dataApi: null, connection, maxRetries: 0 })
}

type Way = readonly [where: (server: DatabaseServer) => Place, refusal?: RegExp]

const CA = 'fixtures/tls/ca.pem'
const OTHER = 'fixtures/tls/other.pem'
const at127 =
  (options: string): Way[0] =>
  () => ({ options })
const atLocalhost =
  (options: string): Way[0] =>
  ({ port }) => ({ host: `localhost:${port}`, options })

const PLACES: Readonly<Record<ServerKind['name'], readonly Way[]>> = {
  postgresql: [
    [at127('?sslmode=disable')],
    [at127('?sslmode=require')],
    [at127(`?sslmode=verify-full&sslrootcert=${CA}`)],
    [atLocalhost(`?sslmode=verify-full&sslrootcert=${CA}`), /does not match certificate/],
    [atLocalhost(`?sslmode=verify-ca&sslrootcert=${CA}`)],
    [at127(`?sslmode=require&sslrootcert=${OTHER}`), /unable to verify/],
    [({ folder, port }) => ({ host: '', options: `?host=${folder}&port=${port}` })],
  ],
  mysql: [
    [at127('?charset=utf8')],
    [at127(`?ssl_ca=${CA}`)],
    [atLocalhost(`?ssl_ca=${CA}`), /does not match certificate/],
    [atLocalhost(`?ssl_ca=${CA}&ssl_check_hostname=false`)],
    [at127(`?ssl_ca=${OTHER}`), /unable to verify/],
    [({ folder }) => ({ host: '', options: `?unix_socket=${folder}/mysqld.sock` })],
  ],
}

interface Kept {
  readonly id: string
  readonly checksum: string
}

/** An image with data of its own. @throws when the service does not take it. */
async function uploaded(service: Service): Promise<Kept> {
  const id = randomUUID()
  await service.create({ id, disk_format: 'raw', container_format: 'bare' })
  const data = new Uint8Array(Buffer.from(id.repeat(3000)))
  await service.uploadBytes(id, data)
  return { id, checksum: createHash('md5').update(data).digest('hex') }
}

/** Clients that upload and delete images while something happens, and for a while after; what they were told is done. */
async function duringTraffic(
  service: Service,
  happens: () => Promise<void>,
): Promise<{ readonly kept: readonly Kept[]; readonly deleted: readonly string[] }> {
  const kept: Kept[] = []
  const deleted: string[] = []
  const over = new AbortController()
  const client = async (odd: boolean) => {
    while (!over.signal.aborted) {
      try {
        const image = await uploaded(service)
        if (odd) kept.push(image)
        else {
          await service.expect(204, 'DELETE', `images/${image.id}`)
          deleted.push(image.id)
        }
      } catch (error) {
        if (!/\b503\b/.test(String(error))) throw error
      }
    }
  }
  const clients = Promise.all([true, false, true, false].map(client))
  const untilKept = async (count: number) => {
    while (kept.length < count) {
      await Promise.race([clients, service.call('GET', 'images?limit=1')])
    }
  }
  try {
    await untilKept(3)
    await happens()
    await untilKept(kept.length + 3)
  } finally {
    over.abort()
  }
  await clients
  return { kept, deleted }
}

/** All of these are there, and each image that says it is active has its data. */
async function isWhole(t: Test, service: Service, kept: readonly Kept[]): Promise<void> {
  const { images } = await service.expect(200, 'GET', 'images?limit=1000')
  const all = images as readonly {
    readonly id: string
    readonly status: string
    readonly checksum: string
  }[] // As the schema says.
  const active = new Map(
    all.filter(({ status }) => status === 'active').map(({ id, checksum }) => [id, checksum]),
  )
  for (const { id, checksum } of kept) t.equal(active.get(id), checksum, `${id} is kept`)
  for (const [id, checksum] of active) {
    const response = await fetch(`${service.url}/v2/images/${id}/file`)
    const data = new Uint8Array(await response.arrayBuffer())
    t.equal(createHash('md5').update(data).digest('hex'), checksum, `${id} has its data`)
  }
}
