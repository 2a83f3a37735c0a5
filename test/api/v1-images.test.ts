import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { dial, rest } from '../support/connection.ts'
import { ADMIN, OWNER, startTestServer, STRANGER, user } from '../support/server.ts'

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

t.test('an image is the same in both versions', async t => {
  for (const dataApi of ['simple', 'sqlite'] as const) {
    t.test(`with ${dataApi}`, async t => {
      const server = await startTestServer(t, {
        auth: 'trusted_headers',
        dataApi,
        dataDir: t.testdir(),
      })
      const head = async (id: string, as = OWNER) => {
        const { status, headers } = await server.call('HEAD', `/v1/images/${id}`, { as })
        return { status, meta: (name: string) => headers.get(`x-image-meta-${name}`) }
      }
      const put = (id: string, headers: Record<string, string>, as = OWNER) =>
        server.call('PUT', `/v1/images/${id}`, { as, headers })

      t.test('for each visibility of v2', async t => {
        for (const visibility of ['public', 'private', 'shared', 'community']) {
          const id = await server.create({ visibility }, ADMIN)
          const { meta } = await head(id, ADMIN)
          t.equal(meta('is_public'), visibility === 'public' ? 'True' : 'False', visibility)
          await put(id, { 'x-image-meta-name': 'new' }, ADMIN)
          t.match(await server.show(id, ADMIN), { visibility, name: 'new' }, 'left alone')
          await put(id, { 'x-image-meta-is_public': 'False' }, ADMIN)
          t.match(await server.show(id, ADMIN), { visibility: 'shared' })
          await put(id, { 'x-image-meta-is_public': 'True' }, ADMIN)
          t.match(await server.show(id, ADMIN), { visibility: 'public' })
        }
      })

      t.test('for properties, tags and what else v1 does not know', async t => {
        const id = await server.create({
          tags: ['a'],
          os_hidden: true,
          Upper: '1',
          'hy-phen': '2',
          'two words': '3',
          größe: '4',
          kernel_id: null,
          lines: 'one\r\ntwo',
        })
        const { status, meta } = await head(id)
        t.equal(status, 200)
        t.equal(meta('property-upper'), '1')
        t.equal(meta('property-hy-phen'), '2')
        t.equal(meta('property-lines'), 'one  two', 'one line')
        t.equal(meta('property-kernel_id'), null)
        const { json } = await server.call('GET', '/v1/images/detail?is_public=None', { as: ADMIN })
        const [{ properties }] = json['images'] as [{ properties: object }]
        t.strictSame(properties, {
          Upper: '1',
          'hy-phen': '2',
          'two words': '3',
          größe: '4',
          kernel_id: null,
          lines: 'one\r\ntwo',
        })
        await put(id, { 'x-glance-registry-purge-props': 'false', 'x-image-meta-min_ram': '5' })
        t.match(await server.show(id), { tags: ['a'], os_hidden: true, min_ram: 5, Upper: '1' })
        await put(id, {})
        const shown = await server.show(id)
        t.match(shown, { tags: ['a'], os_hidden: true })
        for (const name of ['Upper', 'hy-phen', 'two words', 'größe']) t.notOk(name in shown, name)
        await put(id, { 'x-image-meta-property-none': '' })
        t.equal((await server.show(id))['none'], null)
      })

      t.test('for one that waits in one version and gets its data in the other', async t => {
        const id = await server.create()
        t.equal((await head(id)).meta('size'), null, 'v2 knows no size before the data')
        const uploaded = await server.call('PUT', `/v1/images/${id}`, {
          as: OWNER,
          headers: OCTETS,
          body: 'data',
        })
        t.equal(uploaded.status, 200, uploaded.text)
        t.match(await server.show(id), { status: 'active', size: 4, os_hash_algo: 'sha512' })
        const reserved = await server.call('POST', '/v1/images', { as: OWNER, headers: RAW })
        const { id: waiting } = reserved.json['image'] as { id: string }
        t.match(await server.show(waiting), { status: 'queued', size: 0 })
        t.equal((await server.upload(waiting, 'data')).status, 204)
        t.match((await head(waiting)).meta('status'), 'active')
        t.equal((await server.call('GET', `/v1/images/${waiting}`, { as: OWNER })).text, 'data')
      })

      t.test('for one of no bytes', async t => {
        const headers = { 'x-image-meta-size': '0' }
        const made = await server.call('POST', '/v1/images', { as: OWNER, headers })
        const { id } = made.json['image'] as { id: string }
        t.match(await server.show(id), { status: 'active', size: 0, checksum: null })
        const file = await server.call('GET', `/v2/images/${id}/file`, { as: OWNER })
        t.equal(file.status, 204)
      })

      t.test('for its members', async t => {
        const id = await server.create()
        await server.call('POST', `/v2/images/${id}/members`, { as: OWNER, body: { member: 'a' } })
        await server.call('PUT', `/v1/images/${id}/members/b`, { as: OWNER })
        const v1 = await server.call('GET', `/v1/images/${id}/members`, { as: OWNER })
        t.strictSame(v1.json['members'], [
          { member_id: 'a', can_share: false },
          { member_id: 'b', can_share: false },
        ])
        const v2 = await server.call('GET', `/v2/images/${id}/members`, { as: OWNER })
        t.match(v2.json['members'], [{ member_id: 'a' }, { member_id: 'b', status: 'pending' }])
      })

      t.test('also when many headers say what it is', async t => {
        const value = 'x'.repeat(250)
        const many = Object.fromEntries(
          Array.from({ length: 128 }, (_, n) => [`x-image-meta-property-p${n}`, value]),
        )
        const made = await server.call('POST', '/v1/images', { as: OWNER, headers: many })
        t.equal(made.status, 201, made.text)
        const { id } = made.json['image'] as { id: string }
        t.match(await server.show(id), { p0: value, p127: value })
      })

      t.test('and any form of its id finds it', async t => {
        const id = '7f5b2f2e-7f0f-4a39-9a0c-6bd5b4b1a0ff'
        const made = await server.call('POST', '/v1/images', {
          as: OWNER,
          headers: { 'x-image-meta-id': `urn:uuid:${id.toUpperCase()}` },
        })
        t.match(made.json, { image: { id } })
        t.equal((await head(id.replaceAll('-', ''))).status, 200)
        t.equal((await head(id)).status, 200)
      })
    })
  }
})

t.test('the settings of a service', async t => {
  t.test('switch off v1', async t => {
    const server = await startTestServer(t, { enableV1Api: false })
    for (const path of ['/v1', '/v1/', '/v1.0/images', '/v1.1/images/x']) {
      t.equal((await server.call('GET', path)).status, 300, path)
    }
    const { text } = await server.call('GET', '/versions')
    t.notMatch(text, /v1/)
    t.equal((await server.call('GET', '/v2/images')).status, 200)
  })

  t.test('switch off v2', async t => {
    const server = await startTestServer(t, { enableV2Api: false })
    t.equal((await server.call('GET', '/v2/images')).status, 300)
    t.equal((await server.call('GET', '/v1/images')).status, 200)
    const { json } = await server.call('GET', '/versions')
    t.match(json, { versions: [{ id: 'v1.1' }, { id: 'v1.0' }] })
  })

  t.test('say how many images a page has', async t => {
    const server = await startTestServer(t, { limitParamDefault: 2, apiLimitMax: 3 })
    for (let n = 0; n < 4; n += 1) await server.create({ visibility: 'public' })
    for (const [query, count] of [
      ['', 2],
      ['?limit=1', 1],
      ['?limit=9', 3],
    ] as const) {
      const { json } = await server.call('GET', `/v1/images${query}`)
      t.equal((json['images'] as unknown[]).length, count, query)
    }
  })

  t.test('list an image by image, as a replicator asks', async t => {
    const server = await startTestServer(t, { limitParamDefault: 2 })
    const made = []
    for (let n = 0; n < 5; n += 1) made.push(await server.create())
    const found: string[] = []
    for (let marker = ''; ; marker = `&marker=${found.at(-1)}`) {
      const path = `/v1/images/detail?is_public=None${marker}`
      const { json } = await server.call('GET', path)
      const images = json['images'] as { id: string }[]
      if (images.length === 0) break
      found.push(...images.map(({ id }) => id))
    }
    t.strictSame(found.toSorted(), made.toSorted())
  })

  t.test('name policies, which hold in v1 as well', async t => {
    const policyFile = join(
      t.testdir({
        'policy.json': JSON.stringify({
          add_image: 'role:maker',
          modify_image: 'role:maker',
          upload_image: 'role:filler',
          copy_from: 'role:copier',
          set_image_location: 'role:placer',
          get_images: 'not role:blind',
          get_image: 'not role:blind',
          download_image: 'role:reader',
          delete_image: 'role:eraser',
          get_members: 'role:sharer',
          add_member: 'role:sharer',
          delete_member: 'role:sharer',
          manage_image_cache: 'role:keeper',
        }),
      }),
      'policy.json',
    )
    const server = await startTestServer(t, { auth: 'trusted_headers', policyFile })
    const maker = user('owner', 'maker')
    const filler = user('owner', 'maker', 'filler')
    const made = await server.call('POST', '/v1/images', { as: maker, headers: RAW })
    const { id } = made.json['image'] as { id: string }
    const path = `/v1/images/${id}`
    const elsewhere = { 'x-glance-api-copy-from': 'http://127.0.0.1/x' }
    const placed = { 'x-image-meta-location': 'http://127.0.0.1/x' }
    for (const [method, at, as, headers, body] of [
      ['POST', '/v1/images', OWNER, RAW],
      ['PUT', path, OWNER, RAW],
      ['POST', '/v1/images', maker, { ...RAW, ...OCTETS }, 'data'],
      ['PUT', path, maker, OCTETS, 'data'],
      ['POST', '/v1/images', filler, elsewhere],
      ['PUT', path, filler, elsewhere],
      ['POST', '/v1/images', filler, placed],
      ['PUT', path, filler, placed],
      ['GET', '/v1/images', user('owner', 'blind')],
      ['GET', '/v1/images/detail', user('owner', 'blind')],
      ['HEAD', path, user('owner', 'blind')],
      ['GET', path, OWNER],
      ['DELETE', path, OWNER],
      ['GET', `${path}/members`, OWNER],
      ['PUT', `${path}/members/x`, OWNER],
      ['DELETE', `${path}/members/x`, OWNER],
      ['GET', '/v1/cached_images', OWNER],
    ] as const) {
      const options = { as, headers: headers ?? {}, ...(body !== undefined && { body }) }
      t.equal((await server.call(method, at, options)).status, 403, `${method} ${at}`)
    }
    const { json } = await server.call('GET', '/v1/images/detail', { as: OWNER })
    t.match(json, { images: [{ id, status: 'queued' }] }, 'nothing has happened')
    t.equal((json['images'] as unknown[]).length, 1)
  })

  t.test('protect properties in v1 as well', async t => {
    const rules = ['[^free]', 'create=@', 'read=@', 'update=@', 'delete=@'].join('\n')
    const sealed = ['[^sealed]', 'create=admin', 'read=@', 'update=admin', 'delete=admin']
    const secret = ['[^secret]', 'create=admin', 'read=admin', 'update=admin', 'delete=admin']
    const propertyProtectionFile = join(
      t.testdir({ protection: [rules, ...sealed, ...secret].join('\n') }),
      'protection',
    )
    const server = await startTestServer(t, { auth: 'trusted_headers', propertyProtectionFile })
    const property = (name: string, value = '1') => ({ [`x-image-meta-property-${name}`]: value })
    const all = { ...property('free'), ...property('sealed'), ...property('secret') }
    const post = (headers: Record<string, string>, as = OWNER) =>
      server.call('POST', '/v1/images', { as, headers })
    for (const name of ['sealed', 'secret', 'other']) {
      const { status, text } = await post(property(name))
      t.equal(status, 403, name)
      t.match(text, `Property '${name}' is protected`)
    }
    const made = await post({ ...all, 'x-image-meta-owner': 'owner' }, ADMIN)
    const { id } = made.json['image'] as { id: string }
    const put = (headers: Record<string, string>, as = OWNER) =>
      server.call('PUT', `/v1/images/${id}`, { as, headers })
    const shown = async (as = OWNER) => {
      const { json } = await server.call('GET', '/v1/images/detail?is_public=None', { as })
      return (json['images'] as { properties: object }[])[0]?.properties
    }
    t.strictSame(await shown(), { free: '1', sealed: '1' }, 'a secret is not listed')
    const head = await server.call('HEAD', `/v1/images/${id}`, { as: OWNER })
    t.equal(head.headers.get('x-image-meta-property-sealed'), '1')
    t.equal(head.headers.get('x-image-meta-property-secret'), null, 'nor shown')
    t.equal((await put(property('free'))).status, 403, 'what is sealed is not purged')
    t.equal((await put({ ...property('sealed', '2') })).status, 403, 'nor changed')
    t.equal((await put(property('secret'))).status, 403, 'nor is a secret guessed')
    const same = await put({ ...property('sealed'), ...property('free2') })
    t.match(same.json, { image: { properties: { sealed: '1', free2: '1' } } })
    t.strictSame(await shown(ADMIN), { sealed: '1', secret: '1', free2: '1' }, 'a secret is kept')
  })

  t.test('may delay deletion, which v1 shows administrators', async t => {
    const server = await startTestServer(t, { auth: 'trusted_headers', delayedDelete: true })
    const headers = { ...RAW, ...OCTETS, 'x-image-meta-property-a': '1' }
    const made = await server.call('POST', '/v1/images', { as: OWNER, headers, body: 'data' })
    const { id } = made.json['image'] as { id: string }
    const call = (method: string, as = ADMIN) => server.call(method, `/v1/images/${id}`, { as })
    t.equal((await call('DELETE', OWNER)).status, 200)
    t.equal((await call('HEAD', OWNER)).status, 404)
    const { headers: shown } = await call('HEAD')
    t.equal(shown.get('x-image-meta-status'), 'pending_delete')
    t.equal(shown.get('x-image-meta-deleted'), 'True')
    t.equal(shown.get('x-image-meta-property-a'), null)
    t.equal((await call('GET')).status, 404)
    t.equal((await call('PUT')).status, 403)
    t.match(await call('DELETE'), {
      status: 403,
      text: 'Forbidden to delete a pending_delete image.',
    })
    t.strictSame((await server.call('GET', '/v1/images', { as: OWNER })).json, { images: [] })
    const path = '/v1/images/detail?changes-since=2001-01-01'
    const { json } = await server.call('GET', path, { as: OWNER })
    t.match(json, { images: [{ id, deleted: true, properties: {} }] })
  })

  t.test('let nobody without a project share anything', async t => {
    const server = await startTestServer(t, { auth: 'trusted_headers' })
    const id = await server.create({ visibility: 'public' }, ADMIN)
    const { 'x-project-id': _, ...as } = { ...STRANGER }
    for (const [method, path] of [
      ['PUT', `/v1/images/${id}/members/x`],
      ['DELETE', `/v1/images/${id}/members/x`],
      ['PUT', `/v1/images/nope/members/x`],
    ] as const) {
      t.equal((await server.call(method, path, { as })).status, 401, `${method} ${path}`)
    }
    const none = await server.call('GET', '/v1/shared-images/x', { as })
    t.strictSame(none.json, { shared_images: [] })
    t.match((await server.call('GET', '/v1/images', { as })).json, { images: [{ id }] })
  })

  t.test('let those who may only look do no more', async t => {
    const server = await startTestServer(t, {
      auth: 'trusted_headers',
      allowAnonymousAccess: true,
    })
    const id = await server.create({ visibility: 'public' }, ADMIN)
    t.equal((await server.call('GET', '/v1/images')).status, 200)
    t.equal((await server.call('HEAD', `/v1/images/${id}`)).status, 200)
    for (const [method, path] of [
      ['POST', '/v1/images'],
      ['PUT', `/v1/images/${id}`],
      ['DELETE', `/v1/images/${id}`],
      ['PUT', `/v1/images/${id}/members/x`],
      ['DELETE', `/v1/images/${id}/members/x`],
    ] as const) {
      t.equal((await server.call(method, path)).status, 403, `${method} ${path}`)
    }
  })
})

t.test('header names are in lower case on the wire', async t => {
  const server = await startTestServer(t, {})
  const made = await server.call('POST', '/v1/images', { headers: { 'x-image-meta-size': '0' } })
  const { id } = made.json['image'] as { id: string }
  for (const method of ['HEAD', 'GET']) {
    const socket = await dial(server, `${method} /v1/images/${id} HTTP/1.1`, 'Connection: close')
    const answer = await rest(socket)
    t.match(answer, /^x-image-meta-status: active$/m)
    t.match(answer, /^content-length: 0$/m)
    t.notMatch(answer, 'X-Image-Meta')
  }
})
