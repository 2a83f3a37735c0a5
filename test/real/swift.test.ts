import t from 'tap'
import { bytesOf, collect, patternedBytes } from '../../lib/compliance/bytes.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import type { Location, Store, StoreCall } from '../../lib/store/store.ts'
import { swiftSettings } from '../../lib/store/swift/settings.ts'
import { SwiftStore } from '../../lib/store/swift/swift.ts'
import { openSwift } from '../../lib/store/swift/open.ts'
import { Keystone, PEOPLE } from './support/keystone.ts'
import { Swift } from './support/swift.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
/** Bytes: what Glance calls a megabyte. */
const MB = 1000 * 1024

/** Segments of a megabyte, from the second megabyte on. */
const SMALL = {
  swift_store_large_object_size: '2',
  swift_store_large_object_chunk_size: '1',
  swift_store_create_container_on_put: 'true',
}
const NO_LIMIT = {
  'a big image takes no more memory than a small one': 'its own test has another measure',
  'a store that is full says so and keeps what it has': 'there is no limit that a test could set',
  'recovery removes what a crash left of a write': 'segments count as left only after a day',
}

const keystone = await Keystone.start()
t.teardown(() => keystone[Symbol.asyncDispose]())
const swift = await Swift.start(keystone)
t.teardown(() => swift[Symbol.asyncDispose]())

const ACCOUNTS = {
  "Swift's own authentication": {
    swift_store_auth_version: '1',
    swift_store_auth_address: `${swift.url}/auth/v1.0`,
    swift_store_user: 'test:tester',
    swift_store_key: 'testing',
  },
  Keystone: {
    swift_store_auth_version: '3',
    swift_store_auth_address: keystone.url,
    swift_store_user: `${PEOPLE.admin.project}:${PEOPLE.admin.name}`,
    swift_store_key: PEOPLE.admin.password,
  },
} as const

let containers = 0

for (const [name, account] of Object.entries(ACCOUNTS)) {
  const open = async (options: Readonly<Record<string, string>> = {}) => {
    containers += 1
    const container = { swift_store_container: `glance ${containers}` }
    const settings = swiftSettings({ ...SMALL, ...account, ...container, ...options })
    return await SwiftStore.open('swift', settings)
  }

  t.test(`a Swift with ${name}`, async t => {
    storeSuite(t, { create: async () => ({ store: await open() }), skip: NO_LIMIT })

    t.test('keeps no segment of what is deleted', async t => {
      await using store = await open({ swift_store_container: 'kept' })
      const { location } = await store.add(ID, patternedBytes(3 * MB), null)
      await store.delete(location)
      await using again = await open({ swift_store_container: 'kept' })
      await again.add(ID, bytesOf('abc'), null)
      t.equal(await textOf(again, again.locate(ID)), 'abc')
    })
  })
}

t.test('images are in the accounts of their projects, for whom it is said', async t => {
  const member = await keystone.sessionOf('member')
  const other = await keystone.sessionOf('other')
  const callerOf = (token: string, project: string): StoreCall => {
    const endpoints = [{ region: 'RegionOne', publicURL: `${swift.url}/v1/AUTH_${project}` }]
    return { caller: { token, catalog: [{ type: 'object-store', endpoints }] } }
  }
  const owner = callerOf(member.token, member.projectId)
  const stranger = callerOf(other.token, other.projectId)
  const settings = swiftSettings({ ...SMALL, swift_store_multi_tenant: 'true' })
  await using store = await openSwift('swift', settings, null)
  const { location } = await store.add(ID, patternedBytes(3 * MB), null, owner)
  t.equal(await store.size(location, owner), 3 * MB)
  const read = async () => await collect(await store.open(location, null, stranger))
  await t.rejects(read(), { code: 'forbidden' }, 'at first only its project')
  await store.admit?.(location, { everybody: false, projects: [other.projectId] }, owner)
  t.equal((await read()).length, 3 * MB, 'then whom it is shared with')
  await store.admit?.(location, { everybody: false, projects: [] }, owner)
  await t.rejects(read(), { code: 'forbidden' }, 'for as long as it is')
  await store.admit?.(location, { everybody: true, projects: [] }, owner)
  t.equal((await read()).length, 3 * MB, 'or everybody')
  await t.rejects(store.delete(location, stranger), { code: 'forbidden' })
  await store.delete(location, owner)
  await t.rejects(store.size(location, owner), { code: 'not_found' })
  await store.add(ID, bytesOf('abc'), 3, owner)
  t.equal(await textOf(store, location, owner), 'abc')
})

async function textOf(store: Store, at: Location, call?: StoreCall): Promise<string> {
  return (await collect(await store.open(at, null, call))).toString()
}
