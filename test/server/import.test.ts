import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { IMPORT_METHODS } from '../../lib/image/import.ts'
import type { ServerConfig } from '../../lib/server/config.ts'
import { DEFAULT_IMPORTS, type ImportSettings } from '../../lib/server/import-settings.ts'
import { filesIn, serveFiles } from '../support/files.ts'
import {
  ADMIN,
  type Caller,
  OWNER,
  startTestServer,
  STRANGER,
  type TestServer,
  user,
} from '../support/server.ts'
import { lhaOf } from '../support/lha.ts'
import { zipOf } from '../support/zip.ts'
import { soon } from '../support/soon.ts'

const FILTER = { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] }
const IMPORTS: ImportSettings = { ...DEFAULT_IMPORTS, filter: FILTER, methods: IMPORT_METHODS }
const SEVERAL = {
  auth: 'trusted_headers',
  imports: IMPORTS,
  enabledBackends: [
    { id: 'one', type: 'memory' },
    { id: 'two', type: 'memory' },
    { id: 'web', type: 'http' },
  ],
  defaultBackend: 'one',
} as const

const importing = (
  server: TestServer,
  id: string,
  method: string | object,
  rest: object = {},
  as: Caller = OWNER,
  headers: Readonly<Record<string, string>> = {},
) => {
  const named = typeof method === 'string' ? { name: method } : method
  const body = { method: named, ...rest }
  return server.call('POST', `/v2/images/${id}/import`, { as, headers, body })
}

const stage = (server: TestServer, id: string, body: string | Uint8Array, as = OWNER) =>
  server.call('PUT', `/v2/images/${id}/stage`, {
    as,
    headers: { 'content-type': 'application/octet-stream' },
    body,
  })

async function tasksOf(server: TestServer, id: string, as = OWNER) {
  const { json } = await server.call('GET', `/v2/images/${id}/tasks`, { as })
  return json['tasks'] as Readonly<Record<string, unknown>>[]
}

/** Asks until no task is at work on the image. */
async function settled(server: TestServer, id: string, as = OWNER) {
  for (;;) {
    const tasks = await tasksOf(server, id, as)
    if (tasks.every(({ status }) => status === 'success' || status === 'failure')) {
      return { image: await server.show(id, as), tasks }
    }
    await soon()
  }
}

const download = async (server: TestServer, id: string, as = OWNER) =>
  (await server.call('GET', `/v2/images/${id}/file`, { as })).text

const LISTS = { os_glance_importing_to_stores: '', os_glance_failed_import: '' }

t.test('staging', async t => {
  const server = await startTestServer(t, SEVERAL)

  t.test('keeps data that is not the image’s yet', async t => {
    const id = await server.create()
    const { status, text } = await stage(server, id, 'some data')
    t.same([status, text], [204, ''])
    t.match(await server.show(id), { status: 'uploading', size: 9, checksum: null })
    t.equal((await server.call('GET', `/v2/images/${id}/file`, { as: OWNER })).status, 204)
  })

  t.test('needs no formats', async t => {
    t.equal((await stage(server, await server.create({}), 'data')).status, 204)
  })

  t.test('needs an image that is queued', async t => {
    const id = await server.create()
    await stage(server, id, 'data')
    t.equal((await stage(server, id, 'again')).status, 409)
    t.equal((await server.upload(id, 'data')).status, 409)
  })

  t.test('is refused in another media type, and to those who may not change the image', async t => {
    const id = await server.create()
    const headers = { 'content-type': 'text/plain' }
    const typed = await server.call('PUT', `/v2/images/${id}/stage`, {
      as: OWNER,
      headers,
      body: '',
    })
    t.equal(typed.status, 415)
    t.equal((await stage(server, id, 'data', STRANGER)).status, 404)
    t.equal((await stage(server, randomUUID(), 'data')).status, 404)
  })

  t.test('of more than the cap is 413, and the image is queued', async t => {
    const server = await startTestServer(t, { ...SEVERAL, imageSizeCap: 3 })
    const id = await server.create()
    t.equal((await stage(server, id, 'data')).status, 413)
    t.match(await server.show(id), { status: 'queued', size: null })
    t.equal((await stage(server, id, 'abc')).status, 204, 'and can be staged again')
  })

  t.test('of more than the project may store is 413, and the image is queued', async t => {
    const server = await startTestServer(t, { ...SEVERAL, userStorageQuota: 3 })
    const id = await server.create()
    t.equal((await stage(server, id, 'data')).status, 413)
    t.match(await server.show(id), { status: 'queued', size: null })
    t.equal((await stage(server, id, 'abc')).status, 204)
  })

  t.test('of an image that is deleted leaves nothing', async t => {
    const stagingDir = t.testdir()
    const server = await startTestServer(t, { ...SEVERAL, stagingDir })
    const id = await server.create()
    await stage(server, id, 'data')
    t.same(filesIn(stagingDir), [id])
    t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
    t.same(filesIn(stagingDir), [])
  })

  t.test('is not there without glance-direct', async t => {
    const imports: ImportSettings = { ...IMPORTS, methods: ['web-download'] }
    const server = await startTestServer(t, { ...SEVERAL, imports })
    t.equal((await stage(server, await server.create(), 'data')).status, 404)
  })
})

t.test('importing', async t => {
  const base = await serveFiles(t, { '/image': 'some data' })
  const stagingDir = t.testdir()
  const server = await startTestServer(t, { ...SEVERAL, stagingDir })

  t.test('tells which methods there are', async t => {
    const { json } = await server.call('GET', '/v2/info/import', { as: OWNER })
    t.match(json['import-methods'], { type: 'array', value: IMPORT_METHODS })
    const created = await server.call('POST', '/v2/images', { as: OWNER, body: {} })
    t.equal(created.headers.get('openstack-image-import-methods'), IMPORT_METHODS.join())
  })

  t.test('what was staged makes the image active', async t => {
    const id = await server.create()
    await stage(server, id, 'some data')
    const { status, text, headers } = await importing(server, id, 'glance-direct')
    t.same([status, text], [202, ''])
    const { image, tasks } = await settled(server, id)
    t.match(image, { status: 'active', size: 9, stores: 'one', ...LISTS })
    t.notOk('os_glance_import_task' in image)
    t.ok(image['checksum'])
    t.equal(await download(server, id), 'some data')
    t.same(filesIn(stagingDir), [])
    t.match(tasks, [
      {
        type: 'api_image_import',
        status: 'success',
        owner: 'owner',
        user_id: 'user of owner',
        image_id: id,
        request_id: headers.get('x-openstack-request-id'),
        input: {
          image_id: id,
          import_req: { method: { name: 'glance-direct' } },
          backend: ['one'],
        },
        result: { image_id: id },
        deleted: false,
        created_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000$/,
      },
    ])
    t.same(await tasksOf(server, id, ADMIN), tasks)
  })

  t.test('what is at a URL makes the image active', async t => {
    const id = await server.create()
    const method = { name: 'web-download', uri: `${base}/image` }
    t.equal((await importing(server, id, method)).status, 202)
    const { image } = await settled(server, id)
    t.match(image, { status: 'active', size: 9, stores: 'one' })
    t.equal(await download(server, id), 'some data')
    t.same(filesIn(stagingDir), [])
  })

  for (const [title, rest, headers, stores] of [
    ['the stores that are asked for', { stores: ['two', 'one'] }, {}, 'two,one'],
    ['the store that the header names', {}, { 'x-image-meta-store': 'two' }, 'two'],
    ['all stores that can be written to', { all_stores: true }, {}, 'one,two'],
    ['as many as will', { all_stores: true, all_stores_must_succeed: false }, {}, 'one,two'],
  ] as const) {
    t.test(`puts the data into ${title}`, async t => {
      const id = await server.create()
      await stage(server, id, 'some data')
      await importing(server, id, 'glance-direct', rest, OWNER, headers)
      const { image } = await settled(server, id)
      t.match(image, { status: 'active', stores, ...LISTS })
    })
  }

  t.test('copies an active image into more stores, for an administrator', async t => {
    const id = await server.create()
    await server.upload(id, 'some data')
    t.equal((await importing(server, id, 'copy-image', { stores: ['two'] })).status, 403)
    const { status } = await importing(server, id, 'copy-image', { stores: ['two'] }, ADMIN)
    t.equal(status, 202)
    const { image } = await settled(server, id, ADMIN)
    t.match(image, { status: 'active', stores: 'one,two', ...LISTS })
    const removed = await server.call('DELETE', `/v2/stores/one/${id}`, { as: ADMIN })
    t.equal(removed.status, 204)
    t.equal((await server.show(id))['stores'], 'two')
    t.equal(await download(server, id), 'some data')
    t.same(await tasksOf(server, id), [], 'it is not the owner who did it')

    const again = await importing(server, id, 'copy-image', { stores: ['two'] }, ADMIN)
    t.equal(again.status, 400, 'it is there')
    await importing(server, id, 'copy-image', { all_stores: true }, ADMIN)
    await settled(server, id, ADMIN)
    t.equal((await server.show(id))['stores'], 'two,one')
    const nothing = await importing(server, id, 'copy-image', { all_stores: true }, ADMIN)
    t.equal(nothing.status, 202, 'there is nothing left to do')
    t.equal((await tasksOf(server, id, ADMIN)).length, 2)
  })

  const url = (uri: unknown) => ({ name: 'web-download', uri })
  const remote = (rest: object) => ({ name: 'glance-download', ...rest })
  for (const [title, status, method, rest, headers] of [
    ['without a method', 400, undefined, { method: null }],
    ['without the name of a method', 400, {}],
    ['by a method that there is not', 400, 'by-mail'],
    [
      'into as many stores as maybe will',
      400,
      url(`${base}/image`),
      { all_stores_must_succeed: 1 },
    ],
    ['into all stores, perhaps', 400, url(`${base}/image`), { all_stores: 'yes' }],
    ['into all stores and one', 400, url(`${base}/image`), { all_stores: true, stores: ['one'] }],
    [
      'into one store and another',
      400,
      url(`${base}/image`),
      { stores: ['one'] },
      { 'x-image-meta-store': 'two' },
    ],
    ['into stores that are none', 400, url(`${base}/image`), { stores: 'one' }],
    ['into a store that there is not', 409, url(`${base}/image`), { stores: ['three'] }],
    ['what was not staged', 409, 'glance-direct'],
    ['a copy of a queued image', 409, 'copy-image'],
    ['from no URL', 400, { name: 'web-download' }],
    ['from a file', 400, url('file:///etc/passwd')],
    ['from this machine', 400, url('http://localhost/')],
    ['from a private network', 400, url('http://10.0.0.1/')],
    ['from no region', 400, remote({ glance_image_id: randomUUID() })],
    ['from a region, but no image', 400, remote({ glance_region: 'r' })],
    ['from a region, but no image’s id', 400, remote({ glance_region: 'r', glance_image_id: 'x' })],
  ] as const) {
    t.test(`is refused ${title}: ${status}`, async t => {
      const id = await server.create()
      const answer = await importing(server, id, method ?? {}, rest, ADMIN, headers)
      t.equal(answer.status, status, answer.text)
      t.match(await server.show(id), { status: 'queued' })
      t.same(await tasksOf(server, id), [])
    })
  }

  t.test('is refused to strangers, without formats, and for an active image', async t => {
    const method = url(`${base}/image`)
    const id = await server.create()
    t.equal((await importing(server, id, method, {}, STRANGER)).status, 404)
    t.equal((await importing(server, await server.create({}), method)).status, 409)
    const shown = await server.create({
      visibility: 'community',
      disk_format: 'raw',
      container_format: 'bare',
    })
    t.equal((await importing(server, shown, method, {}, STRANGER)).status, 403)
    await server.upload(id, 'data')
    t.equal((await importing(server, id, method)).status, 409)
    t.equal((await server.call('GET', `/v2/images/${id}/tasks`, { as: STRANGER })).status, 404)
  })

  t.test('is for those whom the policy lets change the image, or copy it', async t => {
    const rules = 'modify_image: role:changer\ncopy_image: role:copier\n'
    const policyFile = join(t.testdir({ 'policy.yaml': rules }), 'policy.yaml')
    const server = await startTestServer(t, { ...SEVERAL, policyFile })
    const id = await server.create()
    const method = url(`${base}/image`)
    t.equal((await importing(server, id, method)).status, 403)
    t.equal((await importing(server, id, method, {}, user('owner', 'changer'))).status, 202)
    await settled(server, id)
    const copy = { stores: ['two'] }
    t.equal((await importing(server, id, 'copy-image', copy, ADMIN)).status, 403)
    const { status } = await importing(server, id, 'copy-image', copy, user('owner', 'copier'))
    t.equal(status, 202)
    t.match((await settled(server, id)).image, { stores: 'one,two' })
  })

  t.test('looks into the data, as an upload does', async t => {
    const qcow2 = gunzipSync(readFileSync('fixtures/formats/qcow2-v3.gz'))
    const id = await server.create({ disk_format: 'qcow2', container_format: 'bare' })
    await stage(server, id, qcow2)
    await importing(server, id, 'glance-direct', { all_stores: true })
    t.match((await settled(server, id)).image, { status: 'active', virtual_size: 1024 ** 2 })
    const other = await server.create({ disk_format: 'vmdk', container_format: 'bare' })
    await stage(server, other, qcow2)
    await importing(server, other, 'glance-direct')
    const { image, tasks } = await settled(server, other)
    t.match(image, { status: 'queued', size: null, virtual_size: null, stores: undefined })
    t.match(tasks, [{ status: 'failure', message: /vmdk does not match stream data qcow2/ }])
  })

  t.test('fails when there is more than the project may store', async t => {
    const server = await startTestServer(t, { ...SEVERAL, userStorageQuota: 12 })
    const first = await server.create()
    await importing(server, first, url(`${base}/image`))
    t.match((await settled(server, first)).image, { status: 'active' })
    const second = await server.create()
    await importing(server, second, url(`${base}/image`))
    const { image, tasks } = await settled(server, second)
    t.match(image, { status: 'queued', size: null, stores: undefined })
    t.match(tasks, [{ status: 'failure', message: /exceeds the storage quota/ }])
  })

  t.test('what is not there leaves the image queued, and says which stores lack it', async t => {
    const id = await server.create()
    await importing(server, id, url(`${base}/absent`), { all_stores: true })
    const { image, tasks } = await settled(server, id)
    t.match(image, {
      status: 'queued',
      size: null,
      os_glance_importing_to_stores: '',
      os_glance_failed_import: 'one,two',
    })
    t.notOk('os_glance_import_task' in image)
    t.match(tasks, [{ status: 'failure', message: /404/, result: null }])
    t.same(filesIn(stagingDir), [])
    await importing(server, id, url(`${base}/image`), { all_stores: true })
    const again = await settled(server, id)
    t.match(again.image, { status: 'active', stores: 'one,two', ...LISTS })
  })
})

t.test('several stores at once', async t => {
  const server = await startTestServer(t, {
    ...SEVERAL,
    imports: { ...IMPORTS, maxParallelStores: 2 },
    enabledBackends: ['a', 'b', 'c', 'd'].map(id => ({ id, type: 'memory' })),
    defaultBackend: 'a',
  })
  const large = 'some data'.repeat(100_000)
  for (const mustSucceed of [true, false]) {
    t.test(mustSucceed ? 'all have the data' : 'as many have it as will', async t => {
      const id = await server.create()
      await stage(server, id, large)
      const rest = { all_stores: true, all_stores_must_succeed: mustSucceed }
      await importing(server, id, 'glance-direct', rest)
      const { image, tasks } = await settled(server, id)
      t.match(image, { status: 'active', size: large.length, ...LISTS })
      t.strictSame(String(image['stores']).split(',').toSorted(), ['a', 'b', 'c', 'd'])
      t.match(tasks, [{ status: 'success' }])
      t.ok((await download(server, id)) === large)
    })
  }
})

for (const maxParallelStores of [1, 3]) {
  t.test(`when one of several stores fails, ${maxParallelStores} at once`, async t => {
    const broken = (t: Test) => {
      const folder = join(t.testdir({ two: {} }), 'two')
      return {
        settings: {
          ...SEVERAL,
          imports: { ...IMPORTS, maxParallelStores },
          enabledBackends: [
            { id: 'one', type: 'memory' },
            { id: 'two', type: 'file', datadir: folder },
          ],
        } satisfies Partial<ServerConfig>,
        /** Puts something in the way of the image's data. */
        breakFor: (id: string) => writeFileSync(join(folder, id), 'in the way'),
      }
    }

    t.test('nothing of it is left when all must succeed', async t => {
      const { settings, breakFor } = broken(t)
      const server = await startTestServer(t, settings)
      const id = await server.create()
      await stage(server, id, 'data')
      breakFor(id)
      await importing(server, id, 'glance-direct', { all_stores: true })
      const { image, tasks } = await settled(server, id)
      t.match(image, {
        status: 'queued',
        size: null,
        checksum: null,
        stores: undefined,
        os_glance_importing_to_stores: '',
        os_glance_failed_import: 'two',
      })
      t.match(tasks, [{ status: 'failure', message: /store two/ }])
      await stage(server, id, 'data')
      await importing(server, id, 'glance-direct', { stores: ['one'] })
      t.match((await settled(server, id)).image, { status: 'active', stores: 'one' })
    })

    t.test('the others have it when that is enough', async t => {
      const { settings, breakFor } = broken(t)
      const server = await startTestServer(t, settings)
      const id = await server.create()
      await stage(server, id, 'data')
      breakFor(id)
      const rest = { stores: ['two', 'one'], all_stores_must_succeed: false }
      await importing(server, id, 'glance-direct', rest)
      const { image, tasks } = await settled(server, id)
      t.match(image, { status: 'active', stores: 'one', os_glance_failed_import: 'two' })
      t.match(tasks, [{ status: 'success' }])
    })

    t.test('the image is queued when none has it', async t => {
      const { settings, breakFor } = broken(t)
      const server = await startTestServer(t, settings)
      const id = await server.create()
      await stage(server, id, 'data')
      breakFor(id)
      const rest = { stores: ['two'], all_stores_must_succeed: false }
      await importing(server, id, 'glance-direct', rest)
      const { image, tasks } = await settled(server, id)
      t.match(image, { status: 'queued', size: null, os_glance_failed_import: 'two' })
      t.match(tasks, [{ status: 'failure', message: /none of the uploads finished/ }])
    })

    t.test('a copy that fails leaves the image as it was', async t => {
      const { settings, breakFor } = broken(t)
      const server = await startTestServer(t, settings)
      const id = await server.create()
      await server.upload(id, 'data')
      breakFor(id)
      await importing(server, id, 'copy-image', { stores: ['two'] }, ADMIN)
      const { image } = await settled(server, id, ADMIN)
      t.match(image, { status: 'active', size: 4, stores: 'one', os_glance_failed_import: 'two' })
      t.equal(await download(server, id), 'data')
    })
  })
}

t.test('an image is one task’s at a time', async t => {
  const dataDir = t.testdir()
  const settings = {
    ...SEVERAL,
    dataApi: 'sqlite',
    dataDir,
    enabledBackends: [
      { id: 'one', type: 'file', datadir: join(dataDir, 'one') },
      { id: 'two', type: 'file', datadir: join(dataDir, 'two') },
    ],
  } as const
  const connection = `sqlite:///${join(dataDir, 'glance.sqlite')}`
  const database = () => openDatabase({ dataApi: 'sqlite', connection })
  const task = (id: string, imageId: string, age: number) => {
    const time = new Date(Date.now() - age)
    return {
      id,
      type: 'api_image_import',
      status: 'processing',
      owner: 'owner',
      imageId,
      requestId: null,
      userId: null,
      input: { backend: ['two'] },
      result: null,
      message: '',
      createdAt: time,
      updatedAt: time,
      expiresAt: null,
    } as const
  }
  const HOUR = 3_600_000

  for (const [title, age, status] of [
    ['another is refused while it is at work', HOUR / 2, 409],
    ['another has it when it has said nothing for an hour', 2 * HOUR, 202],
  ] as const) {
    t.test(title, async t => {
      const server = await startTestServer(t, settings)
      const id = await server.create()
      await stage(server, id, 'data')
      const taskId = randomUUID()
      {
        await using rows = await database()
        await rows.tasks.insert(task(taskId, id, age))
        const properties = new Map([
          ['os_glance_import_task', taskId],
          ['os_glance_importing_to_stores', 'two'],
        ])
        await rows.images.update(id, { properties, updatedAt: new Date() }, ['uploading'])
      }
      t.equal((await importing(server, id, 'glance-direct')).status, status)
      if (status === 409) return
      await (async () => {
        while ((await server.show(id))['status'] !== 'active') await soon()
      })()
      t.match(await server.show(id), { status: 'active', os_glance_importing_to_stores: '' })
      const tasks = await tasksOf(server, id)
      t.match(tasks[0], { status: 'failure', message: 'Expired lock preempted' })
    })
  }

  t.test('and waits for its data again when the service was killed meanwhile', async t => {
    const before = await startTestServer(t, settings)
    const [cutOff, copied, halfStaged, staged] = [
      await before.create(),
      await before.create(),
      await before.create(),
      await before.create(),
    ]
    await before.upload(copied, 'data')
    await stage(before, staged, 'staged data')
    await before[Symbol.asyncDispose]()
    {
      await using rows = await database()
      for (const [id, from, status] of [
        [cutOff, 'queued', 'importing'],
        [copied, 'active', 'active'],
      ] as const) {
        const taskId = randomUUID()
        await rows.tasks.insert(task(taskId, id, 0))
        const properties = new Map([
          ['os_glance_import_task', taskId],
          ['os_glance_importing_to_stores', 'two'],
        ])
        await rows.images.update(id, { status, properties, updatedAt: new Date() }, [from])
        writeFileSync(join(dataDir, 'two', id), 'stored, but the database was not told')
        writeFileSync(join(dataDir, 'staging', id), 'staged')
      }
      const change = { status: 'uploading', updatedAt: new Date() } as const
      await rows.images.update(halfStaged, change, ['queued'])
    }
    const after = await startTestServer(t, settings)
    t.match(await after.show(cutOff), { status: 'queued', os_glance_importing_to_stores: '' })
    t.match(await after.show(copied), { status: 'active', stores: 'one' })
    t.match(await after.show(halfStaged), { status: 'queued' })
    t.notOk('os_glance_import_task' in (await after.show(copied)))
    t.match(await tasksOf(after, cutOff), [{ status: 'failure', message: /stopped/ }])
    t.notOk(readdirSync(join(dataDir, 'two')).includes(cutOff))
    t.notOk(readdirSync(join(dataDir, 'two')).includes(copied))
    t.ok(readdirSync(join(dataDir, 'staging')).includes(staged), 'what was staged whole stays')
    await importing(after, staged, 'glance-direct')
    t.match((await settled(after, staged)).image, { status: 'active', size: 11 })
  })
})

t.test('a service that stops lets imports finish', async t => {
  const dataDir = t.testdir()
  const settings = { dataApi: 'sqlite', store: 'file', dataDir, imports: IMPORTS } as const
  const server = await startTestServer(t, settings)
  const id = await server.create()
  await stage(server, id, 'data')
  await importing(server, id, 'glance-direct')
  await server[Symbol.asyncDispose]()
  t.equal(readFileSync(join(dataDir, 'images', id), 'utf8'), 'data')
  const again = await startTestServer(t, settings)
  t.match(await again.show(id), { status: 'active', size: 4 })
})

t.test('plugins', async t => {
  const folder = t.testdir()
  const servers = new Map<string, Promise<TestServer>>()
  /** One for each setting. */
  const serverWith = (imports: Partial<ImportSettings>, stagingDir: string) => {
    const settings = { ...SEVERAL, stagingDir, imports: { ...IMPORTS, ...imports } }
    const server = servers.get(stagingDir) ?? startTestServer(t, settings)
    servers.set(stagingDir, server)
    return server
  }
  const run = async (
    t: Test,
    imports: Partial<ImportSettings>,
    data: Uint8Array | string,
    image = { disk_format: 'raw', container_format: 'bare' },
    as = OWNER,
  ) => {
    const stagingDir = join(folder, String(imports.plugins))
    const server = await serverWith(imports, stagingDir)
    const id = await server.create(image, as)
    await stage(server, id, data, as)
    await importing(server, id, 'glance-direct', {}, as)
    const found = await settled(server, id, as)
    t.same(filesIn(stagingDir), [], 'nothing is left where it was staged')
    return { ...found, data: () => download(server, id, as) }
  }

  t.test('no_op does nothing', async t => {
    const { image } = await run(t, { plugins: ['no_op'] }, 'data')
    t.match(image, { status: 'active', size: 4 })
  })

  const inject = { properties: new Map([['origin', 'here']]), ignoredRoles: ['exempt'] }
  t.test('inject_image_metadata gives the image properties', async t => {
    const { image } = await run(t, { plugins: ['inject_image_metadata'], inject }, 'data')
    t.match(image, { status: 'active', origin: 'here' })
  })

  t.test('inject_image_metadata passes over those who are exempt', async t => {
    const plugins = ['inject_image_metadata'] as const
    const { image } = await run(t, { plugins, inject }, 'data', undefined, user('o', 'exempt'))
    t.notOk('origin' in image)
  })

  t.test('image_decompression unpacks what is compressed', async t => {
    const plugins = ['image_decompression'] as const
    const { image, data } = await run(t, { plugins }, gzipSync('some data'))
    t.match(image, { status: 'active', size: 9 })
    t.equal(await data(), 'some data')
  })

  for (const [title, options] of [
    ['deflated', {}],
    ['only stored', { method: 0 }],
    ['of zip64', { zip64: true }],
    ['with a comment', { comment: 'PK\u0005\u0006 and more' }],
  ] as const) {
    t.test(`image_decompression unpacks the file in a zip archive, ${title}`, async t => {
      const plugins = ['image_decompression'] as const
      const large = 'some data'.repeat(100_000)
      const { image, data } = await run(t, { plugins }, zipOf(large, options))
      t.match(image, { status: 'active', size: large.length })
      t.ok((await data()) === large)
      const { image: empty } = await run(t, { plugins }, zipOf('', options))
      t.match(empty, { status: 'active', size: 0 })
    })
  }

  t.test('image_decompression leaves alone what is not, or is to be so', async t => {
    const plugins = ['image_decompression'] as const
    t.match((await run(t, { plugins }, 'some data')).image, { status: 'active', size: 9 })
    t.match((await run(t, { plugins }, '')).image, { status: 'active', size: 0 })
    const compressed = { disk_format: 'raw', container_format: 'compressed' }
    const packed = gzipSync('some data')
    const { image } = await run(t, { plugins }, packed, compressed)
    t.match(image, { status: 'active', size: packed.length })
  })

  for (const [title, data, message] of [
    ['damaged data', gzipSync('some data').subarray(0, 15), /damaged/],
    ['no lha archive', Buffer.from('..-lh5- and so on and on', 'latin1'), /damaged|level/],
    ['an lha archive cut short', lhaOf('some data').subarray(0, 35), /file is cut short/],
    ['an lha archive of several files', Buffer.concat([lhaOf('a'), lhaOf('b')]), /several files/],
    ['a folder in an lha archive', lhaOf('', { method: '-lhd-' }), /holds a folder/],
    ['no zip archive', Buffer.from('PK\u0003\u0004 and so on', 'latin1'), /damaged: it has no end/],
    ['a zip archive of several files', zipOf('x', { files: 2 }), /holds 2 files, and has to/],
    ['an empty zip archive', zipOf('x', { files: 0 }), /holds no file/],
    ['a folder', zipOf('', { name: 'folder/' }), /holds a folder/],
    ['an encrypted zip archive', zipOf('x', { flags: 1 }), /is encrypted/],
    ['another compression', zipOf('x', { method: 12 }), /by method 12, not by deflate/],
    ['a zip archive cut short', zipOf('some data').subarray(0, 60), /has no end/],
    ['a zip64 archive without its end', zipOf('x', { files: 0xffff }), /zip64 end is missing/],
    ['two names for a file', zipOf('x', { localName: 'disk.xxx' }), /not what its directory says/],
    ['another size', zipOf('some data', { size: 8 }), /not the 8 bytes/],
    ['too much of a size', zipOf('some data', { size: 10 }), /not the 10 bytes/],
    ['sizes that differ', zipOf('some data', { method: 0, size: 8 }), /its sizes differ/],
    ['another sum', zipOf('some data', { crc: 1 }), /its CRC-32 is another/],
    [
      'no deflated data',
      zipOf('some data', { packed: Buffer.from('some data') }),
      /zip data is damaged/,
    ],
    [
      'data after its end',
      zipOf('x', { packed: Buffer.concat([deflateRawSync('x'), Buffer.from('y')]) }),
      /more after its end/,
    ],
  ] as const) {
    t.test(`image_decompression fails on ${title}`, async t => {
      const { image, tasks } = await run(t, { plugins: ['image_decompression'] }, data)
      t.match(image, { status: 'queued', size: null })
      t.match(tasks, [{ status: 'failure', message }])
    })
  }

  t.test('image_decompression of lha without the program fails', async t => {
    const plugins = ['image_decompression'] as const
    const path = process.env['PATH']
    process.env['PATH'] = t.testdir()
    t.teardown(() => (process.env['PATH'] = path))
    const { image, tasks } = await run(t, { plugins }, lhaOf('some data'))
    t.match(image, { status: 'queued', size: null })
    t.match(tasks, [{ status: 'failure', message: 'Error: lha is not installed' }])
  })
})

t.test('an image of another region', async t => {
  const remoteId = randomUUID()
  const path = `/v2/images/${remoteId}`
  const document = {
    status: 'active',
    size: 9,
    disk_format: 'qcow2',
    container_format: 'ovf',
    hw_disk_bus: 'scsi',
    os_type: 'linux',
    os_glance_secret: 'no',
    colour: 'red',
  }
  const regions = async (t: Test, files: Readonly<Record<string, string>>) => {
    const publicURL = await serveFiles(t, files)
    return JSON.stringify([
      { type: 'identity', endpoints: [{ region: 'North', publicURL: 'http://keystone/' }] },
      { type: 'image', endpoints: [{ region: 'North', publicURL }] },
    ])
  }
  const run = async (
    t: Test,
    files: Readonly<Record<string, string>>,
    region: string,
    known = true,
  ) => {
    const server = await startTestServer(t, SEVERAL)
    const id = await server.create()
    const headers = {
      'x-auth-token': 'token',
      ...(known && { 'x-service-catalog': await regions(t, files) }),
    }
    const method = { name: 'glance-download', glance_region: region, glance_image_id: remoteId }
    t.equal((await importing(server, id, method, {}, OWNER, headers)).status, 202)
    return { ...(await settled(server, id)), data: () => download(server, id) }
  }

  t.test('is downloaded with its formats and some properties', async t => {
    const files = { [path]: JSON.stringify(document), [`${path}/file`]: 'some data' }
    const { image, data } = await run(t, files, 'north')
    t.match(image, {
      status: 'active',
      size: 9,
      disk_format: 'qcow2',
      container_format: 'ovf',
      hw_disk_bus: 'scsi',
      os_type: 'linux',
    })
    t.notOk('colour' in image)
    t.notOk('os_glance_secret' in image)
    t.equal(await data(), 'some data')
  })

  for (const [title, remote, file, region, known, message] of [
    ['that is not active', { ...document, status: 'queued' }, 'some data', 'North', true, /active/],
    ['whose data is short', document, 'short', 'North', true, /5/],
    ['that is not there', null, 'some data', 'North', true, /404/],
    ['of a region that is not known', document, 'some data', 'South', true, /South/],
    ['is not found without a catalog', document, 'some data', 'North', false, /North/],
  ] as const) {
    t.test(`${title} fails, and the image is as it was`, async t => {
      const files = {
        ...(remote !== null && { [path]: JSON.stringify(remote) }),
        [`${path}/file`]: file,
      }
      const { image, tasks } = await run(t, files, region, known)
      t.match(image, { status: 'queued', disk_format: 'raw', container_format: 'bare' })
      t.notOk('hw_disk_bus' in image)
      t.match(tasks, [{ status: 'failure', message }])
    })
  }
})

t.test('with one store', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers', imports: IMPORTS })

  t.test('data is imported, and no store is named', async t => {
    const id = await server.create()
    await stage(server, id, 'data')
    t.equal((await importing(server, id, 'glance-direct', { all_stores: true })).status, 202)
    const { image, tasks } = await settled(server, id)
    t.match(image, { status: 'active', size: 4, ...LISTS })
    t.notOk('stores' in image)
    t.match(tasks, [{ input: { backend: [null] } }])
  })

  t.test('stores are neither copied to nor allowed to fail', async t => {
    const id = await server.create()
    await stage(server, id, 'data')
    const rest = { all_stores_must_succeed: false }
    t.equal((await importing(server, id, 'glance-direct', rest)).status, 400)
    await importing(server, id, 'glance-direct')
    await settled(server, id)
    t.equal((await importing(server, id, 'copy-image', {}, ADMIN)).status, 400)
  })
})

t.test('tasks', async t => {
  const base = await serveFiles(t, { '/image': 'some data' })
  const server = await startTestServer(t, SEVERAL)
  const input = (rest: object = {}) => ({
    import_from: `${base}/image`,
    import_from_format: 'raw',
    image_properties: { name: 'imported', disk_format: 'raw', container_format: 'bare' },
    ...rest,
  })
  const post = (body: object, as = ADMIN) => server.call('POST', '/v2/tasks', { as, body })
  const get = (path: string, as = ADMIN) => server.call('GET', `/v2/tasks${path}`, { as })
  const ended = async (id: string) => {
    for (;;) {
      const { json } = await get(`/${id}`)
      if (json['status'] === 'success' || json['status'] === 'failure') return json
      await soon()
    }
  }

  t.test('import images, the old way', async t => {
    const { status, headers, json } = await post({ type: 'import', input: input() })
    t.equal(status, 201)
    const id = String(json['id'])
    t.equal(headers.get('location'), `${server.url}/v2/tasks/${id}`)
    t.match(json, {
      type: 'import',
      status: 'pending',
      owner: 'operators',
      input: input(),
      result: null,
      message: '',
      self: `/v2/tasks/${id}`,
      schema: '/v2/schemas/task',
      expires_at: undefined,
    })
    const { status: end, result, expires_at: expires } = await ended(id)
    t.equal(end, 'success')
    t.ok(expires)
    const { image_id: imageId } = result as { image_id: string }
    t.match(await server.show(imageId, ADMIN), { name: 'imported', status: 'active', size: 9 })
  })

  for (const [title, rest, message] of [
    ['what is not there', { import_from: `${base}/absent` }, /404/],
    ['without a format', { import_from_format: undefined }, /import_from_format/],
    ['into an image that cannot be', { image_properties: { min_disk: 'x' } }, /min_disk/],
  ] as const) {
    t.test(`fail when they are to import ${title}`, async t => {
      const { json } = await post({ type: 'import', input: input(rest) })
      t.match(await ended(String(json['id'])), { status: 'failure', message, result: null })
      const unfinished = '/v2/images?status=in:queued,importing'
      while (((await server.call('GET', unfinished, { as: ADMIN })).json['images'] as []).length) {
        await soon() // The task has ended, and the image is about to go.
      }
    })
  }

  t.test('of the types that the service makes itself change no image', async t => {
    const id = await server.create(undefined, ADMIN)
    const before = await server.show(id, ADMIN)
    const location = { image_id: id, loc_url: `${base}/image`, validation_data: {} }
    const importing = { image_id: id, import_req: { method: { name: 'web-download' } } }
    const absent = randomUUID()
    for (const [type, input, message] of [
      ['api_image_import', {}, 'Input to api_image_import task is empty.'],
      ['api_image_import', { import_req: {} }, "Missing required 'image_id' field"],
      ['api_image_import', { image_id: id }, "Input does not contain 'import_req' field"],
      ['api_image_import', { ...importing, image_id: absent }, `no image found with ID ${absent}`],
      ['api_image_import', { ...importing, image_id: 5 }, 'no image found with ID 5'],
      [
        'api_image_import',
        importing,
        `Task was aborted externally: use POST /v2/images/${id}/import`,
      ],
      ['location_import', {}, 'Input to location_import task is empty.'],
      ['location_import', { loc_url: 'x' }, "Input does not contain 'image_id' field"],
      ['location_import', { image_id: id }, "Input does not contain 'loc_url' field"],
      [
        'location_import',
        location,
        `Task was aborted externally: use POST /v2/images/${id}/locations`,
      ],
    ] as const) {
      const { status, json } = await post({ type, input })
      t.equal(status, 201, type)
      t.match(json, { type, status: 'pending', input, result: null })
      const { status: end, message: told } = await ended(String(json['id']))
      t.same([end, told], ['failure', message])
    }
    t.same(await server.show(id, ADMIN), before)
    const { json } = await server.call('GET', `/v2/images/${id}/tasks`, { as: ADMIN })
    t.equal((json['tasks'] as unknown[]).length, 4, 'and are among those of the image')
  })

  for (const [title, body] of [
    ['no type', { input: input() }],
    ['no input', { type: 'import' }],
    ['an unknown type', { type: 'export', input: input() }],
    ['input of the wrong type', { type: 'import', input: 'x' }],
    ['a file of this machine', { type: 'import', input: input({ import_from: 'file:///x' }) }],
    ['a host that is refused', { type: 'import', input: input({ import_from: 'http://10.1/' }) }],
  ] as const) {
    t.test(`are refused with ${title}`, async t => t.equal((await post(body)).status, 400))
  }

  t.test('are listed a page at a time', async t => {
    const { json } = await get('?limit=2&sort_key=id&sort_dir=asc')
    const tasks = json['tasks'] as { id: string }[]
    t.equal(tasks.length, 2)
    t.match(tasks[0], { status: /./, self: /^\/v2\/tasks\//, input: undefined, message: undefined })
    t.equal(json['first'], '/v2/tasks?limit=2&sort_key=id&sort_dir=asc')
    const next = await server.call('GET', String(json['next']), { as: ADMIN })
    const more = next.json['tasks'] as { id: string }[]
    t.ok((more[0]?.id ?? '') > (tasks[1]?.id ?? ''))
    const failed = (await get('?status=failure')).json['tasks'] as { status: string }[]
    t.same(new Set(failed.map(({ status }) => status)), new Set(['failure']))
    t.match((await get('?limit=0')).json, { tasks: [], next: undefined })
  })

  for (const query of [
    'status=lost',
    'type=api_image_import',
    'sort_dir=up',
    'sort_key=colour',
    'limit=x',
    'limit=-1',
    'marker=x',
    `marker=${randomUUID()}`,
  ]) {
    t.test(`are not listed by ${query}`, async t => t.equal((await get(`?${query}`)).status, 400))
  }

  t.test('are for administrators, and are not deleted', async t => {
    t.equal((await get('', OWNER)).status, 403)
    t.equal((await get(`/${randomUUID()}`, OWNER)).status, 403)
    t.equal((await post({ type: 'import', input: input() }, OWNER)).status, 403)
    t.equal((await get(`/${randomUUID()}`)).status, 404)
    const path = `/v2/tasks/${randomUUID()}`
    const { status, headers } = await server.call('DELETE', path, { as: ADMIN })
    t.same([status, headers.get('allow')], [405, 'GET'])
  })

  t.test('have schemas', async t => {
    for (const name of ['task', 'tasks']) {
      const { json } = await server.call('GET', `/v2/schemas/${name}`, { as: OWNER })
      t.equal(json['name'], name)
    }
  })

  t.test('of nobody are as the schema says: clients hold them to it', async t => {
    const open = await startTestServer(t, { ...SEVERAL, auth: 'none' })
    const { json } = await open.call('POST', '/v2/tasks', {
      body: { type: 'import', input: input() },
    })
    t.equal(json['owner'], null)
    const schema = await open.call('GET', '/v2/schemas/task')
    t.match(schema.json['properties'], { owner: { type: ['null', 'string'] } })
  })
})
