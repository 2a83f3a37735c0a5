import t, { type Test } from 'tap'
import { bytesOf, collect, patternedBytes } from '../lib/compliance/bytes.ts'
import type { Caller } from '../lib/store/store.ts'
import { swiftSettings } from '../lib/store/swift/settings.ts'
import { TenantSwiftStore } from '../lib/store/swift/tenant-store.ts'
import { OWNER, startTestServer } from './support/server.ts'
import { startSwift, type TestSwift } from './support/swift.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
const CONTAINER = `glance_${ID}`
/** Bytes: what Glance calls a megabyte. */
const MB = 1000 * 1024

/** A store in which a project's images are in its own account, with segments of a megabyte, and somebody who uses it. */
async function open(t: Test, options: Readonly<Record<string, string>> = {}) {
  const swift = await startSwift(t, { knows: token => token === 'token-of-caller' })
  const defaults = {
    swift_store_multi_tenant: 'true',
    swift_store_large_object_size: '2',
    swift_store_large_object_chunk_size: '1',
  }
  const store = await TenantSwiftStore.open('swift', swiftSettings({ ...defaults, ...options }))
  t.teardown(() => store[Symbol.asyncDispose]())
  return { swift, store, caller: callerOf(swift) }
}

function callerOf({ storageUrl }: TestSwift): Caller {
  const endpoints = [
    { region: 'One', publicURL: storageUrl, internalURL: 'http://127.0.0.1:9/v1/x' },
  ]
  return { token: 'token-of-caller', catalog: [{ type: 'object-store', endpoints }] }
}

t.test("an image has a container of its own in the caller's account", async t => {
  const { swift, store, caller } = await open(t)
  const { location } = await store.add(ID, patternedBytes(3 * MB), null, { caller })
  t.equal(
    location.url,
    `swift+http://${new URL(swift.url).host}/v1/AUTH_test/${CONTAINER}/${ID}`,
    'and its location no credentials',
  )
  t.ok(store.holds(location))
  t.notOk(store.holds({ url: location.url.replace('glance_', 'other_') }))
  t.equal(swift.names(CONTAINER).length, 4)
  t.equal(await store.size(location, { caller }), 3 * MB)
  const found = await collect(await store.open(location, null, { caller }))
  t.ok(found.equals(await collect(patternedBytes(3 * MB))))
  await t.rejects(store.add(ID, bytesOf('abc'), 3, { caller }), { code: 'duplicate' })
  t.test('and is deleted with it', async t => {
    await store.delete(location, { caller })
    t.notOk(swift.hasContainer(CONTAINER))
    await t.rejects(store.delete(location, { caller }), { code: 'not_found' })
  })
})

t.test('a write that fails leaves no container', async t => {
  const { swift, store, caller } = await open(t)
  await t.rejects(store.add(ID, bytesOf('ab'), 3, { caller }), { code: 'corrupt' })
  t.notOk(swift.hasContainer(CONTAINER))
})

t.test('the projects of administrators may read and write what nobody else may', async t => {
  const { swift, store, caller } = await open(t, { swift_store_admin_tenants: 'ops, audit' })
  const { location } = await store.add(ID, bytesOf('abc'), 3, { caller })
  const write = 'ops:*,audit:*'
  for (const [readers, read] of [
    [null, write],
    [{ everybody: false, projects: ['p1', 'p2'] }, `p1:*,p2:*,${write}`],
    [{ everybody: true, projects: [] }, '*:*'],
    [{ everybody: false, projects: [] }, write],
  ] as const) {
    if (readers !== null) await store.admit(location, readers, { caller })
    t.strictSame(swift.acl(CONTAINER), { 'x-container-read': read, 'x-container-write': write })
  }
})

t.test('a location in an account that nobody has access to is refused', async t => {
  const { store, caller } = await open(t)
  const { location } = await store.add(ID, bytesOf('abc'), 3, { caller })
  const others = { ...caller, token: 'token-of-another' }
  for (const who of [undefined, others]) {
    await t.rejects(store.open(location, null, { caller: who }), { code: 'unavailable' })
    await t.rejects(store.delete(location, { caller: who }), { code: 'unavailable' })
  }
  const foreign = location.url.replace('://', '://user:secret@')
  await t.rejects(store.open({ url: foreign }, null, { caller }), {
    code: 'unavailable',
    message: /^(?!.*secret).*swift_store_multi_tenant/,
  })
})

t.test('in nobody’s name there is nothing', async t => {
  const { store } = await open(t)
  await t.rejects(store.delete(store.locate(ID)), { code: 'not_found' })
  await t.rejects(store.add(ID, bytesOf('abc'), 3), {
    code: 'unavailable',
    message: /the catalogue has no public endpoint of type 'object-store'/,
  })
})

t.test('a catalogue may be in the form of v3, and the options say what of it', async t => {
  const { swift, caller } = await open(t)
  const at = (region: string, side: string, url: string) => ({ region, interface: side, url })
  const endpoints = [
    at('One', 'internal', swift.storageUrl),
    at('One', 'public', 'http://127.0.0.1:9/v1/x'),
    at('Two', 'internal', 'http://127.0.0.1:9/v1/x'),
  ]
  const v3 = { ...caller, catalog: [{ type: 'objects', endpoints }] }
  const settings = swiftSettings({
    swift_store_multi_tenant: 'true',
    swift_store_region: 'One',
    swift_store_endpoint_type: 'internalURL',
    swift_store_service_type: 'objects',
  })
  await using store = await TenantSwiftStore.open('swift', settings)
  await store.add(ID, bytesOf('abc'), 3, { caller: v3 })
  t.strictSame(swift.names(CONTAINER), [ID])
})

t.test('a service asks Swift in the name of its callers', async t => {
  const swift = await startSwift(t, { knows: token => token === 'token-of-caller' })
  const { token, catalog } = callerOf(swift)
  const as = {
    ...OWNER,
    'x-auth-token': String(token),
    'x-service-catalog': JSON.stringify(catalog),
  }
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    store: 'swift',
    storeOptions: { swift_store_multi_tenant: 'true', swift_store_admin_tenants: 'ops' },
  })
  const id = await server.create({ disk_format: 'raw', container_format: 'bare' }, as)
  const container = `glance_${id}`
  const readers = () => swift.acl(container)['x-container-read']
  t.equal((await server.upload(id, 'some data', as)).status, 204)
  t.strictSame(swift.names(container), [id])
  t.equal((await server.call('GET', `/v2/images/${id}/file`, { as })).text, 'some data')
  t.equal(readers(), 'ops:*')

  const members = `/v2/images/${id}/members`
  await server.call('POST', members, { as, body: { member: 'p1' } })
  t.equal(readers(), 'p1:*,ops:*', 'whom it is shared with may read it')
  await server.call('DELETE', `${members}/p1`, { as })
  t.equal(readers(), 'ops:*', 'for as long as it is')
  const v1 = `/v1/images/${id}/members`
  await server.call('PUT', `${v1}/p2`, { as })
  t.equal(readers(), 'p2:*,ops:*', 'by v1 too')
  await server.call('DELETE', `${v1}/p2`, { as })
  const show = (visibility: string) => [{ op: 'replace', path: '/visibility', value: visibility }]
  t.equal((await server.patch(id, show('community'), as)).status, 200)
  t.equal(readers(), '*:*', 'everybody what is of the community')
  await server.patch(id, show('private'), as)
  t.equal(readers(), 'ops:*', 'and nobody else what is private')

  t.equal((await server.call('DELETE', `/v2/images/${id}`, { as })).status, 204)
  t.notOk(swift.hasContainer(container), 'what is deleted is gone there too')

  const other = await server.create()
  t.equal((await server.upload(other, 'some data')).status, 503, 'a caller without Swift is told')
})
