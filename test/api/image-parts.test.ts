import { randomUUID } from 'node:crypto'
import t from 'tap'
import { ADMIN, type Answer, MEMBER, OWNER, startTestServer, STRANGER } from '../support/server.ts'

const statusOf = async (answer: Promise<Answer>) => (await answer).status

t.test('tags', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers', imageTagQuota: 2 })
  const id = await server.create({ visibility: 'community' })
  const tag = (method: string, name: string, as = OWNER, image = id) =>
    statusOf(server.call(method, `/v2/images/${image}/tags/${encodeURIComponent(name)}`, { as }))
  const tags = async () => (await server.show(id))['tags']

  t.test('are added and removed, any text of up to 255 characters', async t => {
    const long = 'x'.repeat(255)
    t.equal(await tag('PUT', 'gabe@example.com, a b'), 204)
    t.equal(await tag('PUT', long), 204)
    t.same(await tags(), ['gabe@example.com, a b', long])
    t.equal(await tag('DELETE', long), 204)
    t.equal(await tag('DELETE', 'gabe@example.com, a b'), 204)
    t.same(await tags(), [])
    t.equal(await tag('PUT', 'x'.repeat(256)), 400)
  })

  t.test('can be added again, which changes nothing', async t => {
    t.equal(await tag('PUT', 'one'), 204)
    t.equal(await tag('PUT', 'one'), 204)
    t.same(await tags(), ['one'])
  })

  t.test('are as many as the quota says', async t => {
    t.equal(await tag('PUT', 'two'), 204)
    t.equal(await tag('PUT', 'three'), 413)
    t.equal(await tag('PUT', 'two'), 204)
  })

  t.test("that are not there are 404, and others' images are not ours to tag", async t => {
    t.equal(await tag('DELETE', 'none'), 404)
    t.equal(await tag('PUT', ''), 404, 'nothing is no tag')
    t.equal(await tag('PUT', 'a/b'), 404, 'a slash is one of the path')
    t.equal(await tag('PUT', 'x', OWNER, randomUUID()), 404)
    t.equal(await tag('PUT', 'x', STRANGER), 403)
    t.equal(await tag('DELETE', 'one', STRANGER), 403)
  })
})

t.test('members', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers', imageMemberQuota: 2 })
  const members = (id: string, method = 'GET', as = OWNER, body?: unknown, member = '') =>
    server.call(method, `/v2/images/${id}/members${member && `/${member}`}`, { as, body })
  const add = (id: string, member: unknown, as = OWNER) => members(id, 'POST', as, { member })

  t.test('are added by the owner, and wait for their own word', async t => {
    const id = await server.create({})
    const { status, json } = await add(id, 'member')
    t.equal(status, 200)
    t.match(json, {
      member_id: 'member',
      image_id: id,
      status: 'pending',
      schema: '/v2/schemas/member',
      created_at: /Z$/,
      updated_at: /Z$/,
    })
    t.same((await members(id)).json, { members: [json], schema: '/v2/schemas/members' })
    t.same((await members(id, 'GET', OWNER, undefined, 'member')).json, json)
  })

  t.test('see the image by its id at once, and in listings once they accept', async t => {
    const id = await server.create({})
    await add(id, 'member')
    const listed = async () => {
      const { json } = await server.call('GET', '/v2/images', { as: MEMBER })
      return (json['images'] as { id: string }[]).some(image => image.id === id)
    }
    t.equal(await listed(), false)
    t.equal(await statusOf(server.call('GET', `/v2/images/${id}`, { as: MEMBER })), 200)
    const accepted = await members(id, 'PUT', MEMBER, { status: 'accepted' }, 'member')
    t.match(accepted, { status: 200, json: { status: 'accepted' } })
    t.equal(await listed(), true)
  })

  t.test('see themselves, and no other member', async t => {
    const id = await server.create({})
    await add(id, 'member')
    await add(id, 'stranger')
    t.match((await members(id, 'GET', MEMBER)).json['members'], [{ member_id: 'member' }])
    t.equal(await statusOf(members(id, 'GET', MEMBER, undefined, 'stranger')), 404)
    const update = members(id, 'PUT', MEMBER, { status: 'rejected' }, 'stranger')
    t.equal(await statusOf(update), 404)
  })

  t.test('may be spoken for by an administrator, and not by the owner', async t => {
    const id = await server.create({})
    await add(id, 'member')
    const word = { status: 'rejected' }
    t.equal(await statusOf(members(id, 'PUT', OWNER, word, 'member')), 403)
    t.equal(await statusOf(members(id, 'PUT', ADMIN, word, 'member')), 200)
  })

  t.test('are removed by the owner, not by themselves, and can be added again', async t => {
    const id = await server.create({})
    await add(id, 'member')
    t.equal(await statusOf(members(id, 'DELETE', MEMBER, undefined, 'member')), 403)
    t.equal(await statusOf(members(id, 'DELETE', OWNER, undefined, 'member')), 204)
    t.equal(await statusOf(members(id, 'DELETE', OWNER, undefined, 'member')), 404)
    t.equal(await statusOf(server.call('GET', `/v2/images/${id}`, { as: MEMBER })), 404)
    t.match((await add(id, 'member')).json, { status: 'pending' })
  })

  t.test('of images that are not shared are 403, and one by one 404', async t => {
    const id = await server.create({ visibility: 'private' })
    t.equal(await statusOf(add(id, 'member')), 403)
    t.equal(await statusOf(members(id)), 403)
    t.equal(await statusOf(members(id, 'GET', OWNER, undefined, 'member')), 404)
  })

  t.test('whose names not every Glance can store are 400', async t => {
    const { status, json } = await add(await server.create(), '\u{1f600}')
    t.equal(status, 400)
    t.match(json['message'], /^Member can't contain 4 byte unicode characters\./)
  })

  t.test('that are members already are 409, and too many 413', async t => {
    const id = await server.create({})
    await add(id, 'one')
    t.equal(await statusOf(add(id, 'one')), 409)
    await add(id, 'two')
    t.equal(await statusOf(add(id, 'three')), 413)
  })

  t.test("of others' images are not ours to add", async t => {
    const id = await server.create({})
    t.equal(await statusOf(add(id, 'x', STRANGER)), 404)
    await add(id, 'member')
    t.equal(await statusOf(add(id, 'x', MEMBER)), 403)
  })

  const id = await server.create({})
  for (const body of [{}, { member: '' }, { member: 5 }, []]) {
    t.test(`are not added by ${JSON.stringify(body)}, which is 400`, async t => {
      t.equal(await statusOf(members(id, 'POST', OWNER, body)), 400)
    })
  }
  await add(id, 'member')
  for (const body of [{}, { status: 'maybe' }, { status: null }, []]) {
    t.test(`do not say ${JSON.stringify(body)}, which is 400`, async t => {
      t.equal(await statusOf(members(id, 'PUT', MEMBER, body, 'member')), 400)
    })
  }
})

t.test('deactivation', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const act = (id: string, action: string, as = OWNER) =>
    statusOf(server.call('POST', `/v2/images/${id}/actions/${action}`, { as }))

  t.test('keeps the data from everybody but administrators, until it is undone', async t => {
    const formats = { disk_format: 'raw', container_format: 'bare' }
    const id = await server.create({ ...formats, visibility: 'community' })
    const path = `/v2/images/${id}/file`
    await server.upload(id, 'data')
    t.equal(await act(id, 'deactivate', STRANGER), 403)
    t.equal(await act(id, 'deactivate'), 204)
    t.equal(await act(id, 'deactivate'), 204, 'again is no error')
    t.equal(await statusOf(server.call('GET', path, { as: OWNER })), 403)
    t.equal((await server.call('GET', path, { as: ADMIN })).text, 'data')
    t.match(await server.show(id), {
      status: 'deactivated',
    })
    t.equal(await act(id, 'reactivate'), 204)
    t.equal(await act(id, 'reactivate'), 204)
    t.equal((await server.call('GET', path, { as: OWNER })).text, 'data')
  })

  t.test('of an image without data is 403, and of none 404', async t => {
    t.equal(await act(await server.create({}), 'deactivate'), 403)
    t.equal(await act(await server.create({}), 'reactivate'), 403)
    t.equal(await act(randomUUID(), 'deactivate'), 404)
  })
})
