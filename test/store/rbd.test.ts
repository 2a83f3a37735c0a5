import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bytesOf, collect, collectAll, patternedBytes } from '../../lib/compliance/bytes.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { readConfig } from '../../lib/server/config.ts'
import { openOrDisable, propertiesOf } from '../../lib/store/open.ts'
import { parseRbdLocation } from '../../lib/store/rbd/location.ts'
import { RBD_OPTIONS, rbdSettings } from '../../lib/store/rbd/settings.ts'
import { RbdStore } from '../../lib/store/rbd/store.ts'
import type { Store } from '../../lib/store/store.ts'
import { FakeCeph, FSID } from '../support/ceph.ts'
import { run } from '../support/program.ts'
import { ADMIN, startTestServer } from '../support/server.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001'
const B = 'bbbbbbbb-0000-4000-8000-000000000002'
const MIB = 1024 * 1024

const ceph = FakeCeph.install(t)
let pools = 0

async function open(options: Readonly<Record<string, string>> = {}) {
  pools += 1
  const pool = `pool ${pools}`
  ceph.pool(pool)
  const own = { rbd_store_pool: pool, rbd_store_chunk_size: '1', ...options }
  return { pool, store: await RbdStore.open('rbd', rbdSettings(own)) }
}

async function textOf(store: Store, url: string): Promise<string> {
  return (await collect(await store.open({ url }))).toString()
}

t.test('the rbd store', async t => {
  storeSuite(t, {
    create: async () => {
      const { pool, store } = await open()
      return {
        store,
        contents: async () => ceph.images(pool),
        whileFull: async (_, work) => {
          ceph.say('full')
          await work()
          ceph.unsay('full')
        },
        cutOff: async id => {
          const files = { data: 'half', object: '1024', 'snap.snap': 'protected' }
          ceph.add(pool, `${id}.${B}.partial`, files)
        },
      }
    },
    skip: {
      'a big image takes no more memory than a small one':
        'what pipes leave to the garbage collector is more; test/real has another measure',
    },
  })
})

t.test('the image has the protected snapshot of which others clone', async t => {
  const { pool, store } = await open()
  const { location } = await store.add(A, bytesOf('abc'), null)
  t.equal(location.url, `rbd://${FSID}/${pool.replace(' ', '%20')}/${A}/snap`)
  t.equal(await textOf(store, `rbd://${A}`), 'abc', 'and is read without it')
  t.notOk(store.holds({ url: location.url.replace(FSID, A) }))
  await t.rejects(store.size({ url: location.url.replace(FSID, A) }), { code: 'not_found' })
})

t.test('a part that begins later is read by objects, if the image was not changed', async t => {
  const { pool, store } = await open()
  const zeros = Buffer.alloc(2 * MIB + 5)
  const { location } = await store.add(A, bytesOf('x', zeros.toString('latin1')), null)
  const range = { offset: MIB + 1, length: MIB }
  for (const diff of ['[]', '[{"offset":0}]']) {
    ceph.say(`${pool}/${A}/diff`, diff)
    const part = await collect(await store.open(location, range))
    t.ok(part.equals(zeros.subarray(0, MIB)), diff)
  }
})

t.test('an image that is removed while it is read does not end cleanly', async t => {
  const { store } = await open()
  for (const range of [null, { offset: MIB, length: MIB }]) {
    const { location } = await store.add(A, patternedBytes(2 * MIB), null)
    const data = (await store.open(location, range))[Symbol.asyncIterator]()
    await data.next()
    await store.delete(location)
    const rest = async () => {
      while ((await data.next()).done !== true);
    }
    await t.rejects(rest(), { code: 'gone' })
  }
})

t.test('what is in use stays as it is', async t => {
  const { pool, store } = await open()
  const { location } = await store.add(A, bytesOf('abc'), null)
  for (const [file, text, message] of [
    ['children', '[{"image":"volume"}]', /in use: images have been cloned/],
    ['snap.other', 'unprotected', /in use: it has other snapshots/],
    ['watched', '', /rbd rm ended with status 16, rbd: error: image still has watchers/],
  ] as const) {
    ceph.say(`${pool}/${A}/${file}`, text)
    await t.rejects(store.delete(location), { code: 'conflict', message }, file)
    t.equal(await textOf(store, location.url), 'abc')
    ceph.unsay(`${pool}/${A}/${file}`)
  }
  await store.requireUnused(location)
  await store.delete(location)
  t.strictSame(ceph.images(pool), [])
})

t.test('recovery lets be what is still written, and images that never had a snapshot', async t => {
  const { pool, store } = await open()
  const data = { data: 'abc', object: '1024' }
  ceph.add(pool, `${A}.${A}.partial`, { ...data, watched: '' })
  ceph.add(pool, `${A}.${B}.partial`, data)
  ceph.add(pool, B, data)
  await store.recover()
  t.strictSame(ceph.images(pool), [`${A}.${A}.partial`, B])
  await store.delete({ url: `rbd://${B}` })
})

t.test('a writer that Ceph takes for the winner too loses all the same', async t => {
  const { pool, store } = await open()
  const other = { data: 'other', object: '1024', 'snap.snap': 'protected' }
  const late = async function* () {
    yield* bytesOf('abc')
    ceph.add(pool, A, other)
    ceph.say('late')
  }
  await t.rejects(store.add(A, late(), 3), { code: 'duplicate' })
  ceph.unsay('late')
  t.strictSame(ceph.images(pool), [A], 'and leaves nothing')
  t.equal(await textOf(store, store.locate(A).url), 'other')
})

t.test('listed are the images of the pool whose names are ids, and what writes left', async t => {
  const { pool, store } = await open()
  const data = { data: 'abc', object: '1024', modified: 'Tue Nov  3 16:08:07 2026' }
  const partial = `${B}.${A}.partial`
  ceph.add(pool, A.toUpperCase(), { ...data, 'snap.snap': 'protected', 'snap.other': '' })
  ceph.add(pool, B, { ...data, modified: 'unknown' })
  ceph.add(pool, partial, { ...data, watched: '' })
  for (const name of ['volume', `volume-${A}`, `${A}.partial`, `${A}.${B}.old`, `${B}x`]) {
    ceph.add(pool, name, data)
  }
  const before = Date.now()
  const listed = (await collectAll(store.list())).toSorted((a, b) =>
    a.location.url < b.location.url ? -1 : 1,
  )
  const at = (name: string) => ({
    url: `rbd://${FSID}/${pool.replace(' ', '%20')}/${name}/snap`,
  })
  const modifiedAt = new Date(2026, 10, 3, 16, 8, 7)
  const [first, second, third] = listed
  t.match(listed, [{}, {}, {}])
  t.strictSame(first, { id: A, location: at(A.toUpperCase()), size: 3, modifiedAt, isWhole: true })
  t.match(second, { id: B, location: at(partial), isWhole: false })
  t.match(third, { id: B, location: at(B), isWhole: true }, 'also without a snapshot')
  t.ok(third && third.modifiedAt.getTime() >= before, 'without a time it is as if of now')
  await t.rejects(store.delete(at(partial)), { code: 'conflict' }, 'it is being written')
  ceph.unsay(`${pool}/${partial}/watched`)
  t.ok(store.holds(at(partial)))
  await store.delete(at(partial))
  await store.delete(at(B))
  t.strictSame(
    (await collectAll(store.list())).map(({ id }) => id),
    [A],
  )
})

t.test('a pool that is not there, or a cluster that is away, is not listed as empty', async t => {
  const { store } = await open({ rbd_store_pool: 'none' })
  const wanted = { code: 'unavailable', message: /rbd ls .*error opening pool 'none'/ }
  await t.rejects(collectAll(store.list()), wanted)
  ceph.say('away')
  await t.rejects(collectAll(store.list()), { code: 'unavailable', message: /rbd ls/ })
  ceph.unsay('away')
})

t.test('what no image names is found in a pool, and deleted', async t => {
  const { pool, store } = await open()
  const folder = t.testdir()
  const config = join(folder, 'glance-api.conf')
  const lines = [
    `data_dir = ${folder}/data`,
    'enabled_backends = kept:rbd',
    '[glance_store]',
    'default_backend = kept',
    '[kept]',
    `rbd_store_pool = ${pool}`,
  ]
  writeFileSync(config, `${lines.join('\n')}\n`)
  const server = await startTestServer(t, { dataApi: 'sqlite', ...(await readConfig(config)) })
  const id = await server.create()
  t.equal((await server.upload(id, 'abc')).status, 204)
  await store.add(A, bytesOf('abc'), 3)
  ceph.add(pool, `${B}.${A}.partial`, { data: 'half', object: '1024' })
  ceph.add(pool, 'volume', { data: 'mine', object: '1024' })
  const words = ['scrub', '--config', config, '--min-age', '0']
  const found = await run([...words, '--orphans'])
  t.match(found, { status: 1, stderr: '', stdout: /^2 orphans/m })
  t.match(await run([...words, '--delete-orphans', 'kept']), { status: 0, stderr: '' })
  t.strictSame(ceph.images(pool).toSorted(), [id, 'volume'].toSorted())
})

t.test('a cluster that is away is unavailable', async t => {
  const { store } = await open()
  ceph.say('away')
  const wanted = { code: 'unavailable', message: /status 110, rbd: couldn't connect/ }
  await t.rejects(store.add(A, bytesOf('abc'), 3), wanted)
  await t.rejects(store.size(store.locate(A)), wanted)
  await t.rejects(RbdStore.open('rbd', rbdSettings({})), { message: /no Ceph cluster answers/ })
  ceph.unsay('away')
  const { PATH } = process.env
  process.env['PATH'] = t.testdir()
  await t.rejects(store.size(store.locate(A)), { message: /no program rbd.*ceph-common/ })
  process.env['PATH'] = PATH
})

t.test('a pool that is not there is unavailable to write to', async t => {
  const { store } = await open({ rbd_store_pool: 'none' })
  const wanted = { code: 'unavailable', message: /error opening pool 'none'/ }
  await t.rejects(store.add(A, bytesOf('abc'), 3), wanted)
})

t.test("Glance's options, with its defaults and units", async t => {
  t.strictSame(rbdSettings({}), {
    pool: 'images',
    user: null,
    cephConf: null,
    chunkSize: 8 * MIB,
    connectTimeout: null,
    thinProvisioning: false,
  })
  const all = ['a', 'b', '/c', '7', '5', 'True']
  const given = Object.fromEntries(RBD_OPTIONS.map((name, i) => [name, all[i] ?? '']))
  t.match(rbdSettings(given), { chunkSize: 4 * MIB, connectTimeout: 5, user: 'b', cephConf: '/c' })
  t.strictSame(propertiesOf('rbd', given), {
    chunk_size: 4 * MIB,
    pool: 'a',
    thin_provisioning: true,
  })
  for (const [name, value] of [
    ['rbd_store_chunk_size', '0'],
    ['rbd_store_chunk_size', '64'],
    ['rbd_store_pool', 'a/b'],
    ['rados_connect_timeout', 'soon'],
    ['rbd_thin_provisioning', 'maybe'],
  ] as const) {
    t.throws(() => rbdSettings({ [name]: value }), { code: 'usage', message: new RegExp(name) })
  }
})

t.test('a store that is configured wrongly still reads', async t => {
  const { pool, store } = await open()
  const { location } = await store.add(A, bytesOf('abc'), 3)
  for (const wrong of [
    { rbd_store_chunk_size: 'big' },
    { rbd_store_ceph_conf: join(t.testdir(), 'missing') },
  ]) {
    const options = { rbd_store_pool: pool, ...wrong }
    await using disabled = await openOrDisable({
      id: 'rbd',
      type: 'rbd',
      options,
      filter: DEFAULT_FILTER,
    })
    await t.rejects(disabled.add(B, bytesOf('abc'), 3), { code: 'gone' })
    t.equal(await textOf(disabled, location.url), 'abc')
    t.equal(disabled.locate(A).url, `rbd://${A}`)
  }
})

t.test('locations of today and of 2012', async t => {
  const whole = { fsid: 'f/1', pool: 'p q', image: 'i', snapshot: 's' }
  t.strictSame(parseRbdLocation({ url: 'rbd://f%2F1/p%20q/i/s' }), whole)
  const alone = { fsid: null, pool: null, image: 'a%20b', snapshot: null }
  t.strictSame(parseRbdLocation({ url: 'rbd://a%20b' }), alone)
  for (const url of [
    'rbd://',
    'rbd:/image',
    'rbd://pool/image',
    'rbd://f/p/i/s/x',
    'rbd://f//i/s',
    'rbd://f/p/i/%zz',
    'rbd://f/p%2Fn/i/s',
    'rbd://f/p/i%40x/s',
    'rbd://f/p/i%00/s',
    'swift://f/p/i/s',
  ]) {
    t.throws(() => parseRbdLocation({ url }), { code: 'invalid' }, url)
  }
})

t.test('an image in use is not deleted by the Images API either', async t => {
  const { pool, store } = await open()
  const named = [
    { id: 'ceph', type: 'rbd', options: { rbd_store_pool: pool } },
    { id: 'other', type: 'memory' },
  ]
  const settings = {
    auth: 'trusted_headers',
    enabledBackends: named,
    defaultBackend: 'ceph',
  } as const
  const server = await startTestServer(t, settings)
  const id = await server.create()
  t.equal((await server.upload(id, 'abc')).status, 204)
  ceph.say(`${pool}/${id}/children`, '[{"image":"volume"}]')
  const remove = async (path: string) => await server.call('DELETE', path, { as: ADMIN })
  const refused = await remove(`/v2/images/${id}`)
  t.equal(refused.status, 409)
  t.match(refused.text, /could not be deleted because it is in use/)
  t.equal((await server.show(id))['status'], 'active')
  t.equal(await textOf(store, store.locate(id).url), 'abc')
  ceph.unsay(`${pool}/${id}/children`)
  t.equal((await remove(`/v2/images/${id}`)).status, 204)
  t.strictSame(ceph.images(pool), [])
})
