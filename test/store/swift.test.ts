import { join } from 'node:path'
import t from 'tap'
import { bytesOf, collect, collectAll, patternedBytes } from '../../lib/compliance/bytes.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import { SWIFT_OPTIONS, swiftProperties, swiftSettings } from '../../lib/store/swift/settings.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { openOrDisable } from '../../lib/store/open.ts'
import type { Location, Store } from '../../lib/store/store.ts'
import { SwiftStore } from '../../lib/store/swift/swift.ts'
import { startKeystone } from '../support/keystone.ts'
import { DEMO } from '../support/keystone-documents.ts'
import { startListener } from '../support/listener.ts'
import { OWNER, startTestServer } from '../support/server.ts'
import { startSwift, type TestSwift } from '../support/swift.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
const OTHER = 'bbbbbbbb-0000-4000-8000-000000000002'
/** Bytes: what Glance calls a megabyte. */
const MB = 1000 * 1024

type Options = Readonly<Record<string, string>>

/** A store with segments of a megabyte, from the second megabyte on, in a Swift of the test's. */
async function open(swift: Pick<TestSwift, 'url'>, options: Options = {}): Promise<SwiftStore> {
  return await SwiftStore.open('swift', swiftSettings({ ...optionsOf(swift), ...options }))
}

function optionsOf(swift: Pick<TestSwift, 'url'>): Options {
  return {
    swift_store_auth_version: '1',
    swift_store_auth_address: `${swift.url}/auth/v1.0`,
    swift_store_user: 'test:tester',
    swift_store_key: 'testing',
    swift_store_large_object_size: '2',
    swift_store_large_object_chunk_size: '1',
    swift_store_create_container_on_put: 'true',
  }
}

t.test('the swift store', async t => {
  storeSuite(t, {
    create: async t => {
      const swift = await startSwift(t)
      return {
        store: await open(swift),
        contents: async () => {
          const names = swift.names('glance')
          // Segments are of the image that is before them.
          return names.filter(name => !names.some(other => name.startsWith(`${other}-`)))
        },
        cutOff: async id => {
          swift.createContainer('glance')
          await put(swift, `glance/${id}-00001`, 'abc')
          swift.age(25 * 3600)
        },
        whileFull: async (bytes, work) => {
          swift.room = bytes
          await work()
          swift.room = Number.POSITIVE_INFINITY
        },
      }
    },
  })
})

t.test('an image that is small and of known size is one object', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  await store.add(ID, patternedBytes(2 * MB - 1), 2 * MB - 1)
  t.strictSame(swift.names('glance'), [ID])
})

for (const { title, sent, declared } of [
  { title: 'a big one', sent: 2 * MB, declared: true },
  { title: 'one of unknown size', sent: 2 * MB, declared: false },
]) {
  t.test(`${title} is segments in the same container, with a manifest`, async t => {
    const swift = await startSwift(t)
    await using store = await open(swift)
    const { location } = await store.add(ID, patternedBytes(sent), declared ? sent : null)
    t.strictSame(swift.names('glance'), [ID, `${ID}-00001`, `${ID}-00002`])
    const found = await collect(await store.open(location, { offset: MB - 1, length: 2 }))
    t.ok(found.equals((await collect(patternedBytes(sent))).subarray(MB - 1, MB + 1)))
    t.test('and is deleted with them', async t => {
      await using store = await open(swift)
      await store.delete(location)
      t.strictSame(swift.names('glance'), [])
    })
  })
}

t.test('no bytes of unknown size are one object', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  await store.add(ID, bytesOf(), null)
  t.strictSame(swift.names('glance'), [ID])
})

t.test('more segments than a page of the listing has are read and deleted', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  const { location } = await store.add(ID, patternedBytes(8 * MB), null)
  t.equal(await store.size(location), 8 * MB)
  await store.delete(location)
  t.strictSame(swift.names('glance'), [])
})

t.test('a manifest as Folsom wrote it, which names itself too, is deleted once', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  swift.createContainer('glance')
  await put(swift, `glance/${ID}-00001`, 'abc')
  await put(swift, `glance/${ID}-00002`, 'def')
  await put(swift, `glance/${ID}`, '', { 'x-object-manifest': `glance/${ID}` })
  t.equal(await textOf(store, store.locate(ID)), 'abcdef')
  await store.delete(store.locate(ID))
  t.strictSame(swift.names('glance'), [])
})

t.test('a static large object is read, and deleted with its segments', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  swift.createContainer('glance')
  swift.createContainer('parts')
  await put(swift, 'parts/one', 'abc')
  await put(swift, 'parts/two', 'def')
  const manifest = JSON.stringify([{ path: '/parts/one' }, { path: '/parts/two' }])
  await put(swift, `glance/${ID}?multipart-manifest=put`, manifest)
  t.equal(await textOf(store, store.locate(ID)), 'abcdef')
  await store.delete(store.locate(ID))
  t.strictSame([...swift.names('glance'), ...swift.names('parts')], [])
})

t.test('what a write that was cut off left does not become part of the image', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  swift.createContainer('glance')
  for (const number of ['1', '3', '7']) await put(swift, `glance/${ID}-0000${number}`, 'left')
  await store.add(ID, bytesOf('abc'), null)
  t.equal(await textOf(store, store.locate(ID)), 'abc')
})

t.test(
  'what a write that was cut off left is deleted with the image that is not there',
  async t => {
    const swift = await startSwift(t)
    await using store = await open(swift)
    swift.createContainer('glance')
    for (const name of [`${ID}-00001`, `${ID}-notes`, OTHER])
      await put(swift, `glance/${name}`, 'x')
    await t.rejects(store.delete(store.locate(ID)), { code: 'not_found' })
    t.strictSame(swift.names('glance'), [`${ID}-notes`, OTHER])
  },
)

t.test('what there is is listed, of all containers that images are in by their ids', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift, { swift_store_multiple_containers_seed: '2' })
  const ids = Array.from({ length: 5 }, (_, i) => `${i}${ID.slice(1)}`)
  for (const id of ids) await store.add(id, patternedBytes(2 * MB), 2 * MB)
  swift.createContainer('glance_of_others')
  for (const path of [`glance_of_others/${ID}`, `glance_0a/${ID}`, 'glance_0a/notes']) {
    await put(swift, path, 'abc')
  }
  await put(swift, `glance_0a/${ids[0]}-copy`, 'abc')
  const listed = await collectAll(store.list())
  t.strictSame(
    listed.map(({ id, size, isWhole }) => [id, size, isWhole]),
    ids.map(id => [id, 2 * MB, true]),
  )
  for (const { location } of listed) await store.delete(location)
  t.strictSame(await collectAll(store.list()), [])
})

t.test('recovery removes segments that have been without a manifest for a day', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  await store.add(ID, patternedBytes(MB), null)
  for (const name of [`${OTHER}-00001`, 'notes', 'notes-00001'])
    await put(swift, `glance/${name}`, 'x')
  await store.recover()
  t.equal(swift.names('glance').length, 5, 'others may be writing them')
  swift.age(25 * 3600)
  await store.recover()
  t.strictSame(swift.names('glance'), [ID, `${ID}-00001`, 'notes', 'notes-00001'])
})

t.test(
  'a token that is refused in the middle of a long upload is renewed, and nothing sent twice',
  async t => {
    const swift = await startSwift(t)
    await using store = await open(swift)
    async function* data() {
      for (let part = 0; part < 4; part += 1) {
        if (part === 2) swift.revoke()
        yield* patternedBytes(MB)
      }
    }
    const { location } = await store.add(ID, data(), null)
    t.equal(swift.tokens.length, 2)
    const whole = await collect(patternedBytes(MB))
    t.ok(
      (await collect(await store.open(location))).equals(
        Buffer.concat([whole, whole, whole, whole]),
      ),
    )
  },
)

t.test('a Swift that is away for a moment before data flows is asked again', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  let left = 2
  swift.interfere = ({ method, path }) => {
    if (method !== 'PUT' || !path.endsWith('-00002') || left === 0) return undefined
    left -= 1
    return left === 1 ? 503 : 'hang up'
  }
  const { size } = await store.add(ID, patternedBytes(3 * MB), 3 * MB)
  t.equal(size, 3 * MB)
})

t.test('when a segment cannot be written nothing is left', async t => {
  for (const answer of [403, 503, 507, 'hang up'] as const) {
    const swift = await startSwift(t)
    await using store = await open(swift)
    swift.interfere = ({ method, path }) =>
      method === 'PUT' && path.endsWith('-00002') ? answer : undefined
    const code = answer === 403 ? 'forbidden' : answer === 507 ? 'over_limit' : 'unavailable'
    await t.rejects(store.add(ID, patternedBytes(3 * MB), null), { code })
    t.strictSame(swift.names('glance'), [])
  }
})

t.test('when the manifest cannot be written nothing is left', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  swift.interfere = ({ method, path }) =>
    method === 'PUT' && path === `glance/${ID}` ? 403 : undefined
  await t.rejects(store.add(ID, patternedBytes(3 * MB), null), { code: 'forbidden' })
  t.strictSame(swift.names('glance'), [])
})

t.test('data that Swift has another digest of is corrupt, and removed', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  swift.damages = true
  await t.rejects(store.add(ID, patternedBytes(10), 10), { code: 'corrupt' })
  await t.rejects(store.add(ID, patternedBytes(3 * MB), null), { code: 'corrupt' })
  t.strictSame(swift.names('glance'), [])
})

t.test(
  'a download that breaks off is gone on with as often as swift_store_retry_get_count says',
  async t => {
    const swift = await startSwift(t)
    await using patient = await open(swift, { swift_store_retry_get_count: '9' })
    await using store = await open(swift)
    const { location } = await store.add(ID, patternedBytes(2 * MB), null)
    swift.breaksAfter = 500_000
    const whole = await collect(patternedBytes(2 * MB))
    t.ok((await collect(await patient.open(location))).equals(whole))
    await t.rejects(collect(await store.open(location)), { code: 'unavailable' })
  },
)

t.test('an object that is removed before it is read is gone', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  const data = await store.open(location)
  await store.delete(location)
  await t.rejects(collect(data), { code: 'gone' })
})

t.test('a container that is not there is made only if that is set', async t => {
  const swift = await startSwift(t)
  const off = { swift_store_create_container_on_put: 'false' }
  await using store = await open(swift, { ...off, swift_store_container: 'my images' })
  await t.rejects(store.add(ID, bytesOf('abc'), 3), {
    code: 'unavailable',
    message: /no container my images: make it, or set swift_store_create_container_on_put$/,
  })
  swift.createContainer('my images')
  await store.add(ID, patternedBytes(2 * MB), null)
  t.equal(await store.size(store.locate(ID)), 2 * MB)
  await store.delete(store.locate(ID))
  t.strictSame(swift.names('my images'), [])
})

t.test('images are spread over containers by the beginning of their ids', async t => {
  const swift = await startSwift(t)
  for (const [seed, container] of [
    ['3', 'glance_aaa'],
    ['10', 'glance_aaaaaaaa-00'],
  ] as const) {
    await using store = await open(swift, { swift_store_multiple_containers_seed: seed })
    const { location } = await store.add(ID, bytesOf('abc'), 3)
    t.strictSame(swift.names(container), [ID])
    t.ok(store.holds(location))
    await store.recover()
  }
})

t.test('LP 994296: users and keys may have any characters, @ and : among them', async t => {
  for (const [user, key] of [
    ['account@example.org:user@example.org', 'k:e/y@p%40ß'],
    ['a:b:c', ':'],
  ] as const) {
    const swift = await startSwift(t, { users: { [user]: key } })
    await using store = await open(swift, { swift_store_user: user, swift_store_key: key })
    const { location } = await store.add(ID, bytesOf('abc'), 3)
    t.equal(location.url.split('@').length, 2, location.url)
    await using other = await open(swift)
    t.notOk(other.holds(location))
    t.equal(await textOf(other, location), 'abc', 'whoever has the location reads it')
    await other.delete(location)
    t.strictSame(swift.names('glance'), [])
  }
})

t.test('locations are as Glance writes them', async t => {
  for (const [address, url] of [
    [
      'http://swift.example/auth/v1.0/',
      `swift+http://a%3Ab%40c:k%3Dy@swift.example/auth/v1.0/glance/${ID}`,
    ],
    [
      'https://swift.example:5000/v3',
      `swift+https://a%3Ab%40c:k%3Dy@swift.example:5000/v3/glance/${ID}`,
    ],
    ['swift.example', `swift+https://a%3Ab%40c:k%3Dy@swift.example/glance/${ID}`],
  ] as const) {
    const options = {
      swift_store_auth_address: address,
      swift_store_user: 'a:b@c',
      swift_store_key: 'k=y',
    }
    await using store = await open({ url: '' }, options)
    t.equal(store.locate(ID).url, url)
    t.ok(store.holds({ url: url.replace('swift+https', 'swift') }))
  }
})

t.test('a location whose key is of yesterday is read by the key of today', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  t.equal(await textOf(store, { url: location.url.replace(':testing@', ':yesterday@') }), 'abc')
})

t.test('but not for a user who names the account without knowing its key', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  t.equal(await store.size(location, { asGiven: true }), 3, 'with it, they may')
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    dataDir: join(t.testdirName, 'service'),
    showMultipleLocations: true,
    store: 'swift',
    storeOptions: optionsOf(swift),
  })
  for (const key of ['yesterday', '']) {
    const url = location.url.replace(':testing@', `:${key}@`)
    await t.rejects(store.size({ url }, { asGiven: true }), { code: 'unavailable' })
    const id = await server.create()
    const value = { url, metadata: {} }
    const added = await server.patch(id, [{ op: 'add', path: '/locations/-', value }])
    t.match(added, { status: 400, text: /invalid location/i })
    t.match(await server.show(id), { status: 'queued', locations: [] })
    const headers = {
      'x-image-meta-name': 'thief',
      'x-image-meta-disk_format': 'raw',
      'x-image-meta-container_format': 'bare',
      'x-image-meta-location': url,
    }
    t.equal((await server.call('POST', '/v1/images', { as: OWNER, headers })).status, 400)
  }
  t.equal(await textOf(store, location), 'abc')
})

t.test('of the accounts that locations name, only the last are kept', async t => {
  const names = Array.from({ length: 40 }, (_, i) => `them:${i}`)
  const users = Object.fromEntries(['test:tester', ...names].map(name => [name, 'testing']))
  const swift = await startSwift(t, { users })
  await using store = await open(swift)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  const named = (name: string) => ({
    url: location.url.replace('test%3Atester', encodeURIComponent(name)),
  })
  for (const name of names) {
    t.equal(await store.size(named(name)), 3)
    t.equal(await store.size(location), 3)
  }
  t.equal(await store.size(named('them:39')), 3)
  t.equal(await store.size(named('them:0')), 3)
  const logins = (name: string) => swift.requests.filter(line => line === `AUTH ${name}`).length
  t.equal(logins('test:tester'), 1, 'one that is asked again and again is one of them')
  t.equal(logins('them:39'), 1)
  t.equal(logins('them:0'), 2)
})

t.test('nobody waits for all that Swift says to who logs in', async t => {
  let closed: Promise<unknown> = Promise.resolve()
  const url = await startListener(t, ({ socket, headers }, response) => {
    if (headers['x-auth-user'] === undefined) return void response.writeHead(404).end()
    closed = new Promise(resolve => socket.once('close', resolve))
    const said = { 'x-auth-token': 'AUTH_tk1', 'x-storage-url': `${url}/v1/a` }
    response.writeHead(200, { ...said, 'content-length': 64 * MB })
    response.write(Buffer.alloc(9 * MB)) // And no more.
  })
  await using store = await open({ url })
  await t.rejects(store.size(store.locate(ID)), { code: 'not_found' })
  await closed
})

t.test('with a file of accounts locations have a name instead of credentials', async t => {
  const swift = await startSwift(t, { users: { 'test:tester': 'testing', 'two:user': 'a;b#c' } })
  const file = join(
    t.testdir({
      'swift.conf': `# Accounts.
[ref1]
user = test:tester
key = "testing"
auth_address = ${swift.url}/auth/v1.0
auth_version = 1

[two]
user: two:user
key: a;b#c
auth_address: ${swift.url}/auth/v1.0
`,
    }),
    'swift.conf',
  )
  const own = { swift_store_user: '', swift_store_key: '', swift_store_auth_address: '' }
  const options = { ...own, swift_store_config_file: file }
  await using store = await open(swift, options)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  t.equal(location.url, `swift+config://ref1/glance/${ID}`)
  await using two = await open(swift, { ...options, default_swift_reference: 'two' })
  t.ok(two.holds(location))
  t.equal(await textOf(two, location), 'abc')
  await two.delete(location)
  t.equal((await two.add(ID, bytesOf('abc'), 3)).location.url, `swift+config://two/glance/${ID}`)
  t.match(swift.requests, new Set(['AUTH test:tester', 'AUTH two:user']))
  await t.rejects(store.open({ url: `swift+config://three/glance/${ID}` }), {
    code: 'not_found',
    message: /knows no account 'three'/,
  })
})

t.test(
  'what is wrong with the settings is told by the name of the option, without the key',
  async t => {
    const file = join(t.testdir({ bad: '[ref1]\nkey = "secret\n', poor: '[ref1]\nkey = secret' }))
    for (const [options, message] of [
      [{ swift_store_key: '' }, /swift_store_key have to be set/],
      [
        { swift_store_auth_version: '4' },
        /^swift_store_auth_version: expected 1, 2 or 3, found '4'$/,
      ],
      [{ swift_store_large_object_size: '0' }, /^swift_store_large_object_size: /],
      [{ swift_store_multiple_containers_seed: '33' }, /^swift_store_multiple_containers_seed: /],
      [{ swift_store_create_container_on_put: 'maybe' }, /on_put: expected true or false/],
      [{ swift_store_endpoint_type: 'public' }, /publicURL, internalURL, adminURL/],
      [{ swift_store_endpoint: 'swift.example' }, /^swift_store_endpoint: expected a URL/],
      [{ swift_store_container: 'a/b' }, /^swift_store_container: /],
      [{ swift_store_colour: 'blue' }, /^swift_store_colour: there is no such option$/],
      [{ swift_buffer_on_upload: 'true' }, /^swift_buffer_on_upload: /],
      [{ swift_store_cacert: '/nowhere.pem' }, /^swift_store_cacert: ENOENT/],
      [{ swift_store_config_file: '/nowhere' }, /^swift_store_config_file: ENOENT/],
      [{ swift_store_config_file: join(file, 'bad') }, /bad:2: a quote is not closed$/],
      [
        { swift_store_config_file: join(file, 'poor') },
        /poor: \[ref1\] auth_address: has to be set$/,
      ],
      [{ default_swift_reference: 'x', swift_store_config_file: '/dev/null' }, /no section \[x\]/],
      [{ swift_store_auth_version: '3', swift_store_user: 'user' }, /project:user/],
      [{ swift_store_multi_tenant: 'true', swift_store_config_file: 'x' }, /exclude each other/],
    ] as const) {
      const opening = open({ url: 'http://swift.example' }, options)
      await t.rejects(opening, { code: 'usage', message }, JSON.stringify(options))
      await t.rejects(open({ url: 'http://swift.example' }, options), { message: /^(?!.*secret)/ })
    }
  },
)

t.test('a store that is configured wrongly reads what has its credentials with it', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  const options = { swift_store_auth_version: '1', swift_store_large_object_size: 'big' }
  const filter = DEFAULT_FILTER
  await using wrong = await openOrDisable({ id: 'swift', type: 'swift', options, filter })
  t.equal(await textOf(wrong, location), 'abc')
  await t.rejects(wrong.add(OTHER, bytesOf('abc'), 3), { code: 'gone' })
  await t.rejects(wrong.delete(wrong.locate(OTHER)), { code: 'not_found' })
})

t.test("all of Glance's options are known, and its megabytes have 1000 * 1024 bytes", async t => {
  for (const name of SWIFT_OPTIONS) t.ok(swiftSettings({ [name]: '' }), name)
  t.strictSame(swiftProperties(swiftSettings({ swift_store_large_object_size: '1' })), {
    container: 'glance',
    large_object_size: 1_024_000,
    large_object_chunk_size: 204_800_000,
  })
})

t.test('a location that Glance would not read is refused, without what is in it', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift)
  for (const url of [
    `swift://user:secret@http://swift.example/v1/c/${ID}`,
    `swift+http://secret@swift.example/v1/c/${ID}`,
    'swift+http://user:secret@swift.example/c',
    `swift+http://user:secret@swift.example/../${ID}`,
    `swift+config://user:secret@ref1/c/${ID}`,
    `swift+http://user:secret@[/c/${ID}`,
    `file:///secret/${ID}`,
    'secret',
  ]) {
    await t.rejects(store.open({ url }), { code: 'invalid', message: /^(?!.*secret)/ }, url)
    t.notOk(store.holds({ url }))
  }
})

t.test('credentials that Swift refuses make the store unavailable, and are not told', async t => {
  const swift = await startSwift(t)
  await using store = await open(swift, { swift_store_key: 'wrong-secret' })
  await t.rejects(store.add(ID, bytesOf('abc'), 3), {
    code: 'unavailable',
    message: `store swift: ${swift.url} refuses the key of user 'test:tester'`,
  })
})

for (const version of ['2', '3'] as const) {
  t.test(
    `the Identity API v${version} lets in by project:user, and its catalogue says where Swift is`,
    async t => {
      const keystone = await startKeystone(t)
      const swift = await startSwift(t, { knows: token => keystone.knows(token) })
      const at = (region: string, url: string) => ({
        region,
        region_id: region,
        interface: 'public',
        url,
      })
      keystone.catalog = [
        {
          type: 'object-store',
          name: 'swift',
          endpoints: [at('One', swift.storageUrl), at('Two', 'http://127.0.0.1:9/v1/AUTH_x')],
        },
      ]
      const options = {
        swift_store_auth_version: version,
        swift_store_auth_address: `${keystone.url}/${version === '3' ? 'v3' : 'v2.0'}/`,
        swift_store_user: 'demo:demo',
        swift_store_key: DEMO.password,
        swift_store_region: 'One',
      }
      await using store = await open(swift, options)
      async function* data() {
        yield* patternedBytes(MB)
        keystone.revoke()
        yield* patternedBytes(MB)
      }
      const { location } = await store.add(ID, data(), 2 * MB)
      t.match(location.url, /^swift\+http:\/\/demo%3Ademo:p%C3%A4ssword-of-demo@/)
      t.equal(await store.size(location), 2 * MB)
      t.equal(keystone.tokens.length, 2, 'and once more when the token was revoked')
      await store.delete(location)
      t.strictSame(swift.names('glance'), [])
      await using nowhere = await open(swift, { ...options, swift_store_region: 'Three' })
      await t.rejects(nowhere.add(ID, bytesOf('abc'), 3), {
        code: 'unavailable',
        message: /no public endpoint of type 'object-store' in region 'Three'/,
      })
      await using vague = await open(swift, { ...options, swift_store_region: '' })
      await t.rejects(vague.add(ID, bytesOf('abc'), 3), {
        message: /\(One, Two\): swift_store_region/,
      })
      const told = { ...options, swift_store_region: '', swift_store_endpoint: swift.storageUrl }
      await using direct = await open(swift, told)
      await direct.add(ID, bytesOf('abc'), 3)
      t.strictSame(swift.names('glance'), [ID])
    },
  )
}

t.test("LP 979745: under Keystone's auth, what is deleted is gone from Swift", async t => {
  const keystone = await startKeystone(t)
  const swift = await startSwift(t, { knows: token => keystone.knows(token) })
  const endpoints = [{ region: 'One', interface: 'public', url: swift.storageUrl }]
  keystone.catalog = [{ type: 'object-store', name: 'swift', endpoints }]
  const server = await startTestServer(t, {
    store: 'swift',
    storeOptions: {
      swift_store_auth_address: `${keystone.url}/v2.0/`,
      swift_store_user: 'demo:demo',
      swift_store_key: DEMO.password,
      swift_store_create_container_on_put: 'true',
      swift_store_large_object_size: '2',
      swift_store_large_object_chunk_size: '1',
    },
  })
  for (const [api, size] of [
    ['v1', 10],
    ['v1', 3 * MB],
    ['v2', 10],
    ['v2', 3 * MB],
  ] as const) {
    const id = await server.create({ disk_format: 'raw', container_format: 'bare' })
    t.equal((await server.upload(id, Buffer.alloc(size))).status, 204)
    t.equal(swift.names('glance').length, size === 10 ? 1 : 4)
    const { status } = await server.call('DELETE', `/${api}/images/${id}`, { as: OWNER })
    t.equal(status, api === 'v1' ? 200 : 204)
    t.strictSame(swift.names('glance'), [], `${size} bytes by ${api}`)
  }
})

/** Puts an object there past the store. */
async function put(
  swift: TestSwift,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const user = { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' }
  const login = await fetch(`${swift.url}/auth/v1.0`, { headers: user })
  const token = login.headers.get('x-auth-token') ?? ''
  const url = `${swift.storageUrl}/${path}`
  const sent = { method: 'PUT', headers: { ...headers, 'x-auth-token': token }, body }
  const { status } = await fetch(url, sent)
  if (status !== 201) throw new Error(`PUT ${path}: ${status}`)
}

async function textOf(store: Store, at: Location): Promise<string> {
  return (await collect(await store.open(at))).toString()
}
