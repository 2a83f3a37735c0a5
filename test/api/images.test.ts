import { randomUUID } from 'node:crypto'
import t from 'tap'
import { ACCEPT_PATCH, PATCH_MEDIA_TYPE } from '../../lib/wire/v2-patch.ts'
import { ADMIN, type Answer, MEMBER, OWNER, startTestServer, STRANGER } from '../support/server.ts'

const V2_0 = 'application/openstack-images-v2.0-json-patch'

const statusOf = async (answer: Promise<Answer>) => (await answer).status
const add = (name: string, value: unknown) => ({ op: 'add', path: `/${name}`, value })
const replace = (name: string, value: unknown) => ({ op: 'replace', path: `/${name}`, value })
const remove = (name: string) => ({ op: 'remove', path: `/${name}` })

t.test('creating an image', async t => {
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    imageTagQuota: 2,
    imagePropertyQuota: 2,
  })
  const post = (body: unknown, as = OWNER) => server.call('POST', '/v2/images', { as, body })

  t.test('says all there is to say of it, and where it is', async t => {
    const { status, json, headers } = await post({
      name: 'one',
      tags: ['b', 'a', 'b'],
      os_distro: 'x',
    })
    const { id, created_at: createdAt } = json
    t.equal(status, 201)
    t.equal(headers.get('location'), `${server.url}/v2/images/${String(id)}`)
    t.equal(headers.get('content-type'), 'application/json')
    t.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    t.same(json, {
      id,
      name: 'one',
      status: 'queued',
      visibility: 'shared',
      os_hidden: false,
      protected: false,
      owner: 'owner',
      container_format: null,
      disk_format: null,
      min_disk: 0,
      min_ram: 0,
      size: null,
      virtual_size: null,
      checksum: null,
      os_hash_algo: null,
      os_hash_value: null,
      tags: ['a', 'b'],
      os_distro: 'x',
      created_at: createdAt,
      updated_at: createdAt,
      self: `/v2/images/${String(id)}`,
      file: `/v2/images/${String(id)}/file`,
      schema: '/v2/schemas/image',
    })
    t.same((await server.call('GET', String(json['self']), { as: OWNER })).json, json)
  })

  t.test('under an id of its own keeps the id', async t => {
    const id = randomUUID()
    t.equal(await server.create({ id }), id)
  })

  t.test('under an id that is taken, also by a deleted image, is 409', async t => {
    const id = await server.create({})
    t.equal(await statusOf(post({ id })), 409)
    await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
    t.equal(await statusOf(post({ id })), 409)
  })

  for (const [title, status, body, as = OWNER] of [
    ['with a number for a name is 400', 400, { name: 1 }],
    ['with an unknown format is 400', 400, { disk_format: 'floppy' }],
    ['with a property that is no text is 400', 400, { x: 1 }],
    ['with an id that is no UUID is 400', 400, { id: 'x' }],
    ['with a negative min_disk is 400', 400, { min_disk: -1 }],
    ['from a list is 400', 400, []],
    ['with a status is 403', 403, { status: 'active' }],
    ['with a size is 403', 403, { size: 1 }],
    ['with a self is 403', 403, { self: 'x' }],
    ['with locations is 403', 403, { locations: [] }],
    ["with one of Glance's own properties is 403", 403, { os_glance_x: 'y' }],
    ['for another project is 403', 403, { owner: 'other' }],
    ['for nobody is 403', 403, { owner: null }],
    ['for everybody to see is 403', 403, { visibility: 'public' }],
    ['for the community is allowed', 201, { visibility: 'community' }],
    ['with more tags than the quota is 413', 413, { tags: ['a', 'b', 'c'] }],
    ['with more properties than the quota is 413', 413, { a: '1', b: '2', c: '3' }],
    ['for another project is what an administrator may do', 201, { owner: 'other' }, ADMIN],
    ['for everybody is what an administrator may do', 201, { visibility: 'public' }, ADMIN],
  ] as const) {
    t.test(title, async t => {
      t.equal(await statusOf(post(body, as)), status)
    })
  }
})

t.test('who sees an image by its id', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  for (const [visibility, seenBy] of [
    ['public', ['owner', 'member', 'stranger', 'admin']],
    ['community', ['owner', 'member', 'stranger', 'admin']],
    ['shared', ['owner', 'member', 'admin']],
    ['private', ['owner', 'admin']],
  ] as const) {
    t.test(`${visibility}: ${seenBy.join(', ')}; for others it is not there`, async t => {
      const id = await server.create({})
      await server.call('POST', `/v2/images/${id}/members`, {
        as: OWNER,
        body: { member: 'member' },
      })
      await server.patch(id, [replace('visibility', visibility)], ADMIN)
      const people = { owner: OWNER, member: MEMBER, stranger: STRANGER, admin: ADMIN }
      for (const [name, as] of Object.entries(people)) {
        const status = (seenBy as readonly string[]).includes(name) ? 200 : 404
        t.equal(await statusOf(server.call('GET', `/v2/images/${id}`, { as })), status, name)
      }
    })
  }

  t.test('everybody, when nobody owns it; only an administrator can change it', async t => {
    const id = await server.create({ owner: null, visibility: 'private' }, ADMIN)
    t.equal(await statusOf(server.call('GET', `/v2/images/${id}`, { as: STRANGER })), 200)
    t.equal(await statusOf(server.call('DELETE', `/v2/images/${id}`, { as: STRANGER })), 403)
    t.equal(await statusOf(server.call('DELETE', `/v2/images/${id}`, { as: ADMIN })), 204)
  })
})

t.test('listing images', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers', limitParamDefault: 2 })
  const ids: string[] = []
  for (const name of ['a', 'b', 'c']) ids.push(await server.create({ name }))
  const list = (query: string, as = OWNER) => server.call('GET', `/v2/images${query}`, { as })

  t.test('goes from page to page by links, to the end', async t => {
    const names: string[] = []
    let next: unknown = '/v2/images?sort=name:asc'
    while (typeof next === 'string') {
      const { json } = await server.call('GET', next, { as: OWNER })
      t.equal(json['schema'], '/v2/schemas/images')
      t.equal(json['first'], '/v2/images?sort=name%3Aasc')
      const images = json['images'] as { name: string }[]
      names.push(...images.map(({ name }) => name))
      next = json['next']
    }
    t.same(names, ['a', 'b', 'c'])
  })

  t.test("leaves out other projects' images", async t => {
    t.same((await list('', STRANGER)).json['images'], [])
  })

  t.test('with filters shows what meets them', async t => {
    t.match((await list('?name=b')).json, { images: [{ id: ids[1] }] })
    t.same((await list('?name=none')).json['images'], [])
  })

  for (const [title, status, query, as = OWNER] of [
    ['after an image that there is not is 400', 400, `?marker=${randomUUID()}`],
    ['after an image that we may not see is 403', 403, `?marker=${ids[0]}`, STRANGER],
    ['with a limit that is no number is 400', 400, '?limit=x'],
    ['sorted by what there is not is 400', 400, '?sort_key=x'],
    ['with changes-since is 400', 400, '?changes-since=2026-01-01'],
  ] as const) {
    t.test(title, async t => {
      t.equal(await statusOf(list(query, as)), status)
    })
  }
})

t.test('updating an image', async t => {
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    imageTagQuota: 2,
    imagePropertyQuota: 2,
  })

  t.test('changes what the patch says, in its order, and shows the image', async t => {
    const id = await server.create({ name: 'old', a: '1' })
    const { status, json } = await server.patch(id, [
      replace('name', 'new'),
      add('b', '2'),
      replace('b', '3'),
      remove('a'),
      replace('tags', ['y', 'x', 'y']),
      add('disk_format', 'raw'),
    ])
    t.equal(status, 200)
    t.match(json, { name: 'new', b: '3', tags: ['x', 'y'], disk_format: 'raw' })
    t.notOk('a' in json)
    t.same(await server.show(id), json)
  })

  t.test('with one step that is refused changes nothing', async t => {
    const id = await server.create({ name: 'old' })
    const steps = [replace('name', 'new'), remove('nothing')]
    t.equal(await statusOf(server.patch(id, steps)), 409)
    t.match(await server.show(id), { name: 'old' })
  })

  t.test('with no steps is fine, also for who may only look', async t => {
    const id = await server.create({ visibility: 'community' })
    t.equal(await statusOf(server.patch(id, [], STRANGER)), 200)
  })

  t.test('in another media type is 415, and the answer names the right ones', async t => {
    const id = await server.create({})
    const { status, headers } = await server.patch(id, [], OWNER, 'application/json')
    t.equal(status, 415)
    t.equal(headers.get('accept-patch'), ACCEPT_PATCH)
  })

  t.test(
    'is refused for the media type before the body is looked at, and that before the image',
    async t => {
      t.equal(await statusOf(server.patch('none', 'nonsense', OWNER, 'text/plain')), 415)
      t.equal(await statusOf(server.patch('none', 'nonsense')), 400)
      t.equal(await statusOf(server.patch('none', [])), 404)
    },
  )

  for (const [title, status, steps, as = OWNER, type = PATCH_MEDIA_TYPE] of [
    ['by a stranger who sees it is 403', 403, [replace('name', 'x')], STRANGER],
    ['from an object is 400', 400, {}],
    ['by an operation that there is not is 400', 400, [{ op: 'test', path: '/name' }]],
    ['without a value is 400', 400, [{ op: 'add', path: '/x' }]],
    ['with a value of another type is 400', 400, [add('x', 1)]],
    ['of the status is 403', 403, [replace('status', 'active')]],
    ["of Glance's own properties is 403", 403, [add('os_glance_x', 'y')]],
    ['that takes away the name is 403', 403, [remove('name')]],
    ['of locations is 403', 403, [replace('locations', [])]],
    ['that replaces a property that is not there is 409', 409, [replace('x', 'y')]],
    ['that removes a property that is not there is 409', 409, [remove('x')]],
    ['that adds a property that is there replaces it', 200, [add('a', '2')]],
    ['that adds what is there is 409 in v2.0', 409, [{ add: '/a', value: '2' }], OWNER, V2_0],
    ['that adds a name is 409 in v2.0', 409, [{ add: '/name', value: '2' }], OWNER, V2_0],
    ['of the owner is 403', 403, [replace('owner', 'other')]],
    ['of the owner by way of adding one is 403', 403, [add('owner', 'other')]],
    ['of the owner is what an administrator may do', 200, [replace('owner', 'other')], ADMIN],
    ['for everybody to see is 403', 403, [replace('visibility', 'public')]],
    ['with more tags than the quota is 413', 413, [replace('tags', ['a', 'b', 'c'])]],
    ['with more properties than the quota is 413', 413, [add('b', ''), add('c', '')]],
  ] as const) {
    t.test(title, async t => {
      const id = await server.create({ visibility: 'community', a: '1' })
      t.equal(await statusOf(server.patch(id, steps, as, type)), status)
    })
  }

  t.test('of the formats is 403 once there is data', async t => {
    const id = await server.create()
    await server.upload(id, 'data')
    const steps = [replace('disk_format', 'raw')]
    t.equal(await statusOf(server.patch(id, steps)), 403)
  })
})

t.test('deleting an image', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const destroy = (id: string, as = OWNER) =>
    statusOf(server.call('DELETE', `/v2/images/${id}`, { as }))

  t.test('is 204, and then it is gone', async t => {
    const id = await server.create({})
    t.equal(await destroy(id), 204)
    t.equal(await statusOf(server.call('GET', `/v2/images/${id}`, { as: OWNER })), 404)
    t.equal(await destroy(id), 404)
  })

  t.test('that is protected is 403, until it is not', async t => {
    const id = await server.create({ protected: true })
    t.equal(await destroy(id), 403)
    t.equal(await destroy(id, ADMIN), 403)
    await server.patch(id, [replace('protected', false)])
    t.equal(await destroy(id), 204)
  })

  t.test('of another project is 404, and 403 for who sees it', async t => {
    t.equal(await destroy(await server.create({}), STRANGER), 404)
    t.equal(await destroy(await server.create({ visibility: 'community' }), STRANGER), 403)
  })
})
