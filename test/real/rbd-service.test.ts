import { once } from 'node:events'
import { request } from 'node:http'
import t from 'tap'
import { collect, patternedBytes } from '../../lib/compliance/bytes.ts'
import { Ceph } from './support/ceph.ts'
import { Embedded } from './support/embedded.ts'
import { Glance } from './support/glance.ts'
import type { Service } from './support/service.ts'
import { waitUntil } from './support/wait.ts'

const THEIRS = 'aaaaaaaa-0000-4000-8000-000000000001'
const OURS = 'bbbbbbbb-0000-4000-8000-000000000002'
const LOCATED = 'cccccccc-0000-4000-8000-000000000003'
const MIB = 1024 * 1024
const FORMATS = { disk_format: 'raw', container_format: 'bare' }

const ceph = await Ceph.start()
t.teardown(() => ceph[Symbol.asyncDispose]())

const STORES = {
  stores: 'rbd',
  default_store: 'rbd',
  rbd_store_ceph_conf: ceph.conf,
  rbd_store_user: 'admin', // A Glance takes none for the user called None.
  rbd_store_chunk_size: '1',
}
const SETTINGS = { show_multiple_locations: 'True' }
const startOurs = async () =>
  await Embedded.start({ settings: SETTINGS, sections: { glance_store: STORES } })

const options = Object.entries(STORES).map(([name, value]) => `${name} = ${value}`)
const theirs = await Glance.start({
  settings: SETTINGS,
  setting: { config: ['[glance_store]', ...options].join('\n') },
})
t.teardown(() => theirs[Symbol.asyncDispose]())
const data = new Uint8Array(await collect(patternedBytes(3 * MIB + 17)))

async function store(service: Service, id: string): Promise<string> {
  await service.create({ id, name: 'image', ...FORMATS })
  await service.uploadBytes(id, data)
  const { locations } = await service.image(id)
  const [location] = locations as { url: string }[] // With show_multiple_locations.
  return location?.url ?? ''
}

async function place(service: Service, id: string, url: string): Promise<void> {
  await service.create({ id, name: 'located', ...FORMATS })
  const operation = { op: 'add', path: '/locations/-', value: { url, metadata: {} } }
  const type = 'application/openstack-images-v2.1-json-patch'
  await service.expect(200, 'PATCH', `images/${id}`, [operation], type)
  t.equal(await service.statusOf(id), 'active')
}

async function read(service: Service, id: string, range?: string): Promise<Buffer> {
  const headers: Record<string, string> = range === undefined ? {} : { range }
  const response = await fetch(`${service.url}/v2/images/${id}/file`, { headers })
  return Buffer.from(await response.arrayBuffer())
}

t.test('what a Glance keeps in Ceph is read and deleted by us', async t => {
  await using ours = await startOurs()
  const url = await store(theirs, THEIRS)
  await place(ours, LOCATED, url)
  t.ok((await read(ours, LOCATED)).equals(data), 'the same bytes')
  const part = await read(ours, LOCATED, `bytes=${2 * MIB + 3}-${3 * MIB + 7}`)
  t.ok(part.equals(data.subarray(2 * MIB + 3, 3 * MIB + 8)), 'a part of them')
  t.equal((await ours.image(LOCATED))['size'], data.length)
  await ours.expect(204, 'DELETE', `images/${LOCATED}`)
  t.strictSame(await ceph.images(), [])
  await theirs.expect(204, 'DELETE', `images/${THEIRS}`)
})

t.test('what we keep in Ceph is read and deleted by a Glance', async t => {
  await using ours = await startOurs()
  const url = await store(ours, OURS)
  t.match(url, new RegExp(`^rbd://[0-9a-f-]{36}/images/${OURS}/snap$`))
  const info = await ceph.rbd('info', `images/${OURS}@snap`)
  t.match(info, /order 20 \(1 MiB objects\)/)
  t.match(info, /protected: True/)
  await place(theirs, LOCATED, url)
  t.ok((await read(theirs, LOCATED)).equals(data), 'the same bytes')
  await theirs.expect(204, 'DELETE', `images/${LOCATED}`)
  t.strictSame(await ceph.images(), [])
})

t.test('an image that volumes were cloned from is not deleted', async t => {
  await using ours = await startOurs()
  for (const [service, id] of [
    [theirs, '11111111-0000-4000-8000-000000000001'],
    [ours, '22222222-0000-4000-8000-000000000002'],
  ] as const) {
    await store(service, id)
    await ceph.rbd('clone', `images/${id}@snap`, 'images/volume')
    const { status, text } = await service.call('DELETE', `images/${id}`)
    t.equal(status, 409)
    t.match(text, /could not be deleted because it is in use/)
    t.equal(await service.statusOf(id), 'active')
    t.ok((await read(service, id)).equals(data), 'and is read as before')
    await ceph.rbd('rm', '--no-progress', 'images/volume')
    await service.expect(204, 'DELETE', `images/${id}`)
    t.strictSame(await ceph.images(), [])
  }
})

t.test('a service that is killed in the middle of an upload leaves nothing for long', async t => {
  const killed = await startOurs()
  await killed.create({ id: OURS, ...FORMATS })
  const upload = request(`${killed.url}/v2/images/${OURS}/file`, { method: 'PUT' })
  upload.setHeader('content-type', 'application/octet-stream')
  const broken = once(upload, 'error')
  upload.write(data)
  let left: string | undefined
  await waitUntil('the image has begun to be written', async () => {
    left = (await ceph.images()).find(name => name.startsWith(OURS))
    return left !== undefined
  })
  t.match(left, /\.partial$/)
  process.kill(killed.pid, 'SIGKILL')
  await broken
  await killed[Symbol.asyncDispose]()
  await waitUntil('nobody has it open any more', async () => {
    return (await ceph.rbd('status', `images/${left}`)).includes('Watchers: none')
  })
  await using again = await startOurs()
  t.strictSame(await ceph.images(), [])
  await store(again, OURS)
  t.strictSame(await ceph.images(), [OURS])
})
