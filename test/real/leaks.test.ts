import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import { PATCH_MEDIA_TYPE } from '../../lib/wire/v2-patch.ts'
import { OWNER, startTestServer, STRANGER, type TestServer, user } from '../support/server.ts'
import { DatabaseServer } from './support/database-server.ts'
import { MARIADB } from './support/mariadb.ts'
import { POSTGRESQL } from './support/postgres.ts'
import { connectionsIn } from './support/queries.ts'
import { waitUntil } from './support/wait.ts'

/** How many requests are answered while the first figures are taken, and until the last. */
const BEFORE = 1000
const MEASURED = 10_000
/** How many a client makes of one image. */
const REQUESTS = 20
/** How many come at the same time. */
const CLIENTS = 8
/** Bytes that may be held besides what was: less than a kilobyte of each request. */
const MORE_HEAP = 8 * 1024 ** 2
/** Connections that are kept for the next request, of each client and of the server, come and go. */
const MORE_FILES = 4 * CLIENTS
/** Connections to a database: those that stay open by default, and the one that holds it. */
const POOLED = 6

t.test('SQLite', async t => {
  await keepsNothing(t, `sqlite:///${join(t.testdir(), 'glance.sqlite')}`)
})

for (const kind of [POSTGRESQL, MARIADB]) {
  t.test(kind.name, async t => {
    const server = await DatabaseServer.start(kind)
    t.teardown(() => server[Symbol.asyncDispose]())
    const connection = await server.database()
    const openIn = async () => await connectionsIn(connection)
    await keepsNothing(t, connection, openIn)
  })
}

/** After 10,000 requests the server has what it had before: connections, files, timers and memory. */
async function keepsNothing(
  t: Test,
  connection: string,
  connections = () => Promise.resolve(0),
): Promise<void> {
  const dataDir = t.testdirName
  const server = await startTestServer(t, {
    dataApi: null,
    connection,
    dataDir,
    store: 'file',
    auth: 'trusted_headers',
  })
  await requests(t, server, BEFORE)
  const before = { ...(await held()), connections: await connections() }
  await requests(t, server, MEASURED)
  const after = await held()
  t.ok(after.heap - before.heap < MORE_HEAP, `${after.heap - before.heap} bytes more`)
  t.ok(after.files <= before.files + MORE_FILES, `${before.files} files, then ${after.files}`)
  t.ok(
    after.resources <= before.resources + MORE_FILES,
    `${before.resources} resources, then ${after.resources}`,
  )
  // Those that are needed for a moment are closed again, of which the database hears when it does.
  const most = Math.max(before.connections, POOLED)
  const areFew = async () => (await connections()) <= most
  await waitUntil(`${most} connections to the database at the most`, areFew)
}

/** What clients do with images, rightly and wrongly: so many requests, and those that wait for something besides. */
async function requests(t: Test, server: TestServer, count: number): Promise<void> {
  const expect = async (
    status: number,
    method: string,
    path: string,
    options: Parameters<TestServer['call']>[2],
  ) => {
    const answer = await server.call(method, path, options)
    if (answer.status !== status)
      t.equal(answer.status, status, `${method} ${path}: ${answer.text}`)
  }
  const client = async () => {
    for (let done = 0; done < count / CLIENTS; done += REQUESTS) {
      const id = randomUUID()
      const image = `/v2/images/${id}`
      const body = { ...IMAGE, id }
      await expect(201, 'POST', '/v2/images', { as: OWNER, body })
      await expect(409, 'POST', '/v2/images', { as: OWNER, body })
      await expect(200, 'GET', '/v2/images?limit=5', { as: OWNER })
      await expect(200, 'GET', `/v2/images?sort=name:asc&tag=a&marker=${id}`, { as: OWNER })
      await expect(400, 'GET', `/v2/images?marker=${randomUUID()}`, { as: OWNER })
      await expect(200, 'PATCH', image, { as: OWNER, headers: PATCH, body: RENAMED })
      await expect(409, 'PATCH', image, { as: OWNER, headers: PATCH, body: IMPOSSIBLE })
      await expect(400, 'PATCH', image, { as: OWNER, headers: PATCH, body: '[' })
      await abandon(server, id)
      await expect(204, 'PUT', `${image}/file`, { as: OWNER, headers: OCTETS, body: DATA })
      await expect(409, 'PUT', `${image}/file`, { as: OWNER, headers: OCTETS, body: DATA })
      await expect(200, 'GET', `${image}/file`, { as: OWNER })
      await expect(404, 'GET', image, { as: STRANGER })
      await expect(200, 'POST', `${image}/members`, { as: OWNER, body: { member: 'guest' } })
      await expect(200, 'PUT', `${image}/members/guest`, {
        as: GUEST,
        body: { status: 'accepted' },
      })
      await expect(200, 'GET', '/v2/images', { as: GUEST })
      await expect(204, 'DELETE', image, { as: OWNER })
      await expect(404, 'DELETE', image, { as: OWNER })
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

const IMAGE = {
  name: 'one',
  tags: ['a', 'b'],
  disk_format: 'raw',
  container_format: 'bare',
  key: 'value',
}
const PATCH = { 'content-type': PATCH_MEDIA_TYPE }
const RENAMED = [{ op: 'replace', path: '/name', value: 'two' }]
const IMPOSSIBLE = [{ op: 'replace', path: '/none', value: 'two' }]
const OCTETS = { 'content-type': 'application/octet-stream' }
const DATA = new Uint8Array(100_000)
const GUEST = user('guest')

/** Begins an upload and gives it up half way. */
async function abandon(server: TestServer, id: string): Promise<void> {
  const becomes = (status: string) =>
    waitUntil(`the image is ${status}`, async () => (await server.show(id))['status'] === status)
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  const headers = { ...OWNER, ...OCTETS, host: 'localhost', 'content-length': DATA.length }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`PUT /v2/images/${id}/file HTTP/1.1\r\n${lines.join('')}\r\n`)
  socket.write(DATA.subarray(1000))
  await becomes('saving')
  socket.destroy()
  await becomes('queued')
}

interface Held {
  /** Bytes. */
  readonly heap: number
  readonly files: number
  readonly resources: number
}

/** What this process holds once everything has come to rest. */
async function held(): Promise<Held> {
  setFlagsFromString('--expose-gc')
  // The flag counts for contexts made from here on.
  const collect = runInNewContext('gc') as () => void
  for (let n = 0; n < 5; n += 1) {
    await setImmediate()
    collect()
  }
  return {
    heap: process.memoryUsage().heapUsed,
    files: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
  }
}
