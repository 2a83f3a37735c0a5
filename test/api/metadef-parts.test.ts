import t from 'tap'
import { ADMIN, type Answer, startTestServer, type TestServer } from '../support/server.ts'

const NAMESPACE = '/v2/metadefs/namespaces/ns'

const statusOf = async (answer: Promise<Answer>) => (await answer).status

const TIMES = { created_at: /^[-\dT:]{19}Z$/, updated_at: /^[-\dT:]{19}Z$/ }

/** Sends an administrator's requests for paths below a namespace, which is there from the beginning. */
async function inNamespace(server: TestServer, contents: object = {}) {
  const body = { namespace: 'ns', ...contents }
  await server.call('POST', '/v2/metadefs/namespaces', { as: ADMIN, body })
  return (method: string, path: string, body?: unknown, headers = {}) =>
    server.call(method, NAMESPACE + path, { as: ADMIN, body, headers })
}

t.test('properties', async t => {
  const ask = await inNamespace(await startTestServer(t, { auth: 'trusted_headers' }), {
    resource_type_associations: [{ name: 'prefixed', prefix: 'hw:' }, { name: 'plain' }],
  })
  const property = (name: string, rest: object = {}) => ({
    name,
    title: 'T',
    type: 'string',
    ...rest,
  })

  t.test('are added, shown, replaced under another name, and deleted', async t => {
    const every = property('all/of it', {
      description: 'd',
      operators: ['<or>', '<in>'],
      readonly: false,
      required: ['x'],
      minimum: -2.9,
      maximum: 1e20,
      enum: ['x', 1, null],
      pattern: '(',
      minLength: 0,
      maxLength: 9,
      items: { type: 'integer', enum: [1] },
      uniqueItems: true,
      minItems: 1,
      maxItems: 2,
      additionalItems: false,
    })
    const { status, json } = await ask('POST', '/properties', every)
    t.equal(status, 201)
    t.same(json, { ...every, minimum: -2 })
    t.same((await ask('GET', '/properties/all%2Fof%20it')).json, json)
    t.same((await ask('GET', '/properties')).json, { properties: { 'all/of it': json } })
    const replaced = await ask('PUT', '/properties/all%2Fof%20it', property('new'))
    t.equal(replaced.status, 200)
    t.same(replaced.json, property('new'))
    t.same((await ask('GET', '/properties')).json, { properties: { new: property('new') } })
    t.equal((await ask('DELETE', '/properties/new')).status, 204)
    t.equal((await ask('DELETE', '/properties/new')).status, 404)
  })

  for (const [given, kept] of [
    ['text', 'text'],
    [5, '5'],
    [1.5, '1.5'],
    [true, 'True'],
    [false, 'False'],
    [null, null],
    [['x'], null],
    [{ x: 1 }, null],
  ] as const) {
    t.test(`keep a default of ${JSON.stringify(given)} as ${JSON.stringify(kept)}`, async t => {
      await ask('POST', '/properties', property('default', { default: given }))
      t.equal((await ask('GET', '/properties/default')).json['default'], kept)
      await ask('DELETE', '/properties/default')
    })
  }

  t.test('have names to themselves', async t => {
    for (const name of ['a', 'b']) await ask('POST', '/properties', property(name))
    t.match(await ask('POST', '/properties', property('a')), {
      status: 409,
      json: { message: 'property with name=a already exists in namespace=ns.' },
    })
    t.equal(await statusOf(ask('PUT', '/properties/a', property('b'))), 409)
    t.match(await ask('PUT', '/properties/none', property('c')), {
      status: 404,
      json: { message: 'Could not find property none' },
    })
  })

  for (const body of [
    {},
    [],
    property(''),
    property('x'.repeat(81)),
    property('😀'),
    { name: 'x', title: 'T' },
    { name: 'x', type: 'string' },
    { title: 'T', type: 'string' },
    property('x', { type: 'text' }),
    property('x', { unknown: 1 }),
    property('x', { self: '/' }),
    property('x', { required: [] }),
    property('x', { operators: 'x' }),
    property('x', { maxItems: 1.5 }),
    property('x', { items: {} }),
    property('x', { items: { type: 'string', unknown: 1 } }),
    property('x', { confidential: true }),
  ]) {
    t.test(`are not made by ${JSON.stringify(body).slice(0, 80)}, which is 400`, async t => {
      t.equal(await statusOf(ask('POST', '/properties', body)), 400)
      t.equal(await statusOf(ask('PUT', '/properties/a', body)), 400)
    })
  }

  t.test('do not have their times set, which is 403', async t => {
    for (const name of ['created_at', 'updated_at']) {
      t.equal(await statusOf(ask('POST', '/properties', property('x', { [name]: 1 }))), 403)
    }
  })

  t.test('are found by the name that they have on things of a resource type', async t => {
    await ask('POST', '/properties', property('cores'))
    const prefixed = await ask('GET', '/properties/hw:cores?resource_type=prefixed')
    t.same(prefixed.json, property('cores'))
    for (const [path, message] of [
      ['cores?resource_type=prefixed', "prefix of 'hw:'."],
      ['cores?resource_type=plain', "prefix of 'None'."],
      ['cores?resource_type=none', 'resource-type with name=none, was not found.'],
      ['hw:none?resource_type=prefixed', 'Could not find property none'],
    ] as const) {
      const { status, json } = await ask('GET', `/properties/${path}`)
      t.equal(status, 404, path)
      t.match(json['message'], message)
    }
    await ask('DELETE', '/resource_types/plain')
    const gone = await ask('GET', '/properties/cores?resource_type=plain')
    t.match(gone.json['message'], 'association of resource-type=plain to namespace=ns')
    t.equal((await ask('GET', '/properties/cores?resource_type=')).status, 200)
  })
})

t.test('objects', async t => {
  const ask = await inNamespace(await startTestServer(t, { auth: 'trusted_headers' }))
  const properties = { p: { title: 'P', type: 'boolean', default: 'True' } }

  t.test('are added, shown, replaced under another name, and deleted', async t => {
    const body = { name: 'b', description: 'd', required: ['p', 'q'], properties }
    const links = { self: `${NAMESPACE}/objects/b`, schema: '/v2/schemas/metadefs/object' }
    const { status, json } = await ask('POST', '/objects', body)
    t.equal(status, 201)
    t.match(json, { ...body, ...links, ...TIMES })
    await ask('POST', '/objects', { name: 'a' })
    t.same((await ask('GET', '/objects/b')).json, json)
    t.match((await ask('GET', '/objects')).json, {
      objects: [{ name: 'a', required: [], properties: {} }, json],
      schema: /^v2\/schemas\/metadefs\/objects$/,
    })
    const replaced = await ask('PUT', '/objects/b', { name: 'c' })
    t.match(replaced, { status: 200, json: { name: 'c', self: `${NAMESPACE}/objects/c` } })
    t.notOk('required' in replaced.json || 'properties' in replaced.json, 'as it was asked for')
    const shown = await ask('GET', '/objects/c')
    t.match(shown.json, { required: [], properties: {} })
    t.notOk('description' in shown.json)
    t.equal((await ask('DELETE', '/objects/c')).status, 204)
    t.match(await ask('DELETE', '/objects/c'), {
      status: 404,
      json: { message: 'Could not find metadata object c' },
    })
  })

  t.test('have names to themselves', async t => {
    for (const name of ['x', 'y']) await ask('POST', '/objects', { name })
    t.match(await ask('POST', '/objects', { name: 'x' }), {
      status: 409,
      json: { message: 'object with name=x already exists in namespace=ns.' },
    })
    t.equal(await statusOf(ask('PUT', '/objects/x', { name: 'y' })), 409)
    t.equal(await statusOf(ask('PUT', '/objects/none', { name: 'z' })), 404)
  })

  for (const body of [
    {},
    { name: '' },
    { name: 'x'.repeat(81) },
    { name: 'n', unknown: 1 },
    { name: 'n', required: ['a', 'a'] },
    { name: 'n', properties: { p: { title: 'P' } } },
    { name: 'n', properties: { p: { title: 'P', type: 'string', unknown: 1 } } },
    { name: 'n', properties: { p: { title: 'P', type: 'string', required: [] } } },
  ]) {
    t.test(`are not made by ${JSON.stringify(body).slice(0, 80)}, which is 400`, async t => {
      t.equal(await statusOf(ask('POST', '/objects', body)), 400)
      t.equal(await statusOf(ask('PUT', '/objects/x', body)), 400)
    })
  }

  t.test('do not have set what the service sets, which is 403', async t => {
    for (const name of ['self', 'schema', 'created_at', 'updated_at']) {
      t.equal(await statusOf(ask('POST', '/objects', { name: 'n', [name]: 'x' })), 403)
    }
  })

  for (const [query, status] of [
    ['limit=1&marker=none&sort_key=none', 200],
    ['visibility=shared', 200],
    ['limit=0', 400],
    ['limit=x', 400],
    ['sort_dir=up', 400],
    ['visibility=community', 400],
  ] as const) {
    t.test(`are listed all, whatever the query says: ${query} is ${status}`, async t => {
      const { status: found, json } = await ask('GET', `/objects?${query}`)
      t.equal(found, status)
      if (status === 200) t.equal((json['objects'] as unknown[]).length, 3)
    })
  }
})

t.test('tags', async t => {
  const ask = await inNamespace(await startTestServer(t, { auth: 'trusted_headers' }))
  const names = async (query = '') => {
    const { json } = await ask('GET', `/tags${query}`)
    return (json['tags'] as { name: string }[]).map(({ name }) => name)
  }
  const several = (...names: readonly string[]) => ({ tags: names.map(name => ({ name })) })

  t.test('are added one by one, shown, renamed and deleted', async t => {
    const { status, json } = await ask('POST', '/tags/a%20b')
    t.equal(status, 201)
    t.match(json, { name: 'a b', ...TIMES })
    t.equal(Object.keys(json).length, 3)
    t.same((await ask('GET', '/tags/a%20b')).json, json)
    t.match(await ask('PUT', '/tags/a%20b', { name: 'c' }), { status: 200, json: { name: 'c' } })
    t.same(await names(), ['c'])
    t.equal((await ask('DELETE', '/tags/c')).status, 204)
    for (const method of ['GET', 'DELETE']) {
      t.match(await ask(method, '/tags/c'), {
        status: 404,
        json: { message: 'Could not find metadata tag c' },
      })
    }
  })

  t.test('are replaced all at once, or added to, and an empty list changes nothing', async t => {
    const append = { 'x-openstack-append': 'True' }
    t.match(await ask('POST', '/tags', several('a', 'b')), { status: 201, json: several('a', 'b') })
    await ask('POST', '/tags', several('c', 'd'))
    t.same(await names(), ['d', 'c'])
    t.equal((await ask('POST', '/tags', several('e'), append)).status, 201)
    t.same(await names(), ['e', 'd', 'c'])
    t.match(await ask('POST', '/tags', several('f', 'c'), append), {
      status: 409,
      json: { message: 'tag with name=c already exists in namespace=ns.' },
    })
    t.equal((await ask('POST', '/tags', several('g', 'g'))).status, 409)
    t.equal((await ask('POST', '/tags', several())).status, 201)
    t.same(await names(), ['e', 'd', 'c'], 'all or nothing')
    t.equal((await ask('POST', '/tags', several('h'), { 'x-openstack-append': 'no' })).status, 201)
    t.same(await names(), ['h'])
  })

  t.test('have names to themselves', async t => {
    await ask('POST', '/tags', several('a', 'b'))
    t.equal(await statusOf(ask('POST', '/tags/a')), 409)
    t.equal(await statusOf(ask('PUT', '/tags/a', { name: 'b' })), 409)
    t.equal(await statusOf(ask('PUT', '/tags/a', { name: 'a' })), 200)
    t.equal(await statusOf(ask('PUT', '/tags/none', { name: 'c' })), 404)
    t.equal(await statusOf(ask('POST', `/tags/${'x'.repeat(81)}`)), 400)
  })

  for (const [query, wanted] of [
    ['', ['b', 'c', 'a']],
    ['?sort_dir=asc', ['a', 'c', 'b']],
    ['?sort_key=name', ['c', 'b', 'a']],
    ['?sort_key=id&limit=2', ['b', 'c']],
    ['?limit=2&marker=b', ['c', 'a']],
    ['?limit=0', []],
    ['?limit=&marker=', ['b', 'c', 'a']],
    ['?visibility=shared', ['b', 'c', 'a']],
  ] as const) {
    t.test(`are listed by '${query}' as ${wanted.join()}`, async t => {
      await ask('POST', '/tags', several('a', 'c', 'b'))
      t.same(await names(query), wanted)
    })
  }

  for (const [query, status] of [
    ['limit=x', 400],
    ['limit=-1', 400],
    ['sort_key=unknown', 400],
    ['sort_dir=up', 400],
    ['visibility=community', 400],
    ['marker=none', 404],
  ] as const) {
    t.test(`are not listed by ${query}, which is ${status}`, async t => {
      t.equal(await statusOf(ask('GET', `/tags?${query}`)), status)
    })
  }

  for (const [method, path, body, status] of [
    ['POST', '/tags', {}, 400],
    ['POST', '/tags', { tags: [{}] }, 400],
    ['POST', '/tags', { tags: [{ name: 'x', created_at: 'x' }] }, 400],
    ['POST', '/tags', { tags: [{ name: 'x'.repeat(81) }] }, 400],
    ['POST', '/tags', { tags: [], created_at: 'x' }, 403],
    ['PUT', '/tags/a', {}, 400],
    ['PUT', '/tags/a', { name: 'x', self: 'x' }, 400],
    ['PUT', '/tags/a', { name: 'x', updated_at: 'x' }, 403],
  ] as const) {
    t.test(`are not made by ${JSON.stringify(body)}, which is ${status}`, async t => {
      t.equal(await statusOf(ask(method, path, body)), status)
    })
  }
})

t.test('resource types', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const ask = await inNamespace(server)
  const types = async () => {
    const { json } = await server.call('GET', '/v2/metadefs/resource_types', { as: ADMIN })
    return json['resource_types']
  }

  t.test('come to be when a namespace is associated with them, and stay', async t => {
    t.same(await types(), [])
    const body = { name: 'OS::A', prefix: 'a:', properties_target: 'image' }
    const { status, json } = await ask('POST', '/resource_types', body)
    t.equal(status, 201)
    t.match(json, { ...body, ...TIMES })
    const other = await ask('POST', '/resource_types', { name: 'OS::B' })
    t.same(Object.keys(other.json), ['name', 'created_at', 'updated_at'])
    const wanted = { resource_type_associations: [json, other.json] }
    t.same((await ask('GET', '/resource_types')).json, wanted)
    t.equal((await ask('DELETE', '/resource_types/OS::A')).status, 204)
    t.match(await types(), [
      { name: 'OS::A', ...TIMES },
      { name: 'OS::B', ...TIMES },
    ])
  })

  t.test('are associated with a namespace once', async t => {
    t.match(await ask('POST', '/resource_types', { name: 'OS::B' }), {
      status: 409,
      json: {
        message: 'association of resource-type=OS::B to namespace=ns already exists.',
      },
    })
    t.match(await ask('DELETE', '/resource_types/OS::A'), {
      status: 404,
      json: { message: 'Failed to find resource type OS::A to delete' },
    })
  })

  for (const [body, status] of [
    [{}, 400],
    [{ name: '' }, 400],
    [{ name: 'x'.repeat(81) }, 400],
    [{ name: 'x', prefix: 5 }, 400],
    [{ name: 'x', unknown: 1 }, 400],
    [{ name: 'x', created_at: 'x' }, 403],
  ] as const) {
    t.test(`are not associated by ${JSON.stringify(body)}, which is ${status}`, async t => {
      t.equal(await statusOf(ask('POST', '/resource_types', body)), status)
    })
  }
})

t.test('paths of definitions', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']
  for (const [path, allowed] of [
    ['/metadefs/namespaces', 'GET, POST'],
    ['/metadefs/namespaces/x', 'GET, PUT, DELETE'],
    ['/metadefs/namespaces/x/properties', 'GET, POST, DELETE'],
    ['/metadefs/namespaces/x/properties/y', 'GET, PUT, DELETE'],
    ['/metadefs/namespaces/x/objects', 'GET, POST, DELETE'],
    ['/metadefs/namespaces/x/objects/y', 'GET, PUT, DELETE'],
    ['/metadefs/namespaces/x/tags', 'GET, POST, DELETE'],
    ['/metadefs/namespaces/x/tags/y', 'GET, POST, PUT, DELETE'],
    ['/metadefs/namespaces/x/resource_types', 'GET, POST'],
    ['/metadefs/namespaces/x/resource_types/y', 'DELETE'],
    ['/metadefs/resource_types', 'GET'],
    ['/schemas/metadefs/namespace', 'GET'],
    ['/schemas/metadefs/tags', 'GET'],
  ] as const) {
    t.test(`${path} takes ${allowed}`, async t => {
      for (const method of METHODS.filter(method => !allowed.includes(method))) {
        const { status, headers } = await server.call(method, `/v2${path}`, { as: ADMIN })
        t.equal(status, 405, method)
        t.equal(headers.get('allow'), allowed, method)
      }
    })
  }

  for (const [method, path] of [
    ['DELETE', '/metadefs/namespaces/x'],
    ['DELETE', '/metadefs/namespaces/x/properties'],
    ['DELETE', '/metadefs/namespaces/x/properties/y'],
    ['DELETE', '/metadefs/namespaces/x/objects/y'],
    ['POST', '/metadefs/namespaces/x/tags/y'],
    ['DELETE', '/metadefs/namespaces/x/tags/y'],
    ['DELETE', '/metadefs/namespaces/x/resource_types/y'],
  ] as const) {
    t.test(`${method} ${path} takes no body`, async t => {
      const { status, json } = await server.call(method, `/v2${path}`, { as: ADMIN, body: {} })
      t.equal(status, 400)
      t.match(json['message'], 'A body is not expected with this request.')
    })
  }
})

t.test('the schemas of definitions', async t => {
  const server = await startTestServer(t)
  const schema = async (name: string) =>
    (await server.call('GET', `/v2/schemas/metadefs/${name}`)).json
  const times = ['created_at', 'updated_at']
  const definition = (
    'name title description operators type required minimum maximum maxLength minLength ' +
    'pattern enum readonly default items maxItems minItems uniqueItems additionalItems'
  ).split(' ')

  for (const [one, many, name, properties, required] of [
    [
      'namespace',
      'namespaces',
      'namespace',
      (
        'namespace display_name description visibility protected owner created_at updated_at schema ' +
        'self resource_type_associations properties objects tags'
      ).split(' '),
      ['namespace'],
    ],
    [
      'object',
      'objects',
      'object',
      ['name', 'description', 'required', 'properties', 'schema', 'self', ...times],
      ['name'],
    ],
    ['tag', 'tags', 'tag', ['name', ...times], ['name']],
    [
      'resource_type',
      'resource_types',
      'resource_type_association',
      ['name', 'prefix', 'properties_target', ...times],
      ['name'],
    ],
    ['property', 'properties', 'property', definition, ['type', 'title', 'name']],
  ] as const) {
    t.test(`${one} and ${many} are Glance's`, async t => {
      const single = await schema(one)
      t.match(single, { name, additionalProperties: false, required })
      t.same(Object.keys(single['properties'] as object), properties)
      const collection = await schema(many)
      const plural = one === 'property' ? 'properties' : `${name}s`
      t.equal(collection['name'], plural)
      t.same(Object.keys(collection['properties'] as object), [plural, 'first', 'next', 'schema'])
      t.same(
        (collection['links'] as { rel: string }[]).map(({ rel }) => rel),
        ['first', 'next', 'describedby'],
      )
      t.same(collection['definitions'], single['definitions'])
      const things = (collection['properties'] as Record<string, Record<string, unknown>>)[plural]
      const { definitions: _, ...alone } = single
      if (one === 'property') {
        const unnamed = { ...alone, required: ['type', 'title'] }
        t.same(things, { type: 'object', additionalProperties: unnamed })
      } else t.same(things, { type: 'array', items: alone })
    })
  }
})
