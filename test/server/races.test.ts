import { fileURLToPath } from 'node:url'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { IMPORT_METHODS } from '../../lib/image/import.ts'
import type { ServerConfig } from '../../lib/server/config.ts'
import { DEFAULT_IMPORTS, type ImportSettings } from '../../lib/server/import-settings.ts'
import { presence } from '../support/absent-database.ts'
import { filesIn } from '../support/files.ts'
import { startGate } from '../support/gate.ts'
import { ADMIN, OWNER, startTestServer, type TestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const FILTER = { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] }
const IMPORTS: ImportSettings = {
  ...DEFAULT_IMPORTS,
  filter: FILTER,
  methods: IMPORT_METHODS,
  maxWorkers: 1,
}

/** A server with two stores whose folders a test can look into. */
async function start(
  t: Test,
  given: Partial<ServerConfig> = {},
  report?: (error: unknown) => void,
  dataDir: string = t.testdir(),
) {
  const settings = {
    auth: 'trusted_headers',
    dataApi: 'sqlite',
    dataDir,
    imports: IMPORTS,
    showMultipleLocations: true,
    enabledBackends: [
      { id: 'one', type: 'file', datadir: join(dataDir, 'one') },
      { id: 'two', type: 'file', datadir: join(dataDir, 'two') },
      { id: 'web', type: 'http' },
    ],
    defaultBackend: 'one',
    ...given,
  } satisfies Partial<ServerConfig>
  const server = await startTestServer(t, settings, report)
  return { server, dataDir, settings, in: (folder: string) => filesIn(join(dataDir, folder)) }
}

const importing = (server: TestServer, id: string, method: object, rest: object = {}) =>
  server.call('POST', `/v2/images/${id}/import`, { as: ADMIN, body: { method, ...rest } })

const download = (server: TestServer, id: string) =>
  server.call('GET', `/v2/images/${id}/file`, { as: OWNER })

const remove = (server: TestServer, path: string) => server.call('DELETE', path, { as: ADMIN })

const stage = (server: TestServer, id: string, body: string) => {
  const headers = { 'content-type': 'application/octet-stream' }
  return server.call('PUT', `/v2/images/${id}/stage`, { as: OWNER, headers, body })
}

const upload = (server: TestServer, id: string, body: string) => server.upload(id, body)

/** Asks until no task is at work any more; the last of them, which began the last. */
async function settled(server: TestServer): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const path = '/v2/tasks?sort_key=created_at&sort_dir=desc'
    const { json } = await server.call('GET', path, { as: ADMIN })
    const tasks = json['tasks'] as { id: string; status: string }[] // As the API has it.
    if (tasks.every(({ status }) => status === 'success' || status === 'failure')) {
      const last = await server.call('GET', `/v2/tasks/${tasks[0]?.id}`, { as: ADMIN })
      return last.json
    }
    await soon()
  }
}

/** Of an image that both stores have. */
async function copied(server: TestServer): Promise<string> {
  const id = await server.create()
  await server.upload(id, 'data')
  await importing(server, id, { name: 'copy-image' }, { stores: ['two'] })
  await settled(server)
  return id
}

t.test('an import that waits for its turn', async t => {
  // What of it is the database's is in its suite.
  const shared = await start(t, { dataApi: 'simple' })
  /** A server whose only worker is busy until the gate is opened. */
  const busy = async (t: Test, started = shared) => {
    const gate = await startGate(t, 'busy')
    const other = await started.server.create()
    await importing(started.server, other, { name: 'web-download', uri: gate.url })
    await gate.reached
    return { ...started, gate }
  }
  const source = { name: 'web-download', uri: '' }
  const asked = {
    'a download': (server: TestServer, id: string, uri: string) =>
      importing(server, id, { ...source, uri }),
    'a download into another store': (server: TestServer, id: string, uri: string) =>
      importing(server, id, { ...source, uri }, { stores: ['two'] }),
    'a download into as many stores as will': (server: TestServer, id: string, uri: string) =>
      importing(
        server,
        id,
        { ...source, uri },
        { all_stores: true, all_stores_must_succeed: false },
      ),
    'a location': (server: TestServer, id: string, url: string) =>
      server.call('POST', `/v2/images/${id}/locations`, { as: OWNER, body: { url } }),
    'a location of which a digest is said': (server: TestServer, id: string, url: string) => {
      const validation_data = { os_hash_algo: 'md5', os_hash_value: 'a'.repeat(32) }
      return server.call('POST', `/v2/images/${id}/locations`, {
        as: OWNER,
        body: { url, validation_data },
      })
    },
  }

  for (const [title, ask] of Object.entries(asked)) {
    t.test(`leaves an image alone that was uploaded meanwhile: ${title}`, async t => {
      const { server, gate, ...folders } = await busy(t)
      const id = await server.create()
      t.equal((await ask(server, id, gate.url)).status, 202)
      t.equal((await server.upload(id, 'uploaded')).status, 204)
      const before = await server.show(id)
      gate.open()
      t.match(await settled(server), { status: 'failure' })
      const { os_glance_import_task: _, updated_at: _then, ...image } = before
      t.match(await server.show(id), image)
      t.notOk('os_glance_import_task' in (await server.show(id)))
      t.equal((await download(server, id)).text, 'uploaded')
      t.notOk(folders.in('two').includes(id))
      t.equal((await remove(server, `/v2/images/${id}`)).status, 204)
      t.notOk(folders.in('one').includes(id))
    })

    t.test(`leaves data alone that was staged meanwhile: ${title}`, async t => {
      const { server, gate } = await busy(t)
      const id = await server.create()
      t.equal((await ask(server, id, gate.url)).status, 202)
      t.equal((await stage(server, id, 'staged data')).status, 204)
      gate.open()
      t.match(await settled(server), { status: 'failure' })
      t.match(await server.show(id), { status: 'uploading', size: 11 })
      t.equal((await importing(server, id, { name: 'glance-direct' })).status, 202)
      t.match(await settled(server), { status: 'success' })
      t.equal((await download(server, id)).text, 'staged data')
    })
  }

  t.test('of staged data is stopped with the service, and the data stays', async t => {
    const { server, gate, settings } = await busy(t, await start(t))
    const id = await server.create()
    await stage(server, id, 'staged data')
    await importing(server, id, { name: 'glance-direct' })
    const stopping = server[Symbol.asyncDispose]()
    await stopping
    gate.open()
    const again = await startTestServer(t, settings)
    t.match(await again.show(id), { status: 'uploading', size: 11 })
    await importing(again, id, { name: 'glance-direct' })
    t.match(await settled(again), { status: 'success' })
  })
})

t.test('of two who take the data out of both stores one is refused', async t => {
  const { server, ...folders } = await start(t)
  for (const [title, paths] of [
    ['by the names of the stores', ['one', 'two']],
    ['by the places of the locations', [0, 1]],
  ] as const) {
    t.test(title, async t => {
      for (let i = 0; i < 5; i += 1) {
        const id = await copied(server)
        const answers = await Promise.all(
          paths.map(path =>
            typeof path === 'string'
              ? remove(server, `/v2/stores/${path}/${id}`)
              : server.patch(id, [{ op: 'remove', path: `/locations/${path}` }], ADMIN),
          ),
        )
        const [first = 0, second = 0] = answers
          .map(({ status }) => status)
          .toSorted((a, b) => a - b)
        // Of two places the second is none any more when the first is gone.
        t.ok(first < 300 && (second === 403 || second === 400), `${first} and ${second}`)
        t.equal((await download(server, id)).text, 'data')
        const left = [...folders.in('one'), ...folders.in('two')].filter(name => name === id)
        t.equal(left.length, 1)
      }
    })
  }
})

t.test('an image that is deleted and protected at once is either', async t => {
  const { server } = await start(t)
  for (let i = 0; i < 10; i += 1) {
    const id = await server.create()
    await server.upload(id, 'data')
    const [protecting, deleting] = await Promise.all([
      server.patch(id, [{ op: 'replace', path: '/protected', value: true }]),
      server.call('DELETE', `/v2/images/${id}`, { as: OWNER }),
    ])
    const isProtected = protecting.status === 200
    t.equal(deleting.status, isProtected ? 403 : 204)
    const { status, text } = await download(server, id)
    if (isProtected) t.same([status, text], [200, 'data'])
    else t.equal(status, 404)
  }
})

t.test('an image that is deleted while it is copied leaves nothing', async t => {
  const { server, ...folders } = await start(t)
  for (let i = 0; i < 10; i += 1) {
    const id = await server.create()
    await server.upload(id, 'data')
    const [, { status }] = await Promise.all([
      importing(server, id, { name: 'copy-image' }, { stores: ['two'] }),
      server.call('DELETE', `/v2/images/${id}`, { as: OWNER }),
    ])
    t.equal(status, 204)
    await settled(server)
    t.same([folders.in('one'), folders.in('two')], [[], []])
  }
})

t.test('what cannot be deleted keeps nothing from being done, and is reported', async t => {
  /** Puts something in the place of a file that is not to be deleted as one. */
  const jam = (folder: string, name: string) => {
    rmSync(join(folder, name), { force: true })
    mkdirSync(join(folder, name))
  }

  t.test('an image is deleted', async t => {
    const reported: unknown[] = []
    const { server, dataDir } = await start(t, {}, error => reported.push(error))
    const id = await server.create()
    await server.upload(id, 'data')
    jam(join(dataDir, 'one'), id)
    t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
    t.equal((await server.call('GET', `/v2/images/${id}`, { as: OWNER })).status, 404)
    t.match(reported, [{ code: 'unavailable' }])
  })

  t.test('an image is taken out of a store', async t => {
    const reported: unknown[] = []
    const { server, dataDir } = await start(t, {}, error => reported.push(error))
    const id = await copied(server)
    jam(join(dataDir, 'two'), id)
    t.equal((await remove(server, `/v2/stores/two/${id}`)).status, 204)
    t.match(await server.show(id), { status: 'active', stores: 'one' })
    t.match(reported, [{ code: 'unavailable' }])
  })

  t.test('an import that fails ends, and its image waits for its data again', async t => {
    const reported: unknown[] = []
    const { server, dataDir } = await start(t, { imageSizeCap: 3 }, error => reported.push(error))
    const gate = await startGate(t, 'data')
    const id = await server.create()
    await importing(server, id, { name: 'web-download', uri: gate.url })
    await gate.reached
    jam(join(dataDir, 'staging'), id)
    gate.open()
    t.match(await settled(server), { status: 'failure', message: /too large|larger|more than/ })
    t.match(await server.show(id), { status: 'queued', size: null })
    t.notOk('os_glance_import_task' in (await server.show(id)))
    t.match(reported, [{ code: 'unavailable' }])
  })
})

t.test('a task of the old API that was killed takes its image with it', async t => {
  const folder = t.testdir({ data: {}, copy: {} })
  const [dataDir, copy] = [join(folder, 'data'), join(folder, 'copy')]
  const { server, settings } = await start(t, {}, undefined, dataDir)
  const gate = await startGate(t, 'data')
  const input = {
    import_from: gate.url,
    import_from_format: 'raw',
    image_properties: { name: 'imported', disk_format: 'raw', container_format: 'bare' },
  }
  const body = { type: 'import', input }
  const { json } = await server.call('POST', '/v2/tasks', { as: ADMIN, body })
  await gate.reached
  // What a kill would leave.
  cpSync(dataDir, copy, { recursive: true, filter: path => !path.includes('.glance.') })
  gate.open()
  await settled(server)

  const again = await startTestServer(t, {
    ...settings,
    dataDir: copy,
    enabledBackends: [{ id: 'one', type: 'file', datadir: join(copy, 'one') }],
  })
  const { json: listed } = await again.call('GET', '/v2/images', { as: ADMIN })
  t.same(listed['images'], [])
  const task = await again.call('GET', `/v2/tasks/${String(json['id'])}`, { as: ADMIN })
  t.match(task.json, { status: 'failure', message: /stopped/ })
  t.same(filesIn(join(copy, 'staging')), [])
})

t.test('what a task says of others is told without what cannot be kept', async t => {
  const { server } = await start(t)
  const remote = await startGate(t, JSON.stringify({ status: 'a\0b' }))
  remote.open()
  const catalog = JSON.stringify([
    { type: 'image', endpoints: [{ region: 'North', publicURL: remote.url }] },
  ])
  for (const [title, region, message] of [
    ['a region', 'a\0b', /known in region a\uFFFDb/],
    ['the status of an image in another region', 'North', /instead of a\uFFFDb/],
  ] as const) {
    t.test(title, async t => {
      const id = await server.create()
      const glance_image_id = randomUUID()
      const method = { name: 'glance-download', glance_region: region, glance_image_id }
      const headers = { 'x-service-catalog': catalog }
      const body = { method }
      const path = `/v2/images/${id}/import`
      const { status } = await server.call('POST', path, { as: OWNER, headers, body })
      t.equal(status, 202)
      t.match(await settled(server), { status: 'failure', message })
      t.match(await server.show(id), { status: 'queued' })
      t.notOk('os_glance_import_task' in (await server.show(id)))
    })
  }

  t.test('a property', async t => {
    const image_properties = { disk_format: 'raw', container_format: 'bare', 'a\0b': 'c' }
    const input = { import_from: remote.url, import_from_format: 'raw', image_properties }
    const body = { type: 'import', input }
    t.equal((await server.call('POST', '/v2/tasks', { as: ADMIN, body })).status, 201)
    t.match(await settled(server), { status: 'failure' })
  })
})

t.test('the store of a location is told by its URL, whatever its metadata says', async t => {
  const { server, ...folders } = await start(t)
  const gate = await startGate(t, 'data')
  gate.open()
  for (const named of ['two', 'web', 'none']) {
    t.test(`data in store one that is said to be in ${named}`, async t => {
      const id = await server.create()
      await server.upload(id, 'data')
      const [location] = (await server.show(id))['locations'] as { url: string }[]
      const value = [{ ...location, metadata: { store: named, kept: 'yes' } }]
      const { status, json } = await server.patch(id, [
        { op: 'replace', path: '/locations', value },
      ])
      t.equal(status, 200)
      t.match(json, { stores: 'one', locations: [{ metadata: { store: 'one', kept: 'yes' } }] })
      t.equal((await download(server, id)).text, 'data')
      t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
      t.same(folders.in('one'), [])
    })
  }

  t.test('data elsewhere that is said to be in store one', async t => {
    const id = await server.create()
    const value = { url: gate.url, metadata: { store: 'one' } }
    const { status, json } = await server.patch(id, [{ op: 'add', path: '/locations/-', value }])
    t.equal(status, 200)
    t.match(json, { status: 'active', stores: 'web' })
    t.equal((await download(server, id)).text, 'data')
  })
})

t.test('a database that goes away in the middle of', async t => {
  const dataApi = fileURLToPath(new URL('../support/absent-database.js', import.meta.url))
  const ways = {
    'an upload': { status: 'saving', folder: 'one', send: upload },
    'a staging': { status: 'uploading', folder: 'staging', send: stage },
  }
  for (const [title, { status, folder, send }] of Object.entries(ways)) {
    /** A server that has begun to take data of an image when its database goes away. */
    const begun = async (t: Test) => {
      const { server, in: inFolder } = await start(t, { dataApi, connection: 'absent:' })
      const id = await server.create()
      presence.transactions = 1
      t.teardown(() => (presence.transactions = Infinity))
      t.equal((await send(server, id, 'cut off')).status, 503)
      t.match(await server.show(id), { status })
      return { server, id, files: () => inFolder(folder) }
    }

    t.test(`${title} leaves an image that takes its data once the database is back`, async t => {
      const { server, id, files } = await begun(t)
      t.equal((await send(server, id, 'again')).status, 503)
      presence.transactions = Infinity
      t.equal((await send(server, id, 'again')).status, 204)
      t.same(files(), [id])
    })

    t.test(`${title} leaves nothing once the database is back`, async t => {
      const { server, id, files } = await begun(t)
      presence.transactions = Infinity
      while ((await server.show(id))['status'] !== 'queued') await soon()
      t.match(await server.show(id), { size: null, checksum: null })
      t.same(files(), [])
    })
  }
})

t.test('a database that goes away under a task', async t => {
  const dataApi = fileURLToPath(new URL('../support/absent-database.js', import.meta.url))
  const asked = {
    'an import': (server: TestServer, id: string, uri: string) =>
      importing(server, id, { name: 'web-download', uri }),
    'an import into several stores': (server: TestServer, id: string, uri: string) =>
      importing(server, id, { name: 'web-download', uri }, { stores: ['one', 'two'] }),
    'a location whose digest is computed': (server: TestServer, id: string, url: string) => {
      const validation_data = { os_hash_algo: 'sha512', os_hash_value: 'a'.repeat(128) }
      const body = { url, validation_data }
      return server.call('POST', `/v2/images/${id}/locations`, { as: OWNER, body })
    },
  }
  for (const [title, ask] of Object.entries(asked)) {
    t.test(`${title} leaves nothing of it once the database is back`, async t => {
      const { server, in: inFolder } = await start(t, { dataApi, connection: 'absent:' })
      const gate = await startGate(t, 'data')
      const id = await server.create()
      t.equal((await ask(server, id, gate.url)).status, 202)
      await gate.reached
      presence.transactions = 0
      t.teardown(() => (presence.transactions = Infinity))
      gate.open()
      // What it does with the data, and what it does when it comes to nothing.
      while (presence.transactions > -2) await soon()
      t.match(await server.show(id), { status: 'importing' })
      presence.transactions = Infinity
      while ((await server.show(id))['status'] !== 'queued') await soon()
      t.match(await settled(server), { status: 'failure' })
      t.notOk('os_glance_import_task' in (await server.show(id)))
      for (const folder of ['one', 'two', 'staging']) t.same(inFolder(folder), [], folder)
      t.equal((await upload(server, id, 'again')).status, 204)
    })
  }

  t.test('an image of v1 that gets no data is killed once the database is back', async t => {
    const { server } = await start(t, { dataApi, connection: 'absent:', enableV1Api: true })
    const gate = await startGate(t, 'data')
    const headers = {
      'x-image-meta-name': 'a',
      'x-image-meta-disk_format': 'raw',
      'x-image-meta-container_format': 'bare',
      'x-glance-api-copy-from': gate.url,
    }
    const { json } = await server.call('POST', '/v1/images', { as: OWNER, headers })
    const { id } = json['image'] as { id: string } // As the API has it.
    await gate.reached
    presence.transactions = 0
    t.teardown(() => (presence.transactions = Infinity))
    gate.open()
    while (presence.transactions > -2) await soon()
    presence.transactions = Infinity
    while ((await server.show(id))['status'] !== 'killed') await soon()
    t.pass('killed')
  })
})

t.test('an image whose deletion was done without an answer leaves no data', async t => {
  const dataApi = fileURLToPath(new URL('../support/absent-database.js', import.meta.url))
  const { server, in: inFolder } = await start(t, { dataApi, connection: 'absent:' })
  const id = await server.create()
  await server.upload(id, 'data')
  presence.unanswered = 1
  t.equal((await remove(server, `/v2/images/${id}`)).status, 503)
  t.equal((await remove(server, `/v2/images/${id}`)).status, 404)
  t.same(inFolder('one'), [])
})
