import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { bytesOf, collect, collectAll, patternedBytes } from '../../lib/compliance/bytes.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import { rbdSettings } from '../../lib/store/rbd/settings.ts'
import { RbdStore } from '../../lib/store/rbd/store.ts'
import type { Bytes } from '../../lib/stream/bytes.ts'
import { storeKilledSuite } from '../support/store-killed-suite.ts'
import { Ceph } from './support/ceph.ts'
import { freePort } from './support/daemon.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001'
const B = 'bbbbbbbb-0000-4000-8000-000000000002'
const FSID = 'cccccccc-0000-4000-8000-000000000003'
const MIB = 1024 * 1024

/**
 * The suite is run on a fake of Ceph's programs, where each start of one costs nothing. Here are those of its cases that
 * a cluster may decide in another way: what it makes of sizes at the edges of its objects, of what ends early, of two at
 * once, of no room, and what it tells of what it has. What a store refuses, or does before it asks, is the same there.
 */
const DECIDED_BY_CEPH = [
  'what was added is read back',
  'an image of unknown size may have no bytes',
  'a stream that ends early leaves nothing',
  'what the stream throws half-way is thrown on and nothing is left',
  'a signal stops a write also while the source has nothing to say',
  'data that is there is not replaced',
  'of two writers of one image at once, one wins, and its data is whole',
  'two images are written and read at once',
  'a range is read exactly',
  'a reader may leave at any time, and others do not notice',
  'a signal stops a reader',
  'what was deleted is gone, alone, and may be added again',
  'what there is is listed, if that can be, each image once',
  'a byte more than a segment, of unknown size',
  'exactly three segments, of unknown size',
  'a stream of unknown size that breaks in the third segment leaves none',
  'a signal in the third segment stops a write and leaves none',
  'what is in segments is listed once, with all of its bytes',
  'of two writers of one image in segments, one wins, and nothing is mixed',
  'recovery removes what a crash left of a write',
  'what a crash left of a write is listed, and deleted',
  'a store that is full says so and keeps what it has',
]

const ceph = await Ceph.start()
t.teardown(() => ceph[Symbol.asyncDispose]())

async function open(options: Readonly<Record<string, string>> = {}): Promise<RbdStore> {
  const own = { rbd_store_ceph_conf: ceph.conf, rbd_store_chunk_size: '1' }
  return await RbdStore.open('rbd', rbdSettings({ ...own, ...options }))
}

t.test('an rbd store', async t => {
  storeSuite(t, {
    create: async () => {
      await ceph.empty()
      return {
        store: await open(),
        contents: async () => await ceph.images(),
        whileFull: async (_, work) => await ceph.whileFull(work),
        cutOff: async id => {
          const name = `${id}.${crypto.randomUUID()}.partial`
          await ceph.rbd('create', '--size', '4M', `images/${name}`)
          await ceph.rbd('snap', 'create', '--no-progress', `images/${name}@snap`)
          await ceph.rbd('snap', 'protect', `images/${name}@snap`)
        },
      }
    },
    segment: MIB,
    only: DECIDED_BY_CEPH,
  })
})

t.test('an image is never in memory as a whole', async t => {
  await ceph.empty()
  await using store = await open()
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void // That is what the flag exposes.
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  let peak = 0
  async function* watched(data: Bytes): AsyncGenerator<Uint8Array, void> {
    let seen = 0
    for await (const chunk of data) {
      yield chunk
      seen += chunk.length
      if (seen < 4 * MIB) continue
      seen = 0
      collectGarbage()
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)
    }
  }
  const { location } = await store.add(A, watched(patternedBytes(64 * MIB)), null)
  let read = 0
  for await (const chunk of watched(await store.open(location))) read += chunk.length
  t.equal(read, 64 * MIB)
  t.ok(peak < 8 * MIB, `${peak} bytes at the most`)
})

t.test('zeros take no room, and read as zeros', async t => {
  await ceph.empty()
  await using store = await open()
  const size = 3 * MIB + 5
  const { location } = await store.add(A, bytesOf(Buffer.alloc(size).toString('latin1')), null)
  t.notMatch(await ceph.objects(), /rbd_data/)
  t.ok((await collect(await store.open(location))).equals(Buffer.alloc(size)))
  const range = { offset: 2 * MIB, length: MIB + 5 }
  t.ok((await collect(await store.open(location, range))).equals(Buffer.alloc(MIB + 5)))
})

t.test('an image that was changed since is read as it was stored', async t => {
  await ceph.empty()
  await using store = await open()
  const whole = await collect(patternedBytes(3 * MIB))
  const { location } = await store.add(A, patternedBytes(3 * MIB), null)
  const writing = ['--io-type', 'write', '--io-size', '1M', '--io-total', '3M']
  await ceph.rbd('bench', ...writing, '--io-pattern', 'seq', `images/${A}`)
  t.ok((await collect(await store.open(location))).equals(whole))
  const range = { offset: 2 * MIB, length: MIB }
  t.ok((await collect(await store.open(location, range))).equals(whole.subarray(2 * MIB)))
})

t.test('an image that is removed while it is read does not end cleanly', async t => {
  await ceph.empty()
  await using store = await open()
  for (const range of [null, { offset: MIB, length: 15 * MIB }]) {
    const { location } = await store.add(A, patternedBytes(16 * MIB), null)
    const data = (await store.open(location, range))[Symbol.asyncIterator]()
    await data.next()
    await store.delete(location)
    const rest = async () => {
      while ((await data.next()).done !== true);
    }
    await t.rejects(rest(), { code: 'gone' })
  }
})

t.test('an image of 2012, without a snapshot, is read and deleted', async t => {
  await ceph.empty()
  await using store = await open()
  await using other = await open({ rbd_store_pool: 'none' })
  const { location } = await store.add(B, bytesOf('abc'), 3)
  await ceph.rbd('cp', '--no-progress', `images/${B}`, `images/${A}`)
  const at = { url: `rbd://${A}` }
  t.ok(store.holds(at))
  t.equal((await collect(await store.open(at))).toString(), 'abc')
  await store.recover()
  t.equal(await store.size(at), 3, 'recovery takes it for whole')
  await t.rejects(other.size(at), { code: 'not_found' })
  t.equal(await other.size(location), 3, 'a location with its pool is read by all')
  await store.delete(at)
  t.strictSame(await ceph.images(), [B])
})

t.test('what is in use stays as it is', async t => {
  await ceph.empty()
  await using store = await open()
  const { location } = await store.add(A, bytesOf('abc'), 3)
  const refused = async (message: RegExp) => {
    await t.rejects(store.requireUnused(location), { code: 'conflict', message })
    await t.rejects(store.delete(location), { code: 'conflict', message })
    t.equal((await collect(await store.open(location))).toString(), 'abc')
  }
  await ceph.rbd('clone', `images/${A}@snap`, 'images/volume')
  await refused(/in use: images have been cloned from it/)
  await ceph.rbd('rm', '--no-progress', 'images/volume')
  await ceph.rbd('snap', 'create', '--no-progress', `images/${A}@mine`)
  await refused(/in use: it has other snapshots/)
  await ceph.rbd('snap', 'rm', '--no-progress', `images/${A}@mine`)
  await store.requireUnused(location)
  await store.delete(location)
  t.strictSame(await ceph.images(), [])
})

t.test(
  'somebody of a key of his own needs no more than the pool, and nobody gets in without',
  async t => {
    await ceph.empty()
    await ceph.allow('client.glance', { mon: 'profile rbd', osd: 'profile rbd pool=images' })
    await ceph.allow('client.reader', {
      mon: 'profile rbd',
      osd: 'profile rbd-read-only pool=images',
    })
    await using store = await open({ rbd_store_user: 'glance' })
    const { location } = await store.add(A, patternedBytes(2 * MIB), null)
    const range = { offset: MIB, length: MIB }
    t.equal((await collect(await store.open(location, range))).length, MIB)
    t.equal((await collectAll(store.list())).length, 1)
    await using reader = await open({ rbd_store_user: 'reader' })
    t.equal((await collect(await reader.open(location))).length, 2 * MIB)
    const refused = { code: 'unavailable', message: /store rbd: rbd/ }
    await t.rejects(reader.add(B, bytesOf('abc'), 3), refused)
    await t.rejects(reader.delete(location), refused)
    t.strictSame(await ceph.images(), [A])
    await store.delete(location)
    await using nobody = await open({ rbd_store_user: 'nobody' })
    await t.rejects(nobody.add(A, bytesOf('abc'), 3), refused)
  },
)

t.test('a pool that is not there, and a cluster that does not answer, are unavailable', async t => {
  await using lost = await open({ rbd_store_pool: 'none' })
  await t.rejects(lost.add(A, bytesOf('abc'), 3), { code: 'unavailable', message: /pool 'none'/ })
  const conf = join(t.testdir(), 'ceph.conf')
  const port = await freePort()
  await writeFile(conf, `[global]\nfsid = ${FSID}\nmon_host = [v1:127.0.0.1:${port}]\n`)
  const options = { rbd_store_ceph_conf: conf, rados_connect_timeout: '1' }
  await using away = await open(options)
  t.equal(away.locate(A).url, `rbd://${FSID}/images/${A}/snap`)
  await t.rejects(away.add(A, bytesOf('abc'), 3), { code: 'unavailable' })
  await t.rejects(away.size(away.locate(A)), { code: 'unavailable' })
  await writeFile(conf, `[global]\nmon_host = [v1:127.0.0.1:${port}]\n`)
  await t.rejects(open(options), { code: 'unavailable', message: /no Ceph cluster answers/ })
})

storeKilledSuite(
  t,
  'Ceph',
  async () => {
    await ceph.empty()
    return {
      type: 'rbd',
      segment: MIB,
      settings: [`rbd_store_ceph_conf = ${ceph.conf}`, 'rbd_store_chunk_size = 1'],
      contents: async () => await ceph.images(),
      idle: async () => await ceph.idle(),
    }
  },
  3,
)
