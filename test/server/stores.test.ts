import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../lib/server/config.ts'
import { startServer } from '../../lib/server/start.ts'
import { filesIn } from '../support/files.ts'
import { ADMIN, MEMBER, OWNER, startTestServer, user } from '../support/server.ts'

const STORES = {
  auth: 'trusted_headers',
  enabledBackends: [
    { id: 'fast', type: 'memory', description: 'the fast one', weight: 1 },
    { id: 'slow', type: 'memory', weight: 5 },
    { id: 'web', type: 'http' },
  ],
  defaultBackend: 'fast',
} as const

const FORMATS = { disk_format: 'raw', container_format: 'bare' }

const into = (store: string) => ({ 'x-image-meta-store': store })

t.test('a service with several stores', async t => {
  const server = await startTestServer(t, STORES)
  const get = (path: string, as = OWNER) => server.call('GET', path, { as })
  const remove = (path: string, as = ADMIN) => server.call('DELETE', path, { as })

  t.test('tells everybody which there are', async t => {
    const { status, json } = await get('/v2/info/stores')
    t.equal(status, 200)
    t.same(json['stores'], [
      { id: 'fast', description: 'the fast one', default: 'true' },
      { id: 'slow' },
      { id: 'web', 'read-only': 'true' },
    ])
  })

  t.test('tells administrators and services how they are set up', async t => {
    for (const caller of [ADMIN, user('services', 'service')]) {
      t.same((await get('/v2/info/stores/detail', caller)).json['stores'], [
        {
          id: 'fast',
          description: 'the fast one',
          default: 'true',
          type: 'memory',
          weight: 1,
          properties: {},
        },
        { id: 'slow', type: 'memory', weight: 5, properties: {} },
        { id: 'web', 'read-only': 'true', type: 'http', weight: 0, properties: {} },
      ])
    }
    t.equal((await get('/v2/info/stores/detail')).status, 403)
  })

  t.test('names them when an image is created', async t => {
    const { headers, json } = await server.call('POST', '/v2/images', { as: OWNER, body: {} })
    t.equal(headers.get('openstack-image-store-ids'), 'fast,slow,web')
    t.notOk('stores' in json, 'it is in none yet')
  })

  for (const [title, headers, stores] of [
    ['puts data into the default one', {}, 'fast'],
    ['puts data into the one that is asked for', into('slow'), 'slow'],
  ] as const) {
    t.test(title, async t => {
      const id = await server.create()
      t.equal((await server.upload(id, 'some data', OWNER, headers)).status, 204)
      t.equal((await server.show(id))['stores'], stores)
      t.equal((await get(`/v2/images/${id}/file`)).text, 'some data')
    })
  }

  for (const [title, store, status] of [
    ['refuses data for one that there is not', 'nowhere', 400],
    ['refuses data for one that only reads', 'web', 410],
  ] as const) {
    t.test(title, async t => {
      const id = await server.create()
      t.equal((await server.upload(id, 'some data', OWNER, into(store))).status, status)
      t.match(await server.show(id), { status: 'queued', size: null })
    })
  }

  t.test('hides where a deactivated image is from all but administrators', async t => {
    const id = await server.create()
    await server.upload(id, 'data')
    await server.call('POST', `/v2/images/${id}/actions/deactivate`, { as: OWNER })
    t.notOk('stores' in (await server.show(id)))
    t.equal((await server.show(id, ADMIN))['stores'], 'fast')
  })

  t.test('takes the data of an image out of none but its last store', async t => {
    const id = await server.create()
    t.equal((await remove(`/v2/stores/fast/${id}`)).status, 409, 'it is not active')
    await server.upload(id, 'data')
    for (const [title, path, as, status] of [
      ['an unknown store', `/v2/stores/nowhere/${id}`, ADMIN, 409],
      ['an unknown image', `/v2/stores/fast/${randomUUID()}`, ADMIN, 404],
      ['the last store, for its owner', `/v2/stores/fast/${id}`, OWNER, 403],
      ['a caller who does not see it', `/v2/stores/fast/${id}`, MEMBER, 404],
      ['the last store', `/v2/stores/fast/${id}`, ADMIN, 403],
    ] as const) {
      t.equal((await remove(path, as)).status, status, title)
    }
    t.equal((await get(`/v2/images/${id}/file`)).text, 'data')
    const shown = await server.create({ visibility: 'public', ...FORMATS }, ADMIN)
    await server.upload(shown, 'data', ADMIN)
    const { json } = await remove(`/v2/stores/fast/${shown}`, OWNER)
    t.match(json['message'], /^You do not own this image/)
  })

  t.test('is told by a download which to prefer', async t => {
    const id = await server.create()
    await server.upload(id, 'data')
    const preferring = (stores: string) => get(`/v2/images/${id}/file?prefer=${stores}`)
    t.match(await preferring('slow,fast'), { status: 200, text: 'data' })
    t.equal((await preferring('nowhere')).status, 400)
  })

  t.test('deletes the data with the image', async t => {
    const id = await server.create()
    await server.upload(id, 'data', OWNER, into('slow'))
    t.equal((await remove(`/v2/images/${id}`, OWNER)).status, 204)
    t.equal((await get(`/v2/images/${id}/file`)).status, 404)
  })
})

t.test('who may do something with stores is for the policy to say', async t => {
  const rules = [
    'stores_info_detail: role:auditor',
    'download_from_store: role:chooser',
    'get_image_location: role:auditor',
  ]
  const policyFile = join(t.testdir({ 'policy.yaml': rules.join('\n') }), 'policy.yaml')
  const server = await startTestServer(t, { ...STORES, policyFile })
  const id = await server.create()
  await server.upload(id, 'data')
  for (const [path, role] of [
    ['/v2/info/stores/detail', 'auditor'],
    [`/v2/images/${id}/file?prefer=slow`, 'chooser'],
  ] as const) {
    t.equal((await server.call('GET', path, { as: OWNER })).status, 403, path)
    t.equal((await server.call('GET', path, { as: user('owner', role) })).status, 200, path)
  }
  t.equal((await server.call('GET', `/v2/images/${id}/file`, { as: OWNER })).status, 200)
  const { json } = await server.call('DELETE', `/v2/stores/fast/${id}`, { as: OWNER })
  t.match(json['message'], /^You are not authorized to complete get_image_location action/)
})

t.test('a service with one store tells of none', async t => {
  const server = await startTestServer(t)
  const id = await server.create()
  t.equal((await server.upload(id, 'data', OWNER, into('nowhere'))).status, 204, 'nobody looks')
  t.notOk('stores' in (await server.show(id)))
  for (const path of ['/v2/info/stores', '/v2/info/stores/detail']) {
    t.equal((await server.call('GET', path)).status, 404, path)
  }
  t.equal((await server.call('DELETE', `/v2/stores/file/${id}`)).status, 404)
  t.equal((await server.call('GET', `/v2/images/${id}/file?prefer=file`)).status, 400)
  const created = await server.call('POST', '/v2/images', { body: {} })
  t.equal(created.headers.get('openstack-image-store-ids'), null)
})

t.test('a store that was renamed is told from the place of the data', async t => {
  const dataDir = t.testdir()
  const storeDir = join(dataDir, 'images')
  const settings = (id: string) =>
    ({
      dataApi: 'sqlite',
      dataDir,
      enabledBackends: [
        { id: 'other', type: 'memory' },
        { id, type: 'file', datadir: storeDir },
      ],
      defaultBackend: id,
    }) as const
  const before = await startTestServer(t, settings('before'))
  const id = await before.create()
  await before.upload(id, 'data')
  t.same(filesIn(storeDir), [id])
  await before[Symbol.asyncDispose]()
  const after = await startTestServer(t, settings('after'))
  t.equal((await after.show(id))['stores'], 'after')
  t.equal((await after.call('GET', `/v2/images/${id}/file`)).text, 'data')
  t.match((await after.call('GET', '/v2/info/stores/detail')).json['stores'], [
    {},
    { id: 'after', type: 'file', properties: { data_dir: storeDir, thin_provisioning: false } },
  ])
})

t.test('stores are configured as for Glance', async t => {
  const written = (t: Test, text: string) => {
    const path = join(t.testdir(), 'glance-api.conf')
    writeFileSync(path, text)
    return path
  }

  t.test('each in a section of its own', async t => {
    const path = written(
      t,
      `[DEFAULT]
enabled_backends = fast:file, slow:file,web:http
node_staging_uri = file:///var/staging/
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = /var/fast
store_description = "the fast one"
weight = 200
[slow]
filesystem_store_datadir = /var/slow
[import_filtering_opts]
allowed_hosts = [a.example, b.example]
allowed_ports = []
`,
    )
    t.match(await readConfig(path), {
      enabledBackends: [
        {
          id: 'fast',
          type: 'file',
          datadir: '/var/fast',
          description: 'the fast one',
          weight: 200,
        },
        { id: 'slow', type: 'file', datadir: '/var/slow' },
        { id: 'web', type: 'http' },
      ],
      defaultBackend: 'fast',
      stagingDir: '/var/staging',
      imports: { filter: { allowedHosts: ['a.example', 'b.example'], allowedPorts: [] } },
    })
  })

  for (const [text, message] of [
    ['enabled_backends = fast', /line 1: .* expected name:type.* found 'fast'/],
    ['enabled_backends = fast:tape', /line 1: .* found 'fast:tape'/],
    ['enabled_backends = a:file\n[a]\ncolour = red', /line 3: \[a\] colour: there is no such/],
    ['enabled_backends = a:file\n[a]\nweight = heavy', /line 3: \[a\] weight: expected a whole/],
    ['[b]\nfilesystem_store_datadir = /x', /line 2: .* no such option/],
    ['[import_filtering_opts]\nallowed_ports = http', /line 2: .* expected a whole number/],
  ] as const) {
    t.test(`but not ${JSON.stringify(text)}`, async t => {
      await t.rejects(readConfig(written(t, text)), { code: 'usage', message })
    })
  }

  const memory = (...ids: readonly string[]) => ids.map(id => ({ id, type: 'memory' }) as const)
  for (const [title, settings, message] of [
    ['without a default one', { enabledBackends: memory('a') }, /default_backend/],
    [
      'with one by default that there is not',
      { enabledBackends: memory('a'), defaultBackend: 'b' },
      /found 'b'/,
    ],
    [
      'with one by default that only reads',
      { enabledBackends: [{ id: 'a', type: 'http' }], defaultBackend: 'a' },
      /written to/,
    ],
    [
      'with a name that Glance keeps to itself',
      { enabledBackends: memory('a', 'os_glance_b'), defaultBackend: 'a' },
      /reserved/,
    ],
    ['with one name twice', { enabledBackends: memory('a', 'a'), defaultBackend: 'a' }, /a twice/],
  ] as const) {
    t.test(`a service ${title} does not start`, async t => {
      const starting = startServer({ bindPort: 0, dataApi: 'simple', ...settings })
      await t.rejects(starting, { code: 'usage', message })
    })
  }

  t.test('a service with one folder by two names does not start', async t => {
    const folder = t.testdir({ disk: {}, other: t.fixture('symlink', 'disk') })
    const stores = ['disk', 'other'].map(id => ({ id, type: 'file', datadir: join(folder, id) }))
    const starting = startServer({
      bindPort: 0,
      dataApi: 'simple',
      dataDir: folder,
      enabledBackends: stores,
      defaultBackend: 'disk',
    })
    const message = `${join(folder, 'disk')} and ${join(folder, 'other')} are the same folder: each is to be one of its own`
    await t.rejects(starting, { code: 'usage', message })
  })
})
