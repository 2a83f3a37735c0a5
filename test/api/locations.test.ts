import { createHash } from 'node:crypto'
import t from 'tap'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { serveFiles } from '../support/files.ts'
import { ADMIN, type Caller, OWNER, startTestServer, STRANGER, user } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const LOCAL = { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] }
const SETTINGS = {
  auth: 'trusted_headers',
  imports: { ...DEFAULT_IMPORTS, filter: LOCAL },
  showMultipleLocations: true,
  showImageDirectUrl: true,
  enabledBackends: [
    { id: 'main', type: 'memory', weight: 2 },
    { id: 'web', type: 'http', weight: 1 },
  ],
  defaultBackend: 'main',
} as const
const FORMATS = { disk_format: 'raw', container_format: 'bare' }

const hex = (algorithm: string, data: string) => createHash(algorithm).update(data).digest('hex')
const DIGESTS = { os_hash_algo: 'sha512', os_hash_value: hex('sha512', 'data') }

const add = (value: unknown, position = '-') => ({
  op: 'add',
  path: `/locations/${position}`,
  value,
})
const replace = (value: unknown) => ({ op: 'replace', path: '/locations', value })
const remove = (position: string | number) => ({ op: 'remove', path: `/locations/${position}` })

t.test('locations', async t => {
  const base = await serveFiles(t, {
    '/image': 'data',
    '/copy': 'data',
    '/other': 'data',
    '/empty': '',
  })
  const server = await startTestServer(t, SETTINGS)
  const at = (path: string, given: object = {}) => ({ url: base + path, metadata: {}, ...given })
  const shownAt = (path: string, metadata = {}) => ({
    url: base + path,
    metadata: { ...metadata, store: 'web' },
  })
  const download = (id: string) => server.call('GET', `/v2/images/${id}/file`, { as: OWNER })

  t.test('are shown with an image, also when there are none', async t => {
    const id = await server.create()
    t.match(await server.show(id), { locations: [], direct_url: undefined })
    await server.upload(id, 'data')
    const url = `memory://main/${id}`
    t.match(await server.show(id), {
      locations: [{ url, metadata: { store: 'main' } }],
      direct_url: url,
      stores: 'main',
    })
  })

  t.test('make a queued image active when one is added', async t => {
    const id = await server.create()
    const answer = await server.patch(id, [add(at('/image', { metadata: { key: 'value' } }))])
    t.equal(answer.status, 200, answer.text)
    t.match(answer.json, {
      status: 'active',
      size: 4,
      checksum: null,
      os_hash_algo: null,
      locations: [shownAt('/image', { key: 'value' })],
      direct_url: `${base}/image`,
      stores: 'web',
    })
    const { status, text, headers } = await download(id)
    t.same([status, text, headers.get('content-md5')], [200, 'data', null])
  })

  t.test('are put where they are asked to be, but the heaviest store comes first', async t => {
    const id = await server.create()
    await server.upload(id, 'data')
    await server.patch(id, [add(at('/image'), '0')])
    const { json } = await server.patch(id, [add(at('/copy'), '0')])
    t.match(json['locations'], [
      { metadata: { store: 'main' } },
      shownAt('/copy'),
      shownAt('/image'),
    ])
    t.equal(json['stores'], 'main,web,web')
  })

  t.test('may be replaced while there are none, and then only their metadata', async t => {
    const id = await server.create()
    const both = [at('/image'), at('/copy')]
    t.equal((await server.patch(id, [replace(both)])).status, 200)
    const changed = both.map(location => ({ ...location, metadata: { changed: 'yes' } }))
    const { json } = await server.patch(id, [replace(changed)])
    t.same(json['locations'], [
      shownAt('/image', { changed: 'yes' }),
      shownAt('/copy', { changed: 'yes' }),
    ])
    t.equal((await server.patch(id, [replace([at('/image')])])).status, 400)
  })

  t.test('may be removed by their owner, but for the last one', async t => {
    const id = await server.create()
    await server.upload(id, 'data')
    await server.patch(id, [add(at('/image'))])
    t.equal((await server.patch(id, [remove(2)])).status, 400, 'there is no such one')
    const { status, json } = await server.patch(id, [remove(0)])
    t.equal(status, 200)
    t.same(json['locations'], [shownAt('/image')])
    t.equal((await server.patch(id, [remove('-')])).status, 403, 'it is the last one')
    t.equal((await download(id)).text, 'data')
  })

  t.test('may be removed by administrators only where Glance’s new defaults hold', async t => {
    const server = await startTestServer(t, { ...SETTINGS, enforceNewDefaults: true })
    const reader = user('owner', 'reader')
    const id = await server.create()
    const placed = await server.patch(id, [replace([at('/image'), at('/copy')])], reader)
    t.equal(placed.status, 200)
    t.equal((await server.patch(id, [remove(0)], reader)).status, 403)
    t.equal((await server.patch(id, [remove(0)], ADMIN)).status, 200)
  })

  t.test('of an image that everybody sees are changed by nobody else', async t => {
    const id = await server.create({ ...FORMATS, visibility: 'public' }, ADMIN)
    await server.patch(id, [replace([at('/image'), at('/copy')])], ADMIN)
    for (const step of [remove(0), add(at('/image'))]) {
      t.equal((await server.patch(id, [step])).status, 403, step.op)
    }
  })

  t.test('are changed as the policy says', async t => {
    const policyFile = t.testdir({ 'policy.yaml': 'set_image_location: role:placer' })
    const settings = { ...SETTINGS, policyFile: `${policyFile}/policy.yaml` }
    const server = await startTestServer(t, settings)
    const id = await server.create()
    for (const step of [add(at('/image')), replace([at('/image')])]) {
      t.equal((await server.patch(id, [step])).status, 403, step.op)
    }
    const { status } = await server.patch(id, [add(at('/image'))], user('owner', 'placer'))
    t.equal(status, 200)
  })

  t.test('are no more than the quota', async t => {
    const server = await startTestServer(t, { ...SETTINGS, imageLocationQuota: 1 })
    const id = await server.create()
    t.equal((await server.patch(id, [replace([at('/image'), at('/copy')])])).status, 413)
    t.equal((await server.patch(id, [add(at('/image'))])).status, 200)
    const { status, json } = await server.patch(id, [add(at('/copy'))])
    t.equal(status, 413)
    t.match(json['message'], /number of allowed image locations. Attempted: 2, Maximum: 1/)
  })

  t.test('each count for the storage quota of the project', async t => {
    const server = await startTestServer(t, { ...SETTINGS, userStorageQuota: 11 })
    const id = await server.create()
    await server.upload(id, 'data')
    t.equal((await server.patch(id, [add(at('/image'))])).status, 200)
    t.equal((await server.patch(id, [add(at('/copy'))])).status, 413)
    t.equal((await server.patch(id, [remove(0), add(at('/copy')), add(at('/other'))])).status, 413)
    t.match(await server.show(id), { stores: 'main,web' })
    const { text } = await server.call('GET', `/v2/images/${id}/file?prefer=main`, { as: OWNER })
    t.equal(text, 'data', 'and what is refused removes nothing')
    const other = await server.create()
    t.equal((await server.patch(other, [add(at('/image'))])).status, 413)
    t.match(await server.show(other), { status: 'queued', locations: [] })
  })

  t.test('whose data is gone are passed over', async t => {
    const id = await server.create()
    await server.patch(id, [add(at('/image'))])
    await server.patch(id, [add({ url: `${base}/copy`, metadata: {} }, '0')])
    t.equal((await download(id)).text, 'data')
  })

  t.test('carry digests that somebody vouches for', async t => {
    const id = await server.create()
    const checksum = hex('md5', 'data')
    const validation_data = { checksum, ...DIGESTS }
    const { status, json } = await server.patch(id, [add(at('/image', { validation_data }))])
    t.equal(status, 200)
    t.match(json, { status: 'active', checksum, ...DIGESTS })
    t.notOk(JSON.stringify(json['locations']).includes('validation_data'))
    const again = await server.patch(id, [add(at('/copy', { validation_data }))])
    t.equal(again.status, 200, 'the same may be said again')
  })

  for (const [title, status, value] of [
    ['another algorithm', 409, { os_hash_algo: 'sha1', os_hash_value: hex('sha1', 'data') }],
    ['a value that is too short', 409, { ...DIGESTS, os_hash_value: 'abc' }],
    ['a value that is not hex', 409, { ...DIGESTS, os_hash_value: 'x'.repeat(128) }],
    ['a checksum that is not hex', 409, { ...DIGESTS, checksum: 'x'.repeat(32) }],
    ['a checksum that is too short', 400, { ...DIGESTS, checksum: 'a' }],
    ['no algorithm', 400, { os_hash_value: DIGESTS.os_hash_value }],
    ['something else', 400, { ...DIGESTS, colour: 'red' }],
  ] as const) {
    t.test(`with ${title} in their validation data are refused`, async t => {
      const id = await server.create()
      const answer = await server.patch(id, [add(at('/image', { validation_data: value }))])
      t.equal(answer.status, status, answer.text)
      t.match(await server.show(id), { status: 'queued', locations: [], os_hash_value: null })
    })
  }

  t.test('that contradict each other or the image are refused', async t => {
    const id = await server.create()
    const one = at('/image', { validation_data: DIGESTS })
    const other = { ...DIGESTS, os_hash_value: hex('sha512', 'other') }
    const two = at('/copy', { validation_data: other })
    t.equal((await server.patch(id, [replace([one, two])])).status, 409)
    t.equal((await server.patch(id, [add(one)])).status, 200)
    t.equal((await server.patch(id, [add(two)])).status, 409)
  })

  t.test('of an image that is active already cannot bring digests', async t => {
    const id = await server.create()
    await server.patch(id, [add(at('/image'))])
    const answer = await server.patch(id, [add(at('/copy', { validation_data: DIGESTS }))])
    t.equal(answer.status, 409)
  })

  for (const [title, status, steps] of [
    ['a file of this machine', 400, [add({ url: 'file:///etc/passwd', metadata: {} })]],
    ['data of another image', 400, [add({ url: 'memory://main/x', metadata: {} })]],
    ['a scheme that no store reads', 400, [add({ url: 'tape://x', metadata: {} })]],
    ['no URL', 400, [add({ url: 'x', metadata: {} })]],
    ['a host that the filter refuses', 400, [add({ url: 'http://10.0.0.1/x', metadata: {} })]],
    ['nothing', 400, [add(at('/empty'))]],
    ['what is not there', 400, [add(at('/absent'))]],
    ['a place that is none', 400, [add(at('/image'), 'x')]],
    ['one location twice', 400, [replace([at('/image'), at('/image')])]],
    ['one location twice, in two steps', 400, [add(at('/image')), add(at('/image'))]],
    ['no locations', 403, [replace([])]],
    ['no metadata', 400, [add({ url: `${base}/image` })]],
    ['a removal from a queued image', 409, [remove(0)]],
  ] as const) {
    t.test(`of ${title}: ${status}`, async t => {
      const id = await server.create()
      t.equal((await server.patch(id, steps, ADMIN)).status, status)
      t.match(await server.show(id), { status: 'queued', locations: [] })
    })
  }

  t.test('need an image with formats', async t => {
    const id = await server.create({})
    t.equal((await server.patch(id, [add(at('/image'))])).status, 400)
    const formats = Object.entries(FORMATS).map(([name, value]) => ({
      op: 'replace',
      path: `/${name}`,
      value,
    }))
    const answer = await server.patch(id, [...formats, add(at('/image'))])
    t.equal(answer.status, 200, 'also when they come with them')
  })

  t.test('of a deactivated image are neither shown nor changed', async t => {
    const id = await server.create()
    await server.patch(id, [add(at('/image'))])
    await server.call('POST', `/v2/images/${id}/actions/deactivate`, { as: OWNER })
    t.match(await server.show(id), { locations: [], direct_url: undefined, stores: undefined })
    t.equal((await server.patch(id, [add(at('/copy'))])).status, 409)
  })

  t.test('are let be when the image is deleted', async t => {
    const id = await server.create()
    await server.patch(id, [add(at('/image'))])
    const { status } = await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
    t.equal(status, 204)
  })

  t.test('of an image of somebody else are not to be seen', async t => {
    const id = await server.create()
    t.equal((await server.patch(id, [add(at('/image'))], STRANGER)).status, 404)
  })
})

t.test('locations that are not shown cannot be changed', async t => {
  const base = await serveFiles(t, { '/image': 'data' })
  const server = await startTestServer(t)
  const id = await server.create()
  await server.upload(id, 'data')
  t.match(await server.show(id), { locations: undefined, direct_url: undefined })
  const value = { url: `${base}/image`, metadata: {} }
  for (const step of [add(value), replace([value]), replace([]), remove(0)]) {
    t.equal((await server.patch(id, [step])).status, 403, step.op)
  }
})

t.test('with one store there may be locations as well', async t => {
  const base = await serveFiles(t, { '/image': 'data' })
  const { enabledBackends: _several, defaultBackend: _which, ...settings } = SETTINGS
  const server = await startTestServer(t, settings)
  const id = await server.create()
  const { json } = await server.patch(id, [add({ url: `${base}/image`, metadata: {} })])
  t.match(json, { status: 'active', locations: [{ metadata: {} }], stores: undefined })
  t.equal((await server.call('GET', `/v2/images/${id}/file`, { as: OWNER })).text, 'data')
})

t.test('a location is registered for a queued image', async t => {
  const base = await serveFiles(t, { '/image': 'data' })
  const server = await startTestServer(t, SETTINGS)
  const post = (id: string, body: object, as = OWNER) =>
    server.call('POST', `/v2/images/${id}/locations`, { as, body })
  const get = (id: string, as = ADMIN) => server.call('GET', `/v2/images/${id}/locations`, { as })
  const settled = async (id: string) => {
    for (;;) {
      const { json } = await server.call('GET', `/v2/images/${id}/tasks`, { as: ADMIN })
      const tasks = json['tasks'] as { status: string }[]
      if (tasks.every(({ status }) => status === 'success' || status === 'failure')) {
        return { image: await server.show(id), tasks }
      }
      await soon()
    }
  }

  t.test('and its digests are computed', async t => {
    const id = await server.create()
    const { status, text } = await post(id, { url: `${base}/image` })
    t.same([status, text], [202, ''])
    const { image, tasks } = await settled(id)
    t.match(image, { status: 'active', size: 4, checksum: hex('md5', 'data'), ...DIGESTS })
    t.match(tasks, [{ type: 'location_import', status: 'success', result: { image_id: id } }])
    t.equal(
      (await get(id)).text,
      JSON.stringify([{ url: `${base}/image`, metadata: { store: 'web' } }]),
    )
    t.equal((await get(id, user('services', 'service'))).status, 404, 'it is not shared')
    t.equal((await get(id, OWNER)).status, 403)
    t.equal((await post(id, { url: `${base}/image` })).status, 409, 'it is active')
  })

  t.test('and what is said of it proved', async t => {
    const id = await server.create()
    const validation_data = { os_hash_algo: 'sha256', os_hash_value: hex('sha256', 'data') }
    await post(id, { url: `${base}/image`, validation_data })
    t.match((await settled(id)).image, { status: 'active', ...validation_data })
  })

  t.test('unless it is wrong: then the image waits for its data again', async t => {
    const id = await server.create()
    const validation_data = { os_hash_algo: 'sha256', os_hash_value: hex('sha256', 'other') }
    await post(id, { url: `${base}/image`, validation_data })
    const { image, tasks } = await settled(id)
    t.match(image, { status: 'queued', size: null, os_hash_value: null, locations: [] })
    t.notOk('os_glance_import_task' in image)
    t.match(tasks, [{ status: 'failure', message: /not what it was said to be/ }])
  })

  t.test('and where nothing is proved, what is said is believed', async t => {
    const imports = { ...SETTINGS.imports, doSecureHash: false }
    const server = await startTestServer(t, { ...SETTINGS, imports })
    const id = await server.create()
    const validation_data = { os_hash_algo: 'sha256', os_hash_value: hex('sha256', 'other') }
    const body = { url: `${base}/image`, validation_data }
    await server.call('POST', `/v2/images/${id}/locations`, { as: OWNER, body })
    while ((await server.show(id))['status'] !== 'active') await soon()
    t.match(await server.show(id), { size: 4, checksum: null, ...validation_data })
  })

  t.test('not when there is nothing', async t => {
    const id = await server.create()
    t.equal((await post(id, { url: `${base}/absent` })).status, 202)
    const { image, tasks } = await settled(id)
    t.match(image, { status: 'queued', locations: [] })
    t.match(tasks, [{ status: 'failure' }])
  })

  const url = `${base}/image`
  const digest = { os_hash_algo: 'sha1', os_hash_value: hex('sha1', 'data') }
  for (const [title, status, body] of [
    ['without a URL', 400, {}],
    ['with something else', 400, { url, colour: 'red' }],
    ['with a value but no algorithm', 400, { url, validation_data: { os_hash_value: 'a' } }],
    ['with another digest', 400, { url, validation_data: { ...digest, checksum: 'a' } }],
    ['with a strange algorithm', 400, { url, validation_data: { ...digest, os_hash_algo: 'x' } }],
    ['with a short value', 400, { url, validation_data: { ...digest, os_hash_value: 'ab' } }],
    ['of a private network', 400, { url: 'http://10.0.0.1/' }],
    ['of a file', 403, { url: 'file:///etc/passwd' }],
  ] as const) {
    t.test(`not ${title}: ${status}`, async t => {
      const id = await server.create()
      t.equal((await post(id, body)).status, status)
      t.match(await server.show(id), { status: 'queued', locations: [] })
    })
  }

  t.test('not by strangers', async t => {
    const id = await server.create()
    t.equal((await post(id, { url }, STRANGER)).status, 404)
    const seen = await server.create({ ...FORMATS, visibility: 'public' }, ADMIN)
    t.equal((await post(seen, { url }, STRANGER)).status, 403)
  })

  t.test('of any store that there is by a service that acts for its owner', async t => {
    // As in Glance, the status of the service makes no difference: who sets the headers leaves out the roles.
    for (const status of [{}, { 'x-service-identity-status': 'Confirmed' }] as Caller[]) {
      const id = await server.create()
      const as = { ...OWNER, ...status, 'x-service-roles': 'service' }
      t.equal((await post(id, { url: 'tape://x' }, as)).status, 202)
      t.match((await settled(id)).tasks, [{ status: 'failure' }])
    }
  })

  t.test('which stays what its owner is, in all that is for services themselves', async t => {
    const as = { ...OWNER, 'x-service-identity-status': 'Confirmed', 'x-service-roles': 'service' }
    const id = await server.create()
    const path = `/v2/images/${id}/locations`
    t.equal((await server.call('GET', path, { as })).status, 403)
    t.equal((await server.call('GET', '/v2/info/stores/detail', { as })).status, 403)
    const seen = await server.create({ ...FORMATS, visibility: 'public' }, ADMIN)
    t.equal((await post(seen, { url }, as)).status, 403)
  })

  t.test('not beyond a quota', async t => {
    const none = await startTestServer(t, { ...SETTINGS, imageLocationQuota: 0 })
    const path = `/v2/images/${await none.create()}/locations`
    t.equal((await none.call('POST', path, { as: OWNER, body: { url } })).status, 413)
    const small = await startTestServer(t, { ...SETTINGS, userStorageQuota: 3 })
    const id = await small.create()
    const body = { url }
    const { status } = await small.call('POST', `/v2/images/${id}/locations`, { as: OWNER, body })
    t.equal(status, 202)
    for (;;) {
      const { json } = await small.call('GET', `/v2/images/${id}/tasks`, { as: OWNER })
      const [task] = json['tasks'] as { status: string; message: string }[]
      if (task?.status === 'failure') {
        t.match(task.message, /exceeds the storage quota/)
        break
      }
      await soon()
    }
    t.match(await small.show(id), { status: 'queued', locations: [] })
  })
})
