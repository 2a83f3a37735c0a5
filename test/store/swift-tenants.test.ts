import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ReadableStream } from 'node:stream/web'
import t, { type Test } from 'tap'
import { bytesOf, collect, collectAll, patternedBytes } from '../../lib/compliance/bytes.ts'
import { readConfig } from '../../lib/server/config.ts'
import type { Caller, Store, StoreSearch } from '../../lib/store/store.ts'
import { swiftSettings } from '../../lib/store/swift/settings.ts'
import { openSwift } from '../../lib/store/swift/open.ts'
import { type KeystoneOptions, startKeystone } from '../support/keystone.ts'
import { SERVICE_USER } from '../support/keystone-documents.ts'
import type { TestTrust } from '../support/keystone-trusts.ts'
import { run } from '../support/program.ts'
import { startListener } from '../support/listener.ts'
import { OWNER, startTestServer } from '../support/server.ts'
import { startSwift, type TestSwift } from '../support/swift.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
const OTHER = 'bbbbbbbb-0000-4000-8000-000000000002'
const IMAGE = { id: ID, owner: 'p-1' }
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
  const store = await openSwift('swift', swiftSettings({ ...defaults, ...options }), null)
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
  for (const [url, isApart] of [
    [location.url, false],
    [location.url.replace('AUTH_test', 'AUTH_other'), true],
    [location.url.replace('AUTH_test', 'AUTH%5Ftest'), false],
    [location.url.replace('AUTH_test', 'KEY_test'), false],
    [location.url.replace('AUTH_test', 'test'), false],
    [location.url.replace('AUTH_test', 'AUTH_latest'), true],
    [location.url.replace(new URL(swift.url).host, 'proxy.test'), false],
    [location.url.replace('/v1/AUTH_test', ''), false],
    [location.url.replace('/v1/AUTH_test', '/swift/v1/AUTH_other'), false],
    [store.locate(ID).url, false],
  ] as const) {
    t.equal(store.areApart?.(location, { url }), isApart, `in another account for sure: ${url}`)
  }
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
    if (readers !== null) await store.admit?.(location, readers, { caller })
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
  await using store = await openSwift('swift', settings, null)
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
    showMultipleLocations: true,
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

  const place = `swift+http://${new URL(swift.storageUrl).host}/v1/AUTH_test/${container}/${id}`
  const second = await server.create({ disk_format: 'raw', container_format: 'bare' }, as)
  const step = { op: 'add', path: '/locations/-', value: { url: place, metadata: {} } }
  const registered = await server.patch(second, [step], as)
  t.match(registered, { status: 200, json: { status: 'active', size: 9 } }, 'also of locations')
  t.equal((await server.call('DELETE', `/v2/images/${id}`, { as })).status, 204)
  t.notOk(swift.hasContainer(container), 'what is deleted is gone there too')

  const other = await server.create()
  t.equal((await server.upload(other, 'some data')).status, 503, 'a caller without Swift is told')
})

/** Such a store with a Keystone, whose service user is in the options as long as nothing else is said. */
async function openTrusted(
  t: Test,
  options: Readonly<Record<string, string>> = {},
  cloud: KeystoneOptions = {},
) {
  const keystone = await startKeystone(t, cloud)
  const known = new Set(['token-of-caller'])
  const swift = await startSwift(t, { knows: token => known.has(token) || keystone.knows(token) })
  keystone.issued.set('token-of-caller', {})
  const settings = swiftSettings({
    swift_store_multi_tenant: 'true',
    swift_store_large_object_size: '2',
    swift_store_large_object_chunk_size: '1',
    swift_store_auth_version: '3',
    swift_store_auth_address: keystone.url,
    swift_store_user: `service:${SERVICE_USER.name}`,
    swift_store_key: SERVICE_USER.password,
    ...options,
  })
  const endpoints = [{ region: 'One', interface: 'public', url: swift.storageUrl }]
  keystone.catalog = [{ type: 'object-store', name: 'swift', endpoints }]
  const store = await openSwift('swift', settings, null)
  t.teardown(() => store[Symbol.asyncDispose]())
  /** Data in the middle of which the caller's token ends. */
  async function* data() {
    yield* patternedBytes(MB)
    known.clear()
    yield* patternedBytes(2 * MB)
  }
  const expire = () => known.clear()
  return { keystone, swift, store, settings, caller: callerOf(swift), data, expire }
}

t.test("a caller's token that ends in the middle of a long upload is outlasted", async t => {
  const { keystone, swift, store, caller, data } = await openTrusted(t)
  const given: TestTrust[] = []
  async function* watched() {
    yield* data()
    given.push(...keystone.trusts.values())
  }
  const { size } = await store.add(ID, watched(), null, { caller })
  t.equal(size, 3 * MB)
  t.equal(swift.names(CONTAINER).length, 4)
  t.match(given, [
    { trustor: 'u-1', trustee: SERVICE_USER.id, project: 'p-1', roles: ['member', 'reader'] },
  ])
  t.equal(keystone.trusts.size, 0, 'and the trust that this took is deleted')
  const [trust] = given
  t.ok(Number(trust?.expiresAt) < Date.now() + 8 * 24 * 3_600_000, 'or ends by itself')
})

t.test('a failed upload leaves no trust, and nothing else', async t => {
  const { keystone, swift, store, caller, data } = await openTrusted(t)
  async function* failing() {
    yield* data()
    throw new Error('gone')
  }
  await t.rejects(store.add(ID, failing(), null, { caller }), { message: 'gone' })
  t.notOk(swift.hasContainer(CONTAINER))
  t.equal(keystone.trusts.size, 0)
})

t.test('a short upload takes no trust, nor does any without swift_store_use_trusts', async t => {
  const { keystone, store, caller } = await openTrusted(t)
  await store.add(ID, bytesOf('abc'), 3, { caller })
  t.strictSame(keystone.requests, [])
  const without = await openTrusted(t, { swift_store_use_trusts: 'false' })
  await without.store.add(ID, bytesOf('abc'), null, { caller: without.caller })
  t.strictSame(without.keystone.requests, [])
  await t.rejects(without.store.add(OTHER, without.data(), null, { caller: without.caller }), {
    code: 'unavailable',
  })
})

t.test('where no trust can be had, the token that there is has to do', async t => {
  const { keystone, store, caller, data } = await openTrusted(t)
  keystone.refusesTrusts = true
  await store.add(ID, bytesOf('abc'), null, { caller })
  await t.rejects(store.add(OTHER, data(), null, { caller }), {
    code: 'unavailable',
    message:
      /Swift answers 401 .*; no trust outlasts the caller's token: .*OS-TRUST\/trusts: 403 You are not authorized$/,
  })
})

t.test('a download that is gone on with outlasts the token as well', async t => {
  const { keystone, swift, store, caller, expire } = await openTrusted(t, {
    swift_store_retry_get_count: '9',
  })
  const { location } = await store.add(ID, patternedBytes(2 * MB), null, { caller })
  swift.breaksAfter = 500_000
  const data = await store.open(location, null, { caller })
  t.equal(keystone.trusts.size, 0, 'what nobody reads takes no trust')
  async function* ending() {
    for await (const chunk of data) {
      expire()
      yield chunk
    }
  }
  t.ok((await collect(ending())).equals(await collect(patternedBytes(2 * MB))))
  t.equal(keystone.trusts.size, 0)
})

t.test('what was deleted is scrubbed by the right of the service', async t => {
  const { swift, store, caller } = await openTrusted(t)
  const { location } = await store.add(ID, patternedBytes(3 * MB), null, { caller })
  t.equal(await store.size(location, { onlyOf: IMAGE }), 3 * MB)
  // Nothing to be done again and again.
  await t.rejects(store.delete(location, { onlyOf: { id: OTHER, owner: 'p-1' } }), {
    code: 'not_found',
    message: /did not put image bbbbbbbb/,
  })
  const elsewhere = { url: location.url.replace('glance_', 'other_') }
  await t.rejects(store.delete(elsewhere, { onlyOf: IMAGE }), { code: 'not_found' })
  await t.rejects(store.size(elsewhere, { onlyOf: IMAGE }), { code: 'forbidden' })
  t.equal(await store.size(location, { onlyOf: IMAGE }), 3 * MB, 'nothing was deleted')
  swift.interfere = ({ method, path }) =>
    method === 'DELETE' && path === CONTAINER ? 403 : undefined
  await store.delete(location, { onlyOf: IMAGE })
  t.strictSame(swift.names(CONTAINER), [], 'by a project that may write to the container')
  swift.interfere = () => 403
  await t.rejects(store.delete(location, { onlyOf: IMAGE }), {
    code: 'forbidden',
    message:
      /needs Swift's role ResellerAdmin, or its project to be among swift_store_admin_tenants/,
  })
  await using nobody = (await open(t)).store
  await t.rejects(nobody.delete(location, { onlyOf: IMAGE }), {
    code: 'unavailable',
    message: /the service has no user at Keystone; see \[keystone_authtoken\]/,
  })
})

t.test(
  'a server that only a location names is sent no token, and what is public there is read',
  async t => {
    const { keystone, swift, store, caller, settings } = await openTrusted(t, {
      swift_store_retry_get_count: '1',
    })
    const { location } = await store.add(ID, bytesOf('abc'), 3, { caller })
    const sent: unknown[] = []
    const server = await startListener(t, ({ method, headers }, response) => {
      sent.push(headers['x-auth-token'])
      response.writeHead(200, { 'content-length': 3 })
      response.end(method === 'GET' ? 'xyz' : undefined)
    })
    const foreign = location.url.replace(new URL(swift.url).host, new URL(server).host)
    const path = location.url.replace('/v1/', '/elsewhere/')
    for (const url of [foreign, path]) {
      t.ok(store.holds({ url }), 'it has the form of one of ours')
      if (url === foreign) {
        t.equal(await store.size({ url }, { caller }), 3)
        t.equal((await collect(await store.open({ url }, null, { caller }))).toString(), 'xyz')
      }
      await store.delete({ url }, { caller }).catch(() => {})
      await store.admit?.({ url }, { everybody: true, projects: [] }, { caller }).catch(() => {})
      const message = /in no Swift of the catalogue or swift_store_endpoint/
      await t.rejects(store.size({ url }, { onlyOf: IMAGE }), { code: 'unavailable', message })
      const given = { code: 'not_found', message: /that is no Swift of the catalogue/ }
      const letBe: string[] = []
      const call = { onlyOf: IMAGE, letBe: (reason: string) => void letBe.push(reason) }
      await t.rejects(store.delete({ url }, call), given, 'never to be deleted')
      t.match(letBe, [given.message])
      const { catalog } = keystone
      keystone.catalog = [
        { type: 'image', endpoints: [{ region: 'One', interface: 'public', url }] },
      ]
      const lost = await openSwift('swift', settings, null)
      const later = lost.delete({ url }, { onlyOf: IMAGE })
      await t.rejects(later, { code: 'unavailable', message }, 'unless we know no Swift at all')
      await lost[Symbol.asyncDispose]()
      keystone.catalog = catalog
    }
    t.ok(sent.length > 3)
    t.strictSame([...new Set(sent)], [undefined])
    t.strictSame(swift.names(CONTAINER), [ID])
    t.strictSame([...swift.accounts], ['AUTH_test'], 'nor by another path')
  },
)

t.test('what a killed service left is looked for in the account of its owner', async t => {
  const { keystone, swift, store, caller } = await openTrusted(t)
  const endpoints = [{ region: 'One', interface: 'public', url: `${swift.url}/v1/AUTH_p1` }]
  keystone.catalog = [{ type: 'object-store', name: 'swift', endpoints }]
  await store.add(ID, patternedBytes(3 * MB), null, { caller })
  const made = await fetch(`${swift.storageUrl}/${CONTAINER}/${ID}`, {
    method: 'DELETE',
    headers: { 'x-auth-token': 'token-of-caller' },
  })
  t.equal(made.status, 204)
  swift.accounts.clear()
  const remove = async () => await store.delete(store.locate(ID), { onlyOf: IMAGE })
  await t.rejects(remove(), { code: 'not_found' }, 'there is no image')
  t.notOk(swift.hasContainer(CONTAINER), 'but what there was is gone')
  t.strictSame([...swift.accounts], ['AUTH_p-1'])
  swift.interfere = () => 403
  await t.rejects(remove(), { code: 'not_found' }, 'where the service has no right it lets it be')
  const unowned = { onlyOf: { id: ID, owner: null } }
  await t.rejects(store.delete(store.locate(ID), unowned), { code: 'not_found' })
})

/** Those of a cloud, of which the first is that of the service. */
const PROJECTS = ['p1', 'p-1', 'p-2'].map(id => ({ id, name: id, domain_id: 'default' }))

async function listed(store: Store, search: StoreSearch) {
  if (store.list === undefined) throw new Error('it cannot be looked through')
  return await collectAll(store.list(search))
}

t.test('the service looks through the accounts of all projects', async t => {
  const { keystone, swift, store, caller } = await openTrusted(t, {}, { projects: PROJECTS })
  const endpoints = [{ region: 'One', interface: 'public', url: `${swift.url}/v1/AUTH_p1` }]
  keystone.catalog = [{ type: 'object-store', name: 'swift', endpoints }]
  await store.add(ID, patternedBytes(3 * MB), null, { caller })
  await store.add(OTHER, bytesOf('abc'), 3, { caller })
  // What a write left that was cut off, and others there besides.
  const third = ID.replaceAll('a', 'c')
  for (const name of [third, 'notes', `${OTHER}-x`]) swift.createContainer(`glance_${name}`)
  for (const name of [`other_${ID}`, ID, 'glance', 'glance_']) swift.createContainer(name)
  const put = async (path: string, headers = {}) => {
    const token = { 'x-auth-token': 'token-of-caller' }
    const sent = { method: 'PUT', headers: { ...token, ...headers }, body: 'mine' }
    t.equal((await fetch(`${swift.storageUrl}/${path}`, sent)).status, 201)
  }
  await put(`${CONTAINER}/notes`)
  await put(`${CONTAINER}/${OTHER}`)
  await put(`other_${ID}/${ID}`)
  swift.age(3600)
  swift.home = 'AUTH_p-1'
  const narrowed: string[] = []
  const search = { narrowed: (reason: string) => void narrowed.push(reason) }
  const list = async () => await listed(store, search)
  swift.accounts.clear()
  const found = await list()
  t.strictSame(
    found.map(({ id, size, isWhole }) => [id, size, isWhole]),
    [
      [ID, 3 * MB, true],
      [OTHER, 3, true],
      [third, 0, false],
    ],
  )
  t.strictSame([...swift.accounts], ['AUTH_p1', 'AUTH_p-1', 'AUTH_p-2'])
  t.strictSame(narrowed, [])
  t.ok(found.every(({ modifiedAt }) => Math.abs(Date.now() - 3_600_000 - +modifiedAt) < 60_000))
  for (const { id, location } of found) {
    t.equal(location.url.includes(`AUTH_p-1/glance_${id}/`), true)
    const removed = store.delete(location, { onlyOf: { id, owner: null } })
    if (id === third) await t.rejects(removed, { code: 'not_found' })
    else await removed
  }
  t.strictSame(await list(), [])
  t.strictSame(swift.names(CONTAINER), [OTHER, 'notes'], 'what is somebody else’s stays')
  t.strictSame(swift.names(`other_${ID}`), [ID])
  for (const id of [OTHER, third]) t.notOk(swift.hasContainer(`glance_${id}`))
  for (const id of ['notes', `${OTHER}-x`]) t.ok(swift.hasContainer(`glance_${id}`))

  t.test('and removes nothing that an image only names', async t => {
    await put(`${CONTAINER}/${ID}`, { 'x-object-manifest': `other_${ID}/` + ID })
    await store.delete(found[0]?.location ?? store.locate(ID), { onlyOf: IMAGE })
    t.strictSame(swift.names(`other_${ID}`), [ID])
    t.strictSame(swift.names(CONTAINER), [OTHER, 'notes'])
  })
})

t.test('what the service may not look through, it says', async t => {
  const cloud = { projects: PROJECTS, admin: false }
  const { keystone, swift, store } = await openTrusted(t, {}, cloud)
  const at = (url: string) => {
    const endpoints = [{ region: 'One', interface: 'public', url }]
    keystone.catalog = [{ type: 'object-store', name: 'swift', endpoints }]
  }
  at(`${swift.url}/v1/AUTH_p1`)
  async function* owners() {
    yield* ['p-7', 'p1', 'p/8']
  }
  const narrowed: string[] = []
  const search = { owners, narrowed: (reason: string) => void narrowed.push(reason) }
  const list = async (from = store) => await listed(from, search)
  swift.interfere = () => 404
  t.strictSame(await list(), [], 'an account that nobody has used yet is empty')
  t.strictSame([...swift.accounts], ['AUTH_p-7', 'AUTH_p1', 'AUTH_p%2F8'])
  t.match(narrowed, [/Keystone does not let the user of the service list all projects/])
  swift.interfere = () => 403
  const message = /needs Swift's role ResellerAdmin to look through the accounts/
  await t.rejects(list(), { code: 'forbidden', message })
  await using nobody = (await open(t)).store
  await t.rejects(list(nobody), { code: 'unavailable', message: /has no user at Keystone/ })
  const strange = await openTrusted(t, {}, cloud)
  await t.rejects(list(strange.store), { code: 'unsupported', message: /does not end in the id/ })
  const one = await openTrusted(t, { swift_store_endpoint: `${swift.url}/v1/all` })
  swift.interfere = () => undefined
  swift.accounts.clear()
  await t.rejects(list(one.store), { code: 'unavailable', message: /Swift answers 401/ })
  t.strictSame([...swift.accounts], ['all'], 'all may be in one account')
})

t.test('a service goes on by a trust to its own user, and scrubs by its own right', async t => {
  const keystone = await startKeystone(t, { admin: false })
  const known = new Set(['token-of-caller'])
  const swift = await startSwift(t, { knows: token => known.has(token) || keystone.knows(token) })
  const endpoints = [{ region: 'One', interface: 'public', url: swift.storageUrl }]
  const catalog = [{ type: 'object-store', endpoints }]
  keystone.issued.set('token-of-caller', { catalog })
  keystone.catalog = catalog
  const folder = t.testdir()
  const config = join(folder, 'glance-api.conf')
  writeFileSync(
    config,
    `data_dir = ${folder}
delayed_delete = true
[paste_deploy]
flavor = keystone
[keystone_authtoken]
auth_url = ${keystone.url}
username = ${SERVICE_USER.name}
password = ${SERVICE_USER.password}
user_domain_id = default
project_name = service
project_domain_id = default
[glance_store]
stores = swift
swift_store_multi_tenant = true
swift_store_large_object_size = 2
swift_store_large_object_chunk_size = 1
`,
  )
  const settings = await readConfig(config)
  const server = await startTestServer(t, { dataApi: 'sqlite', ...settings })
  const as = { 'x-auth-token': 'token-of-caller' }
  const community = { visibility: 'community', disk_format: 'raw', container_format: 'bare' }
  const id = await server.create(community, as)
  async function* body() {
    yield Buffer.alloc(2 * MB, 'x')
    known.clear()
    yield Buffer.alloc(MB, 'y')
  }
  const sent = { method: 'PUT', headers: { ...as, 'content-type': 'application/octet-stream' } }
  const answer = await fetch(`${server.url}/v2/images/${id}/file`, {
    ...sent,
    body: ReadableStream.from(body()),
    duplex: 'half',
  })
  t.equal(answer.status, 204)
  t.equal(swift.names(`glance_${id}`).length, 4)
  t.equal(keystone.trusts.size, 0)
  t.equal(swift.acl(`glance_${id}`)['x-container-read'], '*:*', 'with the readers that it is for')
  t.equal((await server.call('DELETE', `/v2/images/${id}`, { as })).status, 204)
  t.ok(swift.hasContainer(`glance_${id}`))
  t.match(await run(['scrub', '--config', config]), { status: 0, stdout: '1 image deleted' })
  t.notOk(swift.hasContainer(`glance_${id}`))

  t.test(
    'which looks through the accounts of those who own images for what none names',
    async t => {
      swift.createContainer(`glance_${id}`)
      swift.createContainer(`glance_${ID}`)
      known.add('token-of-caller')
      const moved = await server.create(community, as)
      await server.upload(moved, 'data', as)
      const search = ['scrub', '--config', config, '--min-age', '0']
      const home = { region: 'One', interface: 'public', url: `${swift.url}/v1/AUTH_p1` }
      keystone.catalog = [{ type: 'object-store', endpoints: [home] }]
      swift.home = 'AUTH_p-1' // Where the images are not that are in AUTH_test.
      t.match(await run([...search, '--orphans']), {
        status: 1,
        stdout:
          /^(?=.*of no image\n)(?=.*of a deleted image\n)(?=.*of an image that is active and not there\n).*\n3 orphans/s,
        stderr: /store swift: Keystone does not let the user of the service list all projects/,
      })
      t.match(await run([...search, '--delete-orphans', 'swift']), {
        status: 0,
        stdout: /0 orphans .*, 3 deleted/,
      })
      for (const each of [id, ID, moved]) t.notOk(swift.hasContainer(`glance_${each}`))
      swift.interfere = () => 403
      t.match(await run([...search, '--orphans']), { status: 1, stderr: /ResellerAdmin/ })
    },
  )
})
