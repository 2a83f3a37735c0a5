import t from 'tap'
import {
  ADMIN,
  type Answer,
  type Caller,
  OWNER,
  startTestServer,
  STRANGER,
  type TestServer,
} from '../support/server.ts'

const NAMESPACES = '/v2/metadefs/namespaces'

const statusOf = async (answer: Promise<Answer>) => (await answer).status

/** Sends requests for paths below the namespaces', an administrator's unless somebody else's. */
function asker(server: TestServer) {
  return (method: string, path: string, body?: unknown, as: Caller = ADMIN, headers = {}) =>
    server.call(method, NAMESPACES + path, { as, body, headers })
}

const TIMES = { created_at: /^[-\dT:]{19}Z$/, updated_at: /^[-\dT:]{19}Z$/ }

const FULL = {
  namespace: 'OS::Full',
  display_name: 'Full',
  description: 'has everything',
  visibility: 'public',
  protected: false,
  owner: 'owner',
  properties: {
    cores: { title: 'Cores', type: 'integer', minimum: 1.7, default: 4, operators: ['<in>'] },
    arch: { title: 'Arch', type: 'string', enum: ['x86', 'arm'], readonly: true, default: true },
  },
  objects: [
    {
      name: 'CPU',
      description: 'of the host',
      required: ['model'],
      properties: { model: { title: 'Model', type: 'string' } },
    },
    { name: 'Box' },
  ],
  tags: [{ name: 'one' }, { name: 'Two' }],
  resource_type_associations: [
    { name: 'OS::Glance::Image', prefix: 'hw:', properties_target: 'image' },
    { name: 'OS::Nova::Server' },
  ],
}

t.test('a namespace', async t => {
  const ask = asker(await startTestServer(t, { auth: 'trusted_headers' }))

  t.test('is private, unprotected and of the caller unless it says otherwise', async t => {
    const { status, json, headers } = await ask('POST', '', { namespace: 'plain one' })
    t.equal(status, 201)
    t.match(headers.get('location'), /^http:\/\/127.*\/v2\/metadefs\/namespaces\/plain%20one$/)
    const wanted = {
      namespace: 'plain one',
      visibility: 'private',
      protected: false,
      owner: 'operators',
      self: `${NAMESPACES}/plain one`,
      schema: '/v2/schemas/metadefs/namespace',
    }
    t.match(json, { ...wanted, ...TIMES })
    t.equal(Object.keys(json).length, 8, 'what is not set is not there')
    t.same((await ask('GET', '/plain%20one')).json, json)
  })

  t.test('is created with all that is in it', async t => {
    const created = await ask('POST', '', FULL)
    t.equal(created.status, 201)
    t.match(created.json, {
      ...FULL,
      properties: { cores: { default: '4', minimum: 1 }, arch: { default: 'True' } },
    })
    const [, box] = created.json['objects'] as object[]
    t.same(box, { name: 'Box' }, 'as it was asked for')
    const { json } = await ask('GET', '/OS::Full', undefined, STRANGER)
    t.match(json, {
      properties: {
        arch: { title: 'Arch', type: 'string', enum: ['x86', 'arm'] },
        cores: { minimum: 1, default: '4' },
      },
      objects: [
        { name: 'Box', required: [], properties: {}, ...TIMES },
        { ...FULL.objects[0], self: `${NAMESPACES}/OS::Full/objects/CPU` },
      ],
      tags: [{ name: 'Two' }, { name: 'one' }],
      resource_type_associations: [
        { name: 'OS::Glance::Image', prefix: 'hw:', properties_target: 'image', ...TIMES },
        { name: 'OS::Nova::Server' },
      ],
    })
  })

  t.test('names its properties as a resource type does, when asked to', async t => {
    const { json } = await ask('GET', '/OS::Full?resource_type=OS::Glance::Image')
    t.same(Object.keys(json['properties'] as object), ['hw:arch', 'hw:cores'])
    t.match(json['objects'], [
      { name: 'Box' },
      { required: ['hw:model'], properties: { 'hw:model': {} } },
    ])
    for (const type of ['OS::Nova::Server', 'unknown', '']) {
      const { json } = await ask('GET', `/OS::Full?resource_type=${type}`)
      t.same(Object.keys(json['properties'] as object), ['arch', 'cores'], type)
    }
  })

  t.test('is created whole or not at all', async t => {
    const twice = [{ name: 'x' }, { name: 'x' }]
    for (const [title, contents] of Object.entries({
      tags: { tags: twice },
      objects: { objects: twice },
      associations: { resource_type_associations: twice },
    })) {
      t.equal((await ask('POST', '', { namespace: 'twice', ...contents })).status, 409, title)
      t.equal((await ask('GET', '/twice')).status, 404, title)
    }
    t.equal((await ask('POST', '', FULL)).status, 409)
  })

  for (const body of [
    {},
    [],
    'true',
    '{',
    { namespace: 5 },
    { namespace: '' },
    { namespace: 'x'.repeat(81) },
    { namespace: '😀' },
    { namespace: 'x', unknown: 1 },
    { namespace: 'x', visibility: 'shared' },
    { namespace: 'x', protected: 'true' },
    { namespace: 'x', owner: null },
    { namespace: 'x', owner: 'x'.repeat(256) },
    { namespace: 'x', display_name: 'x'.repeat(81) },
    { namespace: 'x', description: 'x'.repeat(501) },
    { namespace: 'x', properties: { p: { title: 'P' } } },
    { namespace: 'x', properties: { p: { title: 'P', type: null } } },
    { namespace: 'x', properties: { p: { title: 'P', type: 'string', minLength: -1 } } },
    { namespace: 'x', properties: { p: { title: 'P', type: 'string', unknown: 1 } } },
    { namespace: 'x', properties: { p: { title: 'P', type: 'array', items: {} } } },
    { namespace: 'x', properties: { p: { title: 'P', type: 'string', confidential: 1 } } },
    { namespace: 'x', properties: { ['x'.repeat(81)]: { title: 'P', type: 'string' } } },
    { namespace: 'x', objects: [{}] },
    { namespace: 'x', objects: [{ name: 'o', unknown: 1 }] },
    { namespace: 'x', objects: [{ name: 'o', required: ['a', 'a'] }] },
    { namespace: 'x', tags: [{}] },
    { namespace: 'x', tags: [{ name: 't', unknown: 1 }] },
    { namespace: 'x', resource_type_associations: [{}] },
    { namespace: 'x', resource_type_associations: [{ name: 'r', unknown: 1 }] },
  ]) {
    t.test(`is not created by ${JSON.stringify(body).slice(0, 80)}, which is 400`, async t => {
      t.equal(await statusOf(ask('POST', '', body)), 400)
    })
  }

  for (const name of ['self', 'schema', 'created_at', 'updated_at']) {
    t.test(`does not have its ${name} set, which is 403`, async t => {
      const body = { namespace: 'plain one', [name]: 'x' }
      for (const [method, path] of [
        ['POST', ''],
        ['PUT', '/plain%20one'],
      ] as const) {
        const { status, json } = await ask(method, path, body)
        t.equal(status, 403)
        t.match(json['message'], `Attribute '${name}' is read-only.`)
      }
    })
  }

  t.test('is replaced, and keeps what is in it under another name', async t => {
    await ask('POST', '', { ...FULL, namespace: 'before', protected: true })
    const { status, json } = await ask('PUT', '/before', { namespace: 'after' })
    t.equal(status, 200)
    t.match(json, { namespace: 'after', visibility: 'private', protected: false })
    t.match(json, { owner: 'operators', self: `${NAMESPACES}/after` })
    t.notOk('display_name' in json || 'description' in json)
    t.equal((await ask('GET', '/before')).status, 404)
    t.match((await ask('GET', '/after')).json, { tags: [{ name: 'Two' }, { name: 'one' }] })
    t.equal((await ask('PUT', '/after', { namespace: 'OS::Full' })).status, 409)
    t.equal((await ask('PUT', '/none', { namespace: 'x' })).status, 404)
    t.equal((await ask('PUT', '/after', {})).status, 400)
  })

  t.test('is deleted with all that is in it, unless it is protected', async t => {
    await ask('POST', '', { ...FULL, namespace: 'kept', protected: true })
    for (const [path, what] of [
      ['', 'namespace kept'],
      ['/properties', 'namespace kept'],
      ['/objects', 'namespace kept'],
      ['/tags', 'namespace kept'],
      ['/properties/arch', 'property arch'],
      ['/objects/CPU', 'object CPU'],
      ['/tags/one', 'tag one'],
      ['/resource_types/OS::Nova::Server', 'resource-type-association OS::Nova::Server'],
    ] as const) {
      const { status, json } = await ask('DELETE', `/kept${path}`)
      t.equal(status, 403, path)
      const message = `Metadata definition ${what} is protected and cannot be deleted.`
      t.match(json['message'], message)
    }
    await ask('PUT', '/kept', { namespace: 'kept' })
    t.equal((await ask('DELETE', '/kept')).status, 204)
    t.equal((await ask('DELETE', '/kept')).status, 404)
    await ask('POST', '', { namespace: 'kept' })
    t.same((await ask('GET', '/kept/tags')).json, { tags: [] })
  })

  t.test('is emptied a kind at a time', async t => {
    await ask('POST', '', { ...FULL, namespace: 'emptied' })
    for (const [kind, nothing] of [
      ['properties', {}],
      ['objects', []],
      ['tags', []],
    ] as const) {
      t.equal((await ask('DELETE', `/emptied/${kind}`)).status, 204)
      t.same((await ask('GET', `/emptied/${kind}`)).json[kind], nothing)
    }
    t.equal((await ask('DELETE', '/none/tags')).status, 404)
    t.equal((await ask('GET', '/emptied')).status, 200)
  })
})

t.test('who sees and changes namespaces', async t => {
  const ask = asker(await startTestServer(t, { auth: 'trusted_headers' }))
  const contents = { ...FULL, owner: 'owner', protected: false }
  await ask('POST', '', { ...contents, namespace: 'public', visibility: 'public' })
  await ask('POST', '', { ...contents, namespace: 'private', visibility: 'private' })

  t.test('a private one is for its project and administrators', async t => {
    for (const [path, name] of [
      ['', 'namespace'],
      ['/properties/arch', 'name'],
      ['/objects/CPU', 'name'],
      ['/tags/one', 'name'],
    ] as const) {
      t.type((await ask('GET', `/private${path}`, undefined, OWNER)).json[name], 'string')
      t.equal((await ask('GET', `/private${path}`, undefined, ADMIN)).status, 200)
      const hidden = await ask('GET', `/private${path}`, undefined, STRANGER)
      const missing = await ask('GET', `/missing${path}`, undefined, STRANGER)
      t.equal(hidden.status, 404)
      t.equal(hidden.text.replaceAll('private', 'missing'), missing.text, 'as if it were not there')
      t.equal((await ask('GET', `/public${path}`, undefined, STRANGER)).status, 200)
    }
  })

  const tag = { name: 'x' }
  const property = { name: 'x', title: 'X', type: 'string' }
  for (const [method, path, body, action] of [
    ['PUT', '', { namespace: 'x' }, 'modify_metadef_namespace'],
    ['DELETE', '', undefined, 'delete_metadef_namespace'],
    ['POST', '/properties', property, 'add_metadef_property'],
    ['PUT', '/properties/arch', property, 'modify_metadef_property'],
    ['DELETE', '/properties/arch', undefined, 'remove_metadef_property'],
    ['DELETE', '/properties', undefined, 'delete_metadef_namespace'],
    ['POST', '/objects', tag, 'add_metadef_object'],
    ['PUT', '/objects/CPU', tag, 'modify_metadef_object'],
    ['DELETE', '/objects/CPU', undefined, 'delete_metadef_object'],
    ['DELETE', '/objects', undefined, 'delete_metadef_namespace'],
    ['POST', '/tags', { tags: [] }, 'add_metadef_tags'],
    ['POST', '/tags/x', undefined, 'add_metadef_tag'],
    ['PUT', '/tags/one', tag, 'modify_metadef_tag'],
    ['DELETE', '/tags/one', undefined, 'delete_metadef_tag'],
    ['DELETE', '/tags', undefined, 'delete_metadef_namespace'],
    ['POST', '/resource_types', tag, 'add_metadef_resource_type_association'],
    ['DELETE', '/resource_types/x', undefined, 'remove_metadef_resource_type_association'],
  ] as const) {
    t.test(`${method} ${path} is for administrators`, async t => {
      for (const name of ['public', 'private']) {
        const { status, json } = await ask(method, `/${name}${path}`, body, OWNER)
        t.equal(status, 403)
        t.match(json['message'], `You are not authorized to complete ${action} action.`)
      }
      t.equal(await statusOf(ask(method, `/private${path}`, body, STRANGER)), 404)
      t.equal(await statusOf(ask(method, `/missing${path}`, body, ADMIN)), 404)
    })
  }

  t.test('only administrators create them', async t => {
    t.equal(await statusOf(ask('POST', '', { namespace: 'x' }, OWNER)), 403)
    t.equal(await statusOf(ask('POST', '', { namespace: 'x' }, {})), 401)
  })

  t.test('listings show what may be seen', async t => {
    const seen = async (as: Caller, query = '') => {
      const { json } = await ask('GET', query, undefined, as)
      return (json['namespaces'] as { namespace: string }[]).map(({ namespace }) => namespace)
    }
    t.same(await seen(ADMIN), ['private', 'public'])
    t.same(await seen(OWNER), ['private', 'public'])
    t.same(await seen(STRANGER), ['public'])
    t.same(await seen(ADMIN, '?visibility=private'), ['private'])
    t.same(await seen(STRANGER, '?visibility=private'), [])
    t.equal((await ask('GET', '?marker=private', undefined, STRANGER)).status, 403)
  })
})

t.test('callers without an identity look, where they may, and touch nothing', async t => {
  const settings = { auth: 'trusted_headers', allowAnonymousAccess: true } as const
  const ask = asker(await startTestServer(t, settings))
  await ask('POST', '', { ...FULL, namespace: 'public' })
  await ask('POST', '', { namespace: 'private' })
  const { json } = await ask('GET', '', undefined, {})
  t.match(json['namespaces'], [{ namespace: 'public' }])
  t.equal(await statusOf(ask('GET', '/public/objects/CPU', undefined, {})), 200)
  t.equal(await statusOf(ask('GET', '/private', undefined, {})), 404)
  for (const [method, path, body] of [
    ['POST', '', { namespace: 'x' }],
    ['PUT', '/public', { namespace: 'x' }],
    ['DELETE', '/public', undefined],
  ] as const) {
    const { status, json } = await ask(method, path, body, {})
    t.equal(status, 403)
    t.match(json['message'], 'Read-only access')
  }
})

t.test('a listing of namespaces', async t => {
  const settings = { auth: 'trusted_headers', limitParamDefault: 2, apiLimitMax: 3 } as const
  const ask = asker(await startTestServer(t, settings))
  for (const namespace of ['c', 'a', 'd', 'b']) {
    const association = { name: `type ${namespace}` }
    await ask('POST', '', { namespace, resource_type_associations: [association], tags: [] })
  }
  const names = ({ json }: Answer) =>
    (json['namespaces'] as { namespace: string }[]).map(({ namespace }) => namespace).join('')

  t.test('shows what each is associated with, and nothing else that is in it', async t => {
    const { json } = await ask('GET', '?limit=1')
    const [first] = json['namespaces'] as Record<string, unknown>[]
    t.match(first, { namespace: 'b', resource_type_associations: [{ name: 'type b', ...TIMES }] })
    t.notOk(first && ('tags' in first || 'properties' in first || 'objects' in first))
  })

  t.test('is paged by links, the newest first', async t => {
    const page = await ask('GET', '?x=1&x=y%20z')
    t.equal(names(page), 'bd')
    const { first, next, schema } = page.json
    t.equal(schema, '/v2/schemas/metadefs/namespaces')
    t.equal(first, `${NAMESPACES}?x=y+z`)
    t.equal(next, `${NAMESPACES}?x=y+z&marker=d`)
    const rest = await ask('GET', String(next).slice(NAMESPACES.length))
    t.equal(names(rest), 'ac')
    const end = await ask('GET', String(rest.json['next']).slice(NAMESPACES.length))
    t.equal(names(end), '')
    t.same(end.json, { namespaces: [], first, schema })
  })

  for (const [query, wanted] of [
    ['?limit=9', 'bda'],
    ['?limit=0', ''],
    ['?sort_key=namespace&sort_dir=asc&limit=3', 'abc'],
    ['?sort_key=namespace&marker=c', 'ba'],
    ['?sort_key=id&sort_dir=asc', 'ca'],
    ['?resource_types=type a,type c', 'ac'],
    ['?resource_types=none', ''],
    ['?visibility=public', ''],
    ['?namespace=a', 'bd'],
  ] as const) {
    t.test(`${query} is '${wanted}'`, async t => t.equal(names(await ask('GET', query)), wanted))
  }

  for (const [query, status] of [
    ['?limit=x', 400],
    ['?limit=-1', 400],
    ['?limit=', 400],
    ['?sort_key=unknown', 400],
    ['?sort_dir=up', 400],
    ['?visibility=shared', 400],
    ['?marker=unknown', 404],
    ['/a?visibility=shared', 400],
  ] as const) {
    t.test(`${query} is ${status}`, async t => t.equal((await ask('GET', query)).status, status))
  }
})
