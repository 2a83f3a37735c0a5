import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { bytesOf, collect, collectAll, patternedBytes } from '../../lib/compliance/bytes.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import type { Location, Store, StoreCall } from '../../lib/store/store.ts'
import { swiftSettings } from '../../lib/store/swift/settings.ts'
import { SwiftStore } from '../../lib/store/swift/swift.ts'
import { openSwift } from '../../lib/store/swift/open.ts'
import { startProgram } from '../support/command.ts'
import { run } from '../support/program.ts'
import { Keystone, PEOPLE } from './support/keystone.ts'
import type { KeystoneSession } from './support/keystone-session.ts'
import { Swift } from './support/swift.ts'
import { waitUntil } from './support/wait.ts'

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
  'a store that is full says so and keeps what it has': 'there is no limit that a test could set',
  'recovery removes what a crash left of a write': 'segments count as left only after a day',
}

const keystone = await Keystone.start()
t.teardown(() => keystone[Symbol.asyncDispose]())
{
  const { name, password, project } = PEOPLE.glance
  // By which Swift lets somebody into all accounts.
  await keystone.admin.giveRoles(name, password, project, ['ResellerAdmin'])
}
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

    t.test('lists the images of all containers that are its own', async t => {
      const name = { swift_store_container: `many ${containers}` }
      await using store = await open({ ...name, swift_store_multiple_containers_seed: '1' })
      await using other = await open({ swift_store_container: `many ${containers}_of_others` })
      const ids = ['a', 'b'].map(digit => `${digit}${ID.slice(1)}`)
      for (const id of ids) await store.add(id, patternedBytes(3 * MB), null)
      await other.add(ID, bytesOf('abc'), 3)
      const listed = await collectAll(store.list())
      t.strictSame(
        listed.map(({ id, size, isWhole }) => [id, size, isWhole]),
        ids.map(id => [id, 3 * MB, true]),
      )
      for (const { location } of listed) await store.delete(location)
      t.strictSame(await collectAll(store.list()), [])
    })

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

t.test('a static large object of somebody else is read, and deleted with its segments', async t => {
  const { token, projectId } = await keystone.sessionOf('admin')
  const account = `${swift.url}/v1/AUTH_${projectId}`
  const put = async (path: string, body = '') => {
    const headers = { 'x-auth-token': token }
    const { ok, status } = await fetch(`${account}/${path}`, { method: 'PUT', headers, body })
    t.ok(ok, `PUT ${path}: ${status}`)
  }
  await put('static')
  await put('parts')
  await put('parts/1', 'abc')
  await put('parts/2', 'def')
  const manifest = JSON.stringify([{ path: '/parts/1' }, { path: '/parts/2' }])
  await put(`static/${ID}?multipart-manifest=put`, manifest)
  const container = { swift_store_container: 'static' }
  await using store = await SwiftStore.open(
    'swift',
    swiftSettings({ ...ACCOUNTS.Keystone, ...container }),
  )
  const location = store.locate(ID)
  t.equal(await store.size(location), 6)
  t.equal(await textOf(store, location), 'abcdef')
  await store.delete(location)
  const left = await fetch(`${account}/parts`, { headers: { 'x-auth-token': token } })
  t.equal(await left.text(), '')
})

t.test('images are in the accounts of their projects, for whom it is said', async t => {
  const member = await keystone.sessionOf('member')
  const other = await keystone.sessionOf('other')
  const owner = callOf(member)
  const stranger = callOf(other)
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
  await store.delete(location, owner)
})

t.test('an upload goes on by a trust when the token of its caller is revoked', async t => {
  const member = await keystone.sessionOf('member')
  const trusts = async () => (await member.call('GET', `OS-TRUST/trusts${ofMember}`))['trusts']
  const ofMember = `?trustor_user_id=${member.userId}`
  const { token } = member
  const owner = callOf(member)
  const store = await openFor('glance')
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
    await t.rejects(store.delete({ url: other }, { onlyOf: image }), { code: 'not_found' })
    await store.delete(location, { onlyOf: image })
    await t.rejects(store.size(location, { onlyOf: image }), { code: 'not_found' })
    const again = callOf(member)
    const { location: anew } = await store.add(ID, patternedBytes(10), 10, again)
    t.equal((await collect(await store.open(anew, null, again))).length, 10)
    await store.delete(store.locate(ID), { onlyOf: image })
    await t.rejects(store.size(anew, again), { code: 'not_found' }, 'also by its owner alone')
  })
})

t.test('the projects of administrators read and empty what is not theirs', async t => {
  const member = await keystone.sessionOf('member')
  const other = await keystone.sessionOf('other')
  const reader = await keystone.sessionOf('reader')
  const store = await openFor('other', { swift_store_admin_tenants: other.projectId })
  const { location } = await store.add(ID, patternedBytes(3 * MB), null, callOf(member))
  const read = async (who: KeystoneSession) =>
    (await collect(await store.open(location, null, callOf(who)))).length
  t.equal(await read(other), 3 * MB)
  await t.rejects(read(reader), { code: 'forbidden' }, 'as nobody else does without a role there')
  const image = { id: ID, owner: member.projectId }
  const nobody = await openFor('glance', {
    swift_store_user: 'demo:reader',
    swift_store_key: PEOPLE.reader.password,
  })
  await t.rejects(nobody.delete(location, { onlyOf: image }), {
    code: 'forbidden',
    message: /ResellerAdmin/,
  })
  await store.delete(location, { onlyOf: image })
  await t.rejects(store.size(location, callOf(member)), { code: 'not_found' })
  const { status } = await fetch(`${swift.url}/v1/AUTH_${member.projectId}/glance_${ID}`, {
    headers: { 'x-auth-token': member.token },
  })
  t.equal(status, 204, 'the empty container is for its owner to remove')
})

t.test('what a service left that was killed is found in whatever account it is', async t => {
  const [admin, member] = [await keystone.sessionOf('admin'), await keystone.sessionOf('member')]
  const folder = t.testdir()
  const config = join(folder, 'glance-api.conf')
  const { name, password, project } = PEOPLE.glance
  writeFileSync(
    config,
    `[DEFAULT]
data_dir = ${folder}/data
[paste_deploy]
flavor = keystone
[keystone_authtoken]
auth_url = ${keystone.url}
username = ${name}
password = ${password}
user_domain_id = default
project_name = ${project}
project_domain_id = default
[glance_store]
stores = swift
default_store = swift
swift_store_multi_tenant = true
swift_store_container = killed
swift_store_large_object_size = 2
swift_store_large_object_chunk_size = 1
`,
  )
  const start = async () => {
    const program = await startProgram(['serve', '--port', '0', '--config', config])
    t.teardown(async () => await program[Symbol.asyncDispose]())
    return { program, url: (await program.firstLine()).replace('listening on ', '') }
  }
  const scrub = async (...words: readonly string[]) =>
    await run(['scrub', '--config', config, '--min-age', '0', ...words])
  const first = await start()
  const call = async (who: KeystoneSession, method: string, path: string, body?: object) => {
    const type = { 'content-type': 'application/json' }
    const headers = { ...type, 'x-auth-token': who.token }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await fetch(`${first.url}/v2/${path}`, { method, headers, ...sent })
    t.ok(answer.ok, `${method} ${path}: ${answer.status}`)
    const said = await answer.text()
    return said === '' ? {} : (JSON.parse(said) as Readonly<Record<string, unknown>>) // As documented.
  }
  /** All names of an account that the service might have given, by what an operator of it sees. */
  const left = async ({ token, projectId }: KeystoneSession, prefix = 'killed_') => {
    const account = `${swift.url}/v1/AUTH_${projectId}`
    const names = async (path: string) => {
      const answer = await fetch(`${account}${path}`, { headers: { 'x-auth-token': token } })
      return (await answer.text()).split('\n').filter(line => line !== '')
    }
    const containers = await names(`?prefix=${prefix}`)
    return (
      await Promise.all(
        containers.map(async each => [each, ...(await names(`/${encodeURIComponent(each)}`))]),
      )
    ).flat()
  }
  /** An image of the member's project, whose data somebody begins to send: two segments, and no more. */
  const begin = async (who: KeystoneSession): Promise<string> => {
    const formats = { disk_format: 'raw', container_format: 'bare' }
    const { id } = await call(admin, 'POST', 'images', { ...formats, owner: member.projectId })
    const headers = {
      'content-type': 'application/octet-stream',
      'x-auth-token': who.token,
      'transfer-encoding': 'chunked',
    }
    const sent = request(`${first.url}/v2/images/${String(id)}/file`, { method: 'PUT', headers })
    sent.on('error', () => {}) // It is killed.
    sent.write(Buffer.alloc(2 * MB + MB / 2, 'x'))
    t.teardown(() => sent.destroy())
    await waitUntil('two segments are there', async () =>
      (await left(who)).includes(`${String(id)}-00002`),
    )
    return String(id)
  }
  const [own, others, deleted] = [await begin(member), await begin(admin), await begin(member)]
  await call(member, 'DELETE', `images/${deleted}`)
  first.program.kill('SIGKILL')
  await first.program.outcome
  const put = async (path: string) => {
    const headers = { 'x-auth-token': admin.token }
    const to = `${swift.url}/v1/AUTH_${admin.projectId}/${path}`
    t.ok((await fetch(to, { method: 'PUT', headers, body: path.includes('/') ? 'x' : '' })).ok)
  }
  const strangers = [`killed_notes`, `killed_${ID}`, `killed_${ID}/notes`, `else_${ID}`]
  for (const path of [...strangers, `else_${ID}/${ID}`]) await put(path)

  t.match(await scrub('--orphans'), {
    status: 0,
    stdout: /^0 orphans /,
    stderr: /Keystone does not let the user of the service list all projects/,
  })
  for (const id of [own, deleted]) {
    t.ok((await left(member)).includes(`${id}-00002`), 'what may be on its way is kept')
  }

  const { program } = await start()
  t.strictSame(await left(member), [], 'when it starts again it looks where the owner is')
  t.ok((await left(admin)).includes(`${others}-00002`))
  t.match(await scrub('--delete-orphans', 'swift'), { status: 0, stdout: /0 orphans/ })
  t.ok((await left(admin)).includes(`${others}-00002`), 'in a project that owns no image')
  await keystone.admin.giveRoles(name, password, project, ['admin'])
  await swift.forgetTokens()
  t.match(await scrub('--orphans'), {
    status: 1,
    stdout: new RegExp(
      `^${others}: 2.0 MiB .* of an image that is queued and not there\n1 orphan `,
    ),
    stderr: '',
  })
  t.match(await scrub('--delete-orphans', 'swift'), { status: 0, stdout: /, 1 deleted, 0 failed/ })
  t.strictSame(await left(admin), [`killed_${ID}`, 'notes', 'killed_notes'])
  t.strictSame(await left(admin, 'else_'), [`else_${ID}`, ID])
  program.kill('SIGTERM')
  await program.outcome

  const reader = { swift_store_user: 'demo:reader', swift_store_key: PEOPLE.reader.password }
  const nobody = await openFor('glance', { ...reader, swift_store_container: 'killed' })
  await t.rejects(listed(nobody), { code: 'forbidden', message: /ResellerAdmin/ })
})

/** A store that is one of the people of Keystone where it acts by its own right. */
async function openFor(
  person: keyof typeof PEOPLE,
  options: Readonly<Record<string, string>> = {},
) {
  const { name, password, project } = PEOPLE[person]
  const settings = swiftSettings({
    ...SMALL,
    swift_store_multi_tenant: 'true',
    swift_store_auth_version: '3',
    swift_store_auth_address: keystone.url,
    swift_store_user: `${project}:${name}`,
    swift_store_key: password,
    ...options,
  })
  const store = await openSwift('swift', settings, null)
  t.teardown(() => store[Symbol.asyncDispose]())
  return store
}

/** A request of somebody whose catalogue has their own account. */
function callOf({ token, projectId }: KeystoneSession): StoreCall {
  const endpoints = [{ region: 'RegionOne', publicURL: `${swift.url}/v1/AUTH_${projectId}` }]
  return { caller: { token, catalog: [{ type: 'object-store', endpoints }] } }
}

async function textOf(store: Store, at: Location, call?: StoreCall): Promise<string> {
  return (await collect(await store.open(at, null, call))).toString()
}

async function listed(store: Store) {
  if (store.list === undefined) throw new Error('it cannot be looked through')
  return await collectAll(store.list())
}
