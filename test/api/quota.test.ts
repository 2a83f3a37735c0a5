import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SimpleDatabase } from '../../lib/database/simple/simple.ts'
import { readConfig } from '../../lib/server/config.ts'
import { showUsage } from '../../lib/server/domain/usage.ts'
import type { ProjectLimits } from '../../lib/server/quota/project-limits.ts'
import { at, record } from '../../lib/compliance/database/records.ts'
import { dialUpload, next, untilStatus } from '../support/connection.ts'
import { ENDPOINT_ID, startKeystone } from '../support/keystone.ts'
import { SERVICE_USER } from '../support/keystone-documents.ts'
import { ADMIN, OWNER, STRANGER, startTestServer, type TestServer } from '../support/server.ts'

const FORMATS = { disk_format: 'raw', container_format: 'bare' }

t.test('the data of a project takes up no more than its quota', async t => {
  const start = () => startTestServer(t, { auth: 'trusted_headers', userStorageQuota: 10 })
  const stored = async (server: TestServer, data: string, as = OWNER) => {
    const id = await server.create(FORMATS, as)
    const { status, json } = await server.upload(id, data, as)
    return { id, status, message: String(json['message']) }
  }

  t.test('to the last byte', async t => {
    const server = await start()
    t.equal((await stored(server, '1234')).status, 204)
    t.equal((await stored(server, '123456')).status, 204)
    t.equal((await stored(server, '1')).status, 413)
    t.equal((await stored(server, '')).status, 413, 'nor where nobody says how much it is')
  })

  t.test('and what goes beyond is 413, says why, and leaves the image as it was', async t => {
    const server = await start()
    await stored(server, '1234')
    const { id, status, message } = await stored(server, '1234567')
    t.equal(status, 413)
    t.match(
      message,
      'Image exceeds the storage quota: The size of the data 7 will exceed the limit. 6',
    )
    t.match(await server.show(id), { status: 'queued', size: null })
    t.equal((await server.upload(id, '123456')).status, 204)
  })

  t.test('also when its size is told by nobody', async t => {
    const server = await start()
    await stored(server, '1234')
    const id = await server.create(FORMATS)
    const headers = Object.entries(OWNER).map(([name, value]) => `${name}: ${value}`)
    const socket = await dialUpload(server, id, 'Transfer-Encoding: chunked', ...headers)
    socket.write('4\r\n1234\r\n')
    await untilStatus(server, id, 'saving')
    socket.write('4\r\n5678\r\n0\r\n\r\n')
    t.match(await next(socket), /^HTTP\/1\.1 413 /)
    socket.destroy()
    await untilStatus(server, id, 'queued')
  })

  t.test('also when two uploads begin while there is room for one', async t => {
    const server = await start()
    const answers = await Promise.all([stored(server, '1234567'), stored(server, '1234567')])
    t.same(new Set(answers.map(({ status }) => status)), new Set([204, 413]))
  })

  t.test('and that of another project does not count', async t => {
    const server = await start()
    await stored(server, '1234567890')
    t.equal((await stored(server, '1234567890', STRANGER)).status, 204)
    t.equal((await stored(server, '1', ADMIN)).status, 204)
  })

  t.test('and deleting makes room', async t => {
    const server = await start()
    const { id } = await stored(server, '1234567890')
    await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
    t.equal((await stored(server, '1234567890')).status, 204)
  })
})

t.test('quotas are set as in Glance', async t => {
  const read = (text: string) => readConfig(join(t.testdir({ conf: text }), 'conf'))
  for (const [text, bytes] of [
    ['0', -1],
    ['0GB', -1],
    ['100', 100],
    ['100B', 100],
    ['1KB', 1024],
    ['2MB', 2 * 1024 ** 2],
    ['3GB', 3 * 1024 ** 3],
    ['1TB', 1024 ** 4],
  ] as const) {
    t.strictSame(await read(`user_storage_quota = ${text}`), { userStorageQuota: bytes }, text)
  }
  for (const text of ['-1', '1 KB', '1kb', 'KB', '', '1PB', '99999999TB']) {
    const message = /line 1: .*user_storage_quota: expected a number/
    await t.rejects(read(`user_storage_quota = ${text}`), { code: 'usage', message }, text)
  }
  t.strictSame(await read('image_location_quota = 3'), { imageLocationQuota: 3 })
})

t.test('the usage of a project', async t => {
  t.test('is not told while nobody limits it', async t => {
    const server = await startTestServer(t, { auth: 'trusted_headers' })
    t.match(await server.call('GET', '/v2/info/usage', { as: OWNER }), {
      status: 200,
      text: '{"usage":{}}',
    })
    t.equal((await server.call('GET', '/v2/info/usage')).status, 401)
  })

  t.test('is told beside its limits, sizes in whole MiB', async t => {
    await using database = new SimpleDatabase()
    const where = { url: 'memory:one', metadata: {} }
    const size = 5 * 1024 ** 2 - 1
    await database.images.insert(
      record(1, { owner: 'a', status: 'active', size, locations: [where] }),
    )
    await database.images.insert(
      record(2, { owner: 'a', status: 'uploading', size, createdAt: at(1) }),
    )
    const most = {
      image_size_total: 100,
      image_stage_total: 50,
      image_count_total: 10,
      image_count_uploading: 3,
    }
    const projectLimits: ProjectLimits = { find: async () => most }
    t.strictSame(await showUsage({ project: 'a' }, { database, projectLimits }), {
      image_size_total: { usage: 4, limit: 100 },
      image_stage_total: { usage: 4, limit: 50 },
      image_count_total: { usage: 2, limit: 10 },
      image_count_uploading: { usage: 1, limit: 3 },
    })
  })
})

t.test('with use_keystone_limits Keystone says how much a project may have', async t => {
  const MIB = 1024 ** 2
  const start = async (t: Test, registered: Readonly<Record<string, number>>) => {
    const keystone = await startKeystone(t)
    const plenty = { image_size_total: 9, image_stage_total: 9, image_count_total: 9 }
    const all = { ...plenty, image_count_uploading: 9, ...registered }
    for (const [name, most] of Object.entries(all)) keystone.registeredLimits.set(name, most)
    const reported: string[] = []
    const server = await startTestServer(
      t,
      {
        auth: 'trusted_headers',
        userStorageQuota: 1,
        useKeystoneLimits: true,
        limits: {
          endpointId: ENDPOINT_ID,
          authUrl: `${keystone.url}/v3`,
          username: SERVICE_USER.name,
          userDomainId: SERVICE_USER.domain,
          password: SERVICE_USER.password,
          systemScope: 'all',
        },
      },
      error => reported.push(String(error)),
    )
    const usage = async () =>
      (await server.call('GET', '/v2/info/usage', { as: OWNER })).json['usage']
    return { keystone, server, reported, usage }
  }
  const stage = async (server: TestServer, id: string, data: Uint8Array | string) => {
    const headers = { 'content-type': 'application/octet-stream' }
    return server.call('PUT', `/v2/images/${id}/stage`, { as: OWNER, headers, body: data })
  }
  const importStaged = async (server: TestServer, id: string) => {
    const body = { method: { name: 'glance-direct' } }
    return server.call('POST', `/v2/images/${id}/import`, { as: OWNER, body })
  }

  t.test('and the API tells', async t => {
    const { keystone, server, usage } = await start(t, { image_count_total: 3 })
    keystone.limits.set('owner', new Map([['image_size_total', 5]]))
    await server.create()
    t.strictSame(await usage(), {
      image_size_total: { usage: 0, limit: 5 },
      image_stage_total: { usage: 0, limit: 9 },
      image_count_total: { usage: 1, limit: 3 },
      image_count_uploading: { usage: 0, limit: 9 },
    })
    t.match(keystone.asked[0], { scope: { system: { all: true } } })
  })

  t.test('of images, and no more are created', async t => {
    const { keystone, server } = await start(t, { image_count_total: 2 })
    keystone.limits.set('stranger', new Map([['image_count_total', 0]]))
    await server.create()
    await server.create()
    const third = await server.call('POST', '/v2/images', { as: OWNER, body: FORMATS })
    t.equal(third.status, 413)
    const message =
      'Project owner is over a limit for [Resource image_count_total is over limit of 2 due to current usage 2 and delta 1]'
    t.match(third.json, { message: new RegExp(message.replaceAll(/[[\]]/g, String.raw`\$&`)) })
    t.equal((await server.call('POST', '/v2/images', { as: STRANGER, body: FORMATS })).status, 413)
    t.equal((await server.call('POST', '/v2/images', { as: ADMIN, body: FORMATS })).status, 201)
  })

  t.test('of data, and what is over is over only afterwards', async t => {
    const { server } = await start(t, { image_size_total: 1 })
    const [one, two] = [await server.create(), await server.create()]
    t.equal((await server.upload(one, new Uint8Array(2 * MIB))).status, 204)
    t.equal((await server.upload(two, 'x')).status, 413)
    t.match(await server.show(two), { status: 'queued' })
    t.equal((await importStaged(server, two)).status, 413)
  })

  t.test('of uploads at a time', async t => {
    const { server } = await start(t, { image_count_uploading: 0 })
    const id = await server.create()
    t.equal((await server.upload(id, 'x')).status, 413)
    t.equal((await stage(server, id, 'x')).status, 413)
    t.match(await server.show(id), { status: 'queued', size: null })
  })

  t.test('of staged data', async t => {
    const { server } = await start(t, { image_stage_total: 0 })
    const [one, two] = [await server.create(), await server.create()]
    t.equal((await stage(server, one, new Uint8Array(MIB))).status, 204)
    t.equal((await stage(server, two, 'x')).status, 413)
  })

  t.test('and an import that would be too much fails', async t => {
    const { server } = await start(t, { image_size_total: 0 })
    const id = await server.create()
    t.equal((await stage(server, id, new Uint8Array(MIB))).status, 204)
    t.equal((await importStaged(server, id)).status, 202)
    await untilStatus(server, id, 'queued')
    const { json } = await server.call('GET', `/v2/images/${id}/tasks`, { as: OWNER })
    const message = /over a limit for .Resource image_size_total is over limit of 0 .* delta 1/
    t.match(json, { tasks: [{ status: 'failure', message }] })
  })

  t.test('of what there is no limit there may be nothing', async t => {
    const { keystone, server } = await start(t, {})
    keystone.registeredLimits.delete('image_count_total')
    t.equal((await server.call('POST', '/v2/images', { as: OWNER, body: FORMATS })).status, 413)
  })

  t.test('and while it does not, nothing is taken', async t => {
    const { keystone, server, reported } = await start(t, {})
    keystone.failure = 401
    const refused = await server.call('POST', '/v2/images', { as: OWNER, body: FORMATS })
    t.equal(refused.status, 503)
    t.match(refused.json, { message: /^The limits of the project cannot be looked up now\./ })
    t.match(
      reported[0],
      /limits cannot be looked up: \[oslo_limit\]: .* refuses the password of user 'glance'/,
    )
    t.equal((await server.call('GET', '/v2/images', { as: OWNER })).status, 200)
  })

  t.test('as the configuration has it', async t => {
    const text = `use_keystone_limits = true
[oslo_limit]
auth_url = http://k.example/identity
auth_type = password
user_id = u
password = pw
system_scope = all
endpoint_id = e
region_name = One
`
    t.strictSame(await readConfig(join(t.testdir({ conf: text }), 'conf')), {
      useKeystoneLimits: true,
      limits: {
        authUrl: 'http://k.example/identity',
        authType: 'password',
        userId: 'u',
        password: 'pw',
        systemScope: 'all',
        endpointId: 'e',
        regionName: 'One',
      },
    })
    const started = startTestServer(t, { useKeystoneLimits: true })
    await t.rejects(started, { code: 'usage', message: '[oslo_limit] endpoint_id has to be set' })
  })
})
