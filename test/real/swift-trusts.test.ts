import t from 'tap'
import { collect, patternedBytes } from '../../lib/compliance/bytes.ts'
import type { StoreCall } from '../../lib/store/store.ts'
import { openSwift } from '../../lib/store/swift/open.ts'
import { swiftSettings } from '../../lib/store/swift/settings.ts'
import { Keystone, PEOPLE } from './support/keystone.ts'
import { Swift } from './support/swift.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
/** Bytes: what Glance calls a megabyte. */
const MB = 1000 * 1024

const keystone = await Keystone.start()
t.teardown(() => keystone[Symbol.asyncDispose]())
const { name, password, project } = PEOPLE.glance
// By which Swift lets somebody into all accounts.
await keystone.admin.giveRoles(name, password, project, ['ResellerAdmin'])
const swift = await Swift.start(keystone)
t.teardown(() => swift[Symbol.asyncDispose]())
const store = await openSwift(
  'swift',
  swiftSettings({
    swift_store_multi_tenant: 'true',
    swift_store_large_object_size: '2',
    swift_store_large_object_chunk_size: '1',
    swift_store_auth_version: '3',
    swift_store_auth_address: keystone.url,
    swift_store_user: `${project}:${name}`,
    swift_store_key: password,
  }),
  null,
)
t.teardown(() => store[Symbol.asyncDispose]())

t.test('an upload goes on by a trust when the token of its caller is revoked', async t => {
  const member = await keystone.sessionOf('member')
  const trusts = async () => (await member.call('GET', `OS-TRUST/trusts${ofMember}`))['trusts']
  const ofMember = `?trustor_user_id=${member.userId}`
  const { token } = member
  const endpoints = [{ region: 'RegionOne', publicURL: `${swift.url}/v1/AUTH_${member.projectId}` }]
  const owner: StoreCall = { caller: { token, catalog: [{ type: 'object-store', endpoints }] } }
  async function* data() {
    yield* patternedBytes(MB)
    t.match(await trusts(), [{ impersonation: true, project_id: member.projectId }])
    await keystone.admin.revoke(token)
    await swift.forgetTokens()
    yield* patternedBytes(2 * MB)
  }
  const { location, size } = await store.add(ID, data(), null, owner)
  t.equal(size, 3 * MB)
  t.strictSame(await trusts(), [], 'which is deleted at the end')
  await t.rejects(store.size(location, owner), { code: 'unavailable' }, 'by no right of ours')

  t.test('and the service deletes what it is told to, and nothing else', async t => {
    const image = { id: ID, owner: member.projectId }
    t.equal(await store.size(location, { onlyOf: image }), 3 * MB)
    const other = location.url.replace(/[^/]+$/, 'cccccccc-0000-4000-8000-000000000003')
    await t.rejects(store.delete({ url: other }, { onlyOf: image }), { code: 'forbidden' })
    await store.delete(location, { onlyOf: image })
    await t.rejects(store.size(location, { onlyOf: image }), { code: 'not_found' })
    const again = { ...owner.caller, catalog: owner.caller?.catalog, token: member.token }
    const { location: anew } = await store.add(ID, patternedBytes(10), 10, { caller: again })
    t.equal((await collect(await store.open(anew, null, { caller: again }))).length, 10)
  })
})
