import { EventEmitter, once } from 'node:events'
import { unlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Database } from '../../lib/database/database.ts'
import { openDatabase } from '../../lib/database/open.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { readConfig, type ServerConfig } from '../../lib/server/config.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { filesIn } from '../support/files.ts'
import { ADMIN, OWNER, startTestServer, type TestServer, user } from '../support/server.ts'

/** A server whose folder a test can look into. */
async function start(
  t: Test,
  overrides: Partial<ServerConfig> = {},
  dataDir: string = t.testdir(),
): Promise<{ readonly server: TestServer; readonly dataDir: string }> {
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    dataApi: 'sqlite',
    dataDir,
    delayedDelete: true,
    enabledBackends: [
      { id: 'one', type: 'file', datadir: join(dataDir, 'one') },
      { id: 'two', type: 'file', datadir: join(dataDir, 'two') },
    ],
    defaultBackend: 'one',
    ...overrides,
  })
  return { server, dataDir }
}

function databaseOf(dataDir: string) {
  return { dataApi: 'sqlite', connection: `sqlite:///${join(dataDir, 'glance.sqlite')}` } as const
}

/** What a scrubber would find. */
async function pendingIn(dataDir: string) {
  await using database: Database = await openDatabase(databaseOf(dataDir))
  return database.images.listPending({ until: new Date('9999-01-01'), limit: 10, marker: null })
}

async function uploaded(server: TestServer, data = 'data', as = OWNER): Promise<string> {
  const id = await server.create(undefined, as)
  await server.upload(id, data, as)
  return id
}

async function copied(server: TestServer, id: string): Promise<void> {
  const body = { method: { name: 'copy-image' }, stores: ['two'] }
  await server.call('POST', `/v2/images/${id}/import`, { as: ADMIN, body })
  for (;;) {
    const { json } = await server.call('GET', `/v2/images/${id}/tasks`, { as: ADMIN })
    const tasks = json['tasks'] as readonly { readonly status: string }[] // As the API has it.
    if (tasks.every(({ status }) => status === 'success' || status === 'failure')) return
  }
}

t.test('with delayed deletion', async t => {
  t.test('a deleted image is gone for everybody, and its data stays', async t => {
    const { server, dataDir } = await start(t)
    const id = await uploaded(server)
    await server.patch(id, [{ op: 'add', path: '/kept', value: 'yes' }])
    t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
    for (const as of [OWNER, ADMIN]) {
      const status = async (method: string, path: string) =>
        (await server.call(method, `/v2/images/${id}${path}`, { as })).status
      t.equal(await status('GET', ''), 404)
      t.equal(await status('GET', '/file'), 404)
      t.equal(await status('GET', '/members'), 404)
      t.equal(await status('DELETE', ''), 404)
      t.equal(await status('POST', '/actions/reactivate'), 404)
      t.equal((await server.patch(id, [], as)).status, 404)
      t.equal((await server.call('POST', '/v2/images', { as, body: { id } })).status, 409)
      for (const query of ['', '?visibility=all', '?status=pending_delete']) {
        t.same((await server.call('GET', `/v2/images${query}`, { as })).json['images'], [])
      }
    }
    t.strictSame(filesIn(join(dataDir, 'one')), [id])
    t.match(await pendingIn(dataDir), [
      { id, status: 'pending_delete', properties: new Map([['kept', 'yes']]) },
    ])
  })

  t.test('an image without data is deleted at once', async t => {
    const { server, dataDir } = await start(t)
    const queued = await server.create()
    const staged = await server.create()
    await server.call('PUT', `/v2/images/${staged}/stage`, {
      as: OWNER,
      headers: { 'content-type': 'application/octet-stream' },
      body: 'staged',
    })
    for (const id of [queued, staged]) {
      t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
    }
    t.strictSame(await pendingIn(dataDir), [])
    t.strictSame(filesIn(join(dataDir, 'staging')), [])
  })

  t.test('what is deactivated cannot wait', async t => {
    const { server, dataDir } = await start(t)
    const id = await uploaded(server)
    await server.call('POST', `/v2/images/${id}/actions/deactivate`, { as: ADMIN })
    const { status, text } = await server.call('DELETE', `/v2/images/${id}`, { as: ADMIN })
    t.equal(status, 400)
    t.match(text, 'from deactivated to pending_delete is not allowed')
    t.equal((await server.show(id))['status'], 'deactivated')
    // As Glance: its owner is not shown where the data is, and may.
    t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
    t.strictSame(filesIn(join(dataDir, 'one')), [], 'and nothing is left of it')
    t.strictSame(await pendingIn(dataDir), [])
  })

  t.test('protected images are refused as ever', async t => {
    const { server } = await start(t)
    const id = await uploaded(server)
    await server.patch(id, [{ op: 'replace', path: '/protected', value: true }])
    t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 403)
    t.equal((await server.show(id))['status'], 'active')
  })

  t.test('a copy that is taken from a store stays there, and counts', async t => {
    const { server, dataDir } = await start(t, { userStorageQuota: 20 })
    const project = user('project')
    const id = await uploaded(server, '12345678', project)
    await copied(server, id)
    t.equal((await server.show(id, project))['stores'], 'one,two')
    t.equal((await server.call('DELETE', `/v2/stores/two/${id}`, { as: ADMIN })).status, 204)
    t.equal((await server.show(id, project))['stores'], 'one')
    t.strictSame(filesIn(join(dataDir, 'two')), [id])
    t.match(await pendingIn(dataDir), [
      { id, status: 'active', removedLocations: [{ metadata: { store: 'two' } }] },
    ])
    const other = await server.create(undefined, project)
    t.equal((await server.upload(other, '12345678', project)).status, 413)
    await copied(server, id)
    t.match(
      await server.show(id, project),
      { stores: 'one', os_glance_failed_import: 'two' },
      'the place is taken',
    )
    await server.call('DELETE', `/v2/images/${id}`, { as: project })
    t.equal(
      (await server.upload(other, '12345678', project)).status,
      204,
      'until the image is deleted',
    )
  })

  t.test('a location that is removed keeps its data', async t => {
    const { server, dataDir } = await start(t, { showMultipleLocations: true })
    const id = await uploaded(server)
    await copied(server, id)
    const { status } = await server.patch(id, [{ op: 'remove', path: '/locations/1' }], ADMIN)
    t.equal(status, 200)
    t.strictSame([filesIn(join(dataDir, 'one')), filesIn(join(dataDir, 'two'))], [[id], [id]])
    t.match(await pendingIn(dataDir), [{ id, removedLocations: [{}] }])
  })

  t.test('a place that the image comes back to waits no more', async t => {
    const { server, dataDir } = await start(t)
    const id = await uploaded(server)
    await copied(server, id)
    await server.call('DELETE', `/v2/stores/two/${id}`, { as: ADMIN })
    unlinkSync(join(dataDir, 'two', id)) // As a scrubber does that is killed then.
    await copied(server, id)
    t.equal((await server.show(id))['stores'], 'one,two')
    t.strictSame(await pendingIn(dataDir), [])
  })

  t.test('without it, what is taken from a store does not wait', async t => {
    const { server, dataDir } = await start(t, { delayedDelete: false, userStorageQuota: 12 })
    const id = await uploaded(server)
    const remove = async () =>
      (await server.call('DELETE', `/v2/stores/two/${id}`, { as: ADMIN })).status
    await copied(server, id)
    t.equal(await remove(), 204)
    t.strictSame(await pendingIn(dataDir), [])
    t.strictSame(filesIn(join(dataDir, 'two')), [])
    await copied(server, id)
    unlinkSync(join(dataDir, 'two', id))
    t.equal(await remove(), 404, 'nor when it is not there')
    t.strictSame(await pendingIn(dataDir), [])
    await copied(server, id)
    const other = await server.create()
    t.equal((await server.upload(other, '1234')).status, 204, 'and counts no more')
    await server[Symbol.asyncDispose]()
    const { server: next } = await start(t, { delayedDelete: false }, dataDir)
    t.equal((await next.show(id))['stores'], 'one,two')
    t.strictSame(filesIn(join(dataDir, 'two')), [id])
  })

  t.test('of what an image is at, a start deletes nothing', async t => {
    const { server, dataDir } = await start(t)
    const id = await uploaded(server)
    await server[Symbol.asyncDispose]()
    {
      await using database = await openDatabase(databaseOf(dataDir))
      const image = await database.images.find(id)
      const removedLocations = (image?.locations ?? []).map(one => ({
        ...one,
        removedAt: new Date(0),
      }))
      await database.images.update(id, { removedLocations, updatedAt: new Date() }, ['active'])
    }
    const { server: next } = await start(t, {}, dataDir)
    t.equal((await next.call('GET', `/v2/images/${id}/file`, { as: OWNER })).text, 'data')
  })

  t.test('a copy that is under way comes to nothing, and those that are done stay', async t => {
    const events = new EventEmitter()
    const held = once(events, 'held')
    let downloads = 0
    const source = createServer((request, response) => {
      response.writeHead(200, { 'content-length': 4 })
      if (request.method === 'HEAD') return void response.end()
      downloads += 1
      if (downloads === 1) return void response.end('data')
      events.once('release', () => response.end('data'))
      events.emit('held')
    })
    source.listen(0, '127.0.0.1')
    await once(source, 'listening')
    t.teardown(() => source.close())
    const { port } = source.address() as AddressInfo // It listens on a port.
    const dataDir = t.testdir()
    const { server } = await start(
      t,
      {
        showMultipleLocations: true,
        imports: {
          ...DEFAULT_IMPORTS,
          filter: { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] },
        },
        enabledBackends: [
          { id: 'one', type: 'file', datadir: join(dataDir, 'one') },
          { id: 'two', type: 'file', datadir: join(dataDir, 'two') },
          { id: 'web', type: 'http' },
        ],
      },
      dataDir,
    )
    const id = await server.create(undefined, ADMIN)
    const location = { url: `http://127.0.0.1:${port}/image`, metadata: {} }
    await server.patch(id, [{ op: 'add', path: '/locations/-', value: location }], ADMIN)
    const body = { method: { name: 'copy-image' }, stores: ['one', 'two'] }
    await server.call('POST', `/v2/images/${id}/import`, { as: ADMIN, body })
    await held
    const { json } = await server.call('GET', `/v2/images/${id}/tasks`, { as: ADMIN })
    const [task] = json['tasks'] as readonly { readonly id: string }[] // As the API has it.
    t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: ADMIN })).status, 204)
    events.emit('release')
    for (;;) {
      const { json } = await server.call('GET', `/v2/tasks/${task?.id}`, { as: ADMIN })
      if (json['status'] === 'failure') break
    }
    t.strictSame([filesIn(join(dataDir, 'one')), filesIn(join(dataDir, 'two'))], [[id], []])
    const [image] = await pendingIn(dataDir)
    t.strictSame(
      image?.locations.map(({ metadata }) => metadata['store']),
      ['web', 'one'],
    )
  })

  t.test('a service that starts again leaves all of it alone', async t => {
    const dataDir = t.testdir()
    const first = await start(t, {}, dataDir)
    const id = await uploaded(first.server)
    await first.server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
    await first.server[Symbol.asyncDispose]()
    const before = await pendingIn(dataDir)
    const second = await start(t, {}, dataDir)
    t.equal((await second.server.call('GET', `/v2/images/${id}`, { as: ADMIN })).status, 404)
    t.strictSame(await pendingIn(dataDir), before)
    t.strictSame(filesIn(join(dataDir, 'one')), [id])
  })

  t.test('switched off again, an image goes with all that waited', async t => {
    const dataDir = t.testdir()
    const first = await start(t, {}, dataDir)
    const id = await uploaded(first.server)
    await copied(first.server, id)
    await first.server.call('DELETE', `/v2/stores/two/${id}`, { as: ADMIN })
    await first.server[Symbol.asyncDispose]()
    const { server } = await start(t, { delayedDelete: false }, dataDir)
    await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
    t.strictSame([filesIn(join(dataDir, 'one')), filesIn(join(dataDir, 'two'))], [[], []])
  })
})

t.test('the configuration file says so', async t => {
  const folder = t.testdir({
    'server.conf':
      'delayed_delete = true\nscrub_time = 3600\n[image_import_opts]\nmax_parallel_stores = 3',
    'wrong.conf': 'scrub_time = soon',
  })
  t.match(await readConfig(join(folder, 'server.conf')), {
    delayedDelete: true,
    scrubTime: 3600,
    imports: { maxParallelStores: 3 },
  })
  await t.rejects(readConfig(join(folder, 'wrong.conf')), { code: 'usage', message: /scrub_time/ })
})
