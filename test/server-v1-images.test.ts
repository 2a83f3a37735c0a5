import { createHash } from 'node:crypto'
import t from 'tap'
import { ADMIN, OWNER, startTestServer, STRANGER } from './support/server.ts'

const OCTETS = { 'content-type': 'application/octet-stream' }
const RAW = { 'x-image-meta-disk_format': 'raw', 'x-image-meta-container_format': 'bare' }
const ID = '7f5b2f2e-7f0f-4a39-9a0c-6bd5b4b1a001'

t.test('an image of v1', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })

  t.test('is created with its data', async t => {
    const data = 'some data'
    const checksum = createHash('md5').update(data).digest('hex')
    const answer = await server.call('POST', '/v1/images', {
      as: OWNER,
      headers: {
        ...OCTETS,
        ...RAW,
        'x-image-meta-id': ID,
        'x-image-meta-name': Buffer.from('Köln').toString('latin1'),
        'x-image-meta-property-Os-Distro': 'debian',
        'x-image-meta-property-none': '',
      },
      body: data,
    })
    t.equal(answer.status, 201, answer.text)
    t.equal(answer.headers.get('location'), `${server.url}/v1/images/${ID}`)
    t.equal(answer.headers.get('etag'), checksum)
    const record = answer.json['image'] as Record<string, unknown>
    t.match(record['created_at'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
    const { created_at: _, updated_at: __, ...rest } = record
    t.strictSame(rest, {
      id: ID,
      name: 'Köln',
      size: 9,
      disk_format: 'raw',
      container_format: 'bare',
      checksum,
      virtual_size: 9,
      min_disk: 0,
      min_ram: 0,
      owner: 'owner',
      status: 'active',
      is_public: false,
      protected: false,
      deleted: false,
      deleted_at: null,
      properties: { os_distro: 'debian', none: null },
    })
    const head = await server.call('HEAD', `/v1/images/${ID}`, { as: OWNER })
    t.equal(head.status, 200)
    t.equal(head.headers.get('x-image-meta-is_public'), 'False')
    t.equal(head.headers.get('x-image-meta-property-os_distro'), 'debian')
    t.equal(Buffer.from(head.headers.get('x-image-meta-name') ?? '', 'latin1').toString(), 'Köln')
    const got = await server.call('GET', `/v1.1/images/${ID}`, { as: OWNER })
    t.equal(got.text, data)
    t.equal(got.headers.get('etag'), checksum)
    t.match(await server.show(ID), { name: 'Köln', visibility: 'shared', status: 'active' })
  })

  t.test('is listed', async t => {
    const list = await server.call('GET', '/v1/images', { as: OWNER })
    t.match(list.json, { images: [{ id: ID }] })
    const detail = await server.call('GET', '/v1/images/detail', { as: OWNER })
    t.match(detail.json, { images: [{ id: ID, properties: { os_distro: 'debian' } }] })
    t.strictSame((await server.call('GET', '/v1/images', { as: STRANGER })).json, { images: [] })
    const all = await server.call('GET', '/v1/images?is_public=None', { as: ADMIN })
    t.match(all.json, { images: [{ id: ID }] })
  })

  t.test('is changed, and loses the properties that are not mentioned', async t => {
    const headers = { 'x-image-meta-is-public': 'False', 'x-image-meta-property-new': '1' }
    const answer = await server.call('PUT', `/v1/images/${ID}`, { as: OWNER, headers })
    t.equal(answer.status, 200, answer.text)
    t.match(answer.json, { image: { name: 'Köln', properties: { new: '1' } } })
  })

  t.test('is deleted', async t => {
    const stranger = await server.call('DELETE', `/v1/images/${ID}`, { as: STRANGER })
    t.equal(stranger.status, 404)
    const answer = await server.call('DELETE', `/v1/images/${ID}`, { as: OWNER })
    t.equal(answer.status, 200)
    t.equal(answer.text, '')
    t.equal((await server.call('HEAD', `/v1/images/${ID}`, { as: OWNER })).status, 404)
    const seen = await server.call('HEAD', `/v1/images/${ID}`, { as: ADMIN })
    t.equal(seen.headers.get('x-image-meta-deleted'), 'True')
  })
})
