import type { Row, Scenario, Who } from './table.ts'

const NS = '/v2/metadefs/namespaces'

const row = (
  ask: string,
  title: string,
  status: number,
  { as = 'admin', ...more }: Partial<Row> = {},
): Row => {
  const [method = '', path = ''] = ask.split(/ (.*)/s)
  return {
    title,
    as,
    ask: `${method} ${path.startsWith('/v2') ? path : NS + path}`,
    status,
    ...more,
  }
}

const made = (namespace: string, more: object = {}): Row =>
  row('POST ', `${namespace} is made`, 201, { body: { namespace, ...more } })

const READ_ONLY = ['created_at', 'updated_at', 'self', 'schema']
const WRONG: readonly (readonly [string, object])[] = [
  ['no name', { display_name: 'x' }],
  ['a name of 81 characters', { namespace: 'x'.repeat(81) }],
  ['a name that is a number', { namespace: 5 }],
  ['a display name of 81 characters', { namespace: 'x', display_name: 'x'.repeat(81) }],
  ['a description of 501 characters', { namespace: 'x', description: 'x'.repeat(501) }],
  ['a visibility that there is not', { namespace: 'x', visibility: 'shared' }],
  ['protection as text', { namespace: 'x', protected: 'yes' }],
  ['something more', { namespace: 'x', more: 'x' }],
  ['tags without names', { namespace: 'x', tags: [{}] }],
]

/** What an administrator alone may do. */
const WRITES: readonly (readonly [string, unknown?])[] = [
  ['POST ', { namespace: 'theirs' }],
  ['PUT /public', { namespace: 'public' }],
  ['DELETE /public'],
  ['POST /public/properties', { name: 'x', type: 'string', title: 'x' }],
  ['PUT /public/properties/p', { name: 'p', type: 'string', title: 'x' }],
  ['DELETE /public/properties/p'],
  ['POST /public/objects', { name: 'x' }],
  ['PUT /public/objects/o', { name: 'o' }],
  ['DELETE /public/objects/o'],
  ['POST /public/tags', { tags: [{ name: 'x' }] }],
  ['POST /public/tags/x'],
  ['PUT /public/tags/t', { name: 't' }],
  ['DELETE /public/tags/t'],
  ['DELETE /public/tags'],
  ['POST /public/resource_types', { name: 'x' }],
  ['DELETE /public/resource_types/r'],
]

const PROPERTY = { name: 'p', title: 'P', type: 'string' }
const READS = [
  '',
  '/properties',
  '/properties/p',
  '/objects',
  '/objects/o',
  '/tags',
  '/tags/t',
  '/resource_types',
]

const ABSENT: readonly (readonly [string, unknown?])[] = [
  ['GET '],
  ['PUT ', { namespace: 'x' }],
  ['DELETE '],
  ['GET /properties'],
  ['POST /properties', PROPERTY],
  ['DELETE /properties'],
  ['GET /properties/p'],
  ['PUT /properties/p', PROPERTY],
  ['DELETE /properties/p'],
  ['GET /objects'],
  ['POST /objects', { name: 'x' }],
  ['DELETE /objects'],
  ['GET /objects/o'],
  ['PUT /objects/o', { name: 'o' }],
  ['DELETE /objects/o'],
  ['GET /tags'],
  ['POST /tags', { tags: [{ name: 'x' }] }],
  ['DELETE /tags'],
  ['GET /tags/t'],
  ['POST /tags/t'],
  ['PUT /tags/t', { name: 't' }],
  ['DELETE /tags/t'],
  ['GET /resource_types'],
  ['POST /resource_types', { name: 'x' }],
  ['DELETE /resource_types/r'],
]

const PARTS: readonly (readonly [string, object, object])[] = [
  ['properties', PROPERTY, { name: 'p' }],
  ['objects', { name: 'o' }, { name: 5 }],
]

const stranger: Who = 'stranger'

export const METADEFS: readonly Scenario[] = [
  {
    name: 'namespaces',
    rows: [
      row('GET ', 'at first there are none', 200, {
        shows: { namespaces: [], first: NS, schema: '/v2/schemas/metadefs/namespaces' },
      }),
      row('POST ', 'a namespace of which nothing is said', 201, {
        body: { namespace: 'plain' },
        answers: { location: `http://HOST${NS}/plain` },
        shows: {
          namespace: 'plain',
          visibility: 'private',
          protected: false,
          owner: 'operators',
          self: `${NS}/plain`,
          schema: '/v2/schemas/metadefs/namespace',
          created_at: '<time>',
          updated_at: '<time>',
        },
        lacks: ['display_name', 'description', 'properties', 'objects', 'tags'],
      }),
      row('POST ', 'a name is taken once', 409, { body: { namespace: 'plain' } }),
      ...WRONG.map(([title, body]) => row('POST ', `${title} is refused`, 400, { body })),
      ...READ_ONLY.map(name =>
        row('POST ', `${name} is not to be said`, 403, { body: { namespace: 'x', [name]: 'x' } }),
      ),
      row('GET /plain', 'it is shown', 200, { shows: { namespace: 'plain' } }),
      row('PUT /plain', 'all of it is replaced', 200, {
        body: {
          namespace: 'renamed',
          display_name: 'Renamed',
          protected: true,
          visibility: 'public',
        },
        shows: {
          namespace: 'renamed',
          display_name: 'Renamed',
          protected: true,
          visibility: 'public',
        },
      }),
      row('GET /plain', 'the old name is none', 404),
      row('DELETE /renamed', 'it is protected', 403),
      row('PUT /renamed', 'what is left out is as at first', 200, {
        body: { namespace: 'renamed' },
        shows: { protected: false, visibility: 'private' },
        lacks: ['display_name'],
      }),
      ...READ_ONLY.map(name =>
        row('PUT /renamed', `${name} is not to be replaced`, 403, {
          body: { namespace: 'renamed', [name]: 'x' },
        }),
      ),
      made('other'),
      row('PUT /other', 'a name that is taken is not given', 409, {
        body: { namespace: 'renamed' },
      }),
      row('DELETE /renamed', 'it is deleted', 204),
      row('DELETE /renamed', 'once', 404),
      row('POST ', 'one comes with all that belongs to it', 201, {
        body: {
          namespace: 'whole',
          visibility: 'public',
          properties: { p: { title: 'P', type: 'string' } },
          objects: [
            { name: 'o', required: ['q'], properties: { q: { title: 'Q', type: 'integer' } } },
          ],
          tags: [{ name: 't' }],
          resource_type_associations: [{ name: 'r', prefix: 'r_' }],
        },
        shows: { namespace: 'whole', properties: { p: { title: 'P', type: 'string' } } },
      }),
      row('GET /whole', 'and shows it', 200, {
        as: stranger,
        shows: {
          properties: { p: { title: 'P', type: 'string' } },
          objects: [{ name: 'o' }],
          tags: [{ name: 't' }],
          resource_type_associations: [{ name: 'r', prefix: 'r_' }],
        },
      }),
      row('GET /whole?resource_type=r', 'with prefixes when they are asked for', 200, {
        shows: { properties: { r_p: { title: 'P' } } },
      }),
      row('GET ', 'a list holds what is public, to a stranger', 200, {
        as: stranger,
        shows: {
          namespaces: [{ namespace: 'whole', resource_type_associations: [{ name: 'r' }] }],
        },
      }),
      row('GET ?limit=1', 'a page says where the next one is', 200, {
        shows: {
          namespaces: [{ namespace: 'whole' }],
          first: `${NS}?limit=1`,
          next: `${NS}?limit=1&marker=whole`,
        },
      }),
      row('GET ?marker=whole', 'which begins after a name', 200, {
        shows: { namespaces: [{ namespace: 'other' }] },
      }),
      row('GET ?marker=nope', 'that there is', 404),
      row('GET ?sort_key=namespace&sort_dir=asc', 'they are sorted', 200, {
        shows: { namespaces: [{ namespace: 'other' }, { namespace: 'whole' }] },
      }),
      row('GET ?sort_dir=up', 'up or down', 400),
      row('GET ?limit=-1', 'a page holds something', 400),
      row('GET ?visibility=public', 'the public ones', 200, {
        shows: { namespaces: [{ namespace: 'whole' }] },
      }),
      row('GET ?visibility=shared', 'of a visibility that there is', 400),
      row('GET ?resource_types=r', 'by resource type', 200, {
        shows: { namespaces: [{ namespace: 'whole' }] },
      }),
      row('GET ?resource_types=nope', 'by one that nobody has', 200, { shows: { namespaces: [] } }),
      row('GET /other', 'a private one is not there for others', 404, { as: stranger }),
      row('DELETE /other', 'nor is it theirs to delete', 404, { as: stranger }),
    ],
  },
  {
    name: 'who defines',
    rows: [
      made('public', {
        visibility: 'public',
        properties: { p: { title: 'P', type: 'string' } },
        objects: [{ name: 'o' }],
        tags: [{ name: 't' }],
        resource_type_associations: [{ name: 'r' }],
      }),
      made('private'),
      ...READS.map(path =>
        row(`GET /public${path}`, `everybody reads ${path || 'it'}`, 200, { as: stranger }),
      ),
      ...READS.map(path =>
        row(`GET /private${path}`, `nobody reads ${path || 'it'} in private`, 404, {
          as: stranger,
        }),
      ),
      ...WRITES.map(([ask, body]) =>
        row(ask, `a stranger may not: ${ask}`, 403, {
          as: stranger,
          ...(body !== undefined && { body }),
        }),
      ),
      ...ABSENT.map(([ask, body]) =>
        row(ask.replace(' ', ' /nope'), `there is no namespace: ${ask}`, 404, {
          ...(body !== undefined && { body }),
        }),
      ),
    ],
  },
  {
    name: 'definitions',
    rows: [
      made('ns', { visibility: 'public' }),
      ...PARTS.flatMap(([part, body, wrong]): Row[] => [
        row(`POST /ns/${part}`, `one of ${part} is made`, 201, { body, shows: body }),
        row(`POST /ns/${part}`, `${part}: once`, 409, { body }),
        row(`POST /ns/${part}`, `${part}: as it has to be`, 400, { body: wrong }),
        row(`POST /ns/${part}`, `${part}: with nothing more`, 400, { body: { ...body, more: 1 } }),
        row(`POST /ns/${part}`, `${part}: with a name`, 400, { body: {} }),
        row(`POST /ns/${part}`, `${part}: of 80 characters`, 400, {
          body: { ...body, name: 'x'.repeat(81) },
        }),
        row(`GET /ns/${part}/nope`, `${part}: no other is there`, 404),
        row(`PUT /ns/${part}/nope`, `${part}: no other is replaced`, 404, { body }),
        row(`DELETE /ns/${part}/nope`, `${part}: no other is deleted`, 404),
      ]),
      row('GET /ns/properties', 'properties are listed by name', 200, {
        shows: { properties: { p: PROPERTY } },
      }),
      row('GET /ns/properties/p', 'a property is shown', 200, { shows: PROPERTY }),
      row('PUT /ns/properties/p', 'a property is replaced', 200, {
        body: { name: 'q', title: 'Q', type: 'integer', minimum: 1, maximum: 5 },
        shows: { name: 'q', title: 'Q', type: 'integer', minimum: 1, maximum: 5 },
      }),
      row('PUT /ns/properties/q', 'by one of a type', 400, {
        body: { name: 'q', title: 'Q', type: 'text' },
      }),
      row('PUT /ns/properties/q', 'with lengths of 0 and more', 400, {
        body: { name: 'q', title: 'Q', type: 'string', minLength: -1 },
      }),
      row('GET /ns/objects', 'objects are listed', 200, {
        shows: { objects: [{ name: 'o' }], schema: 'v2/schemas/metadefs/objects' },
      }),
      row('GET /ns/objects?limit=0', 'a page of no objects is none', 400),
      row('GET /ns/objects?limit=x', 'nor one of x', 400),
      row('GET /ns/objects/o', 'an object is shown', 200, {
        shows: { name: 'o', self: `${NS}/ns/objects/o`, schema: '/v2/schemas/metadefs/object' },
      }),
      row('PUT /ns/objects/o', 'an object is replaced', 200, {
        body: { name: 'other', description: 'Other' },
        shows: { name: 'other', description: 'Other' },
      }),
      ...READ_ONLY.map(name =>
        row('POST /ns/objects', `${name} of an object is not to be said`, 403, {
          body: { name: 'x', [name]: 'x' },
        }),
      ),
      row('POST /ns/tags/a', 'a tag is made', 201, { shows: { name: 'a' } }),
      row('POST /ns/tags/a', 'a tag is made once', 409),
      row('GET /ns/tags/a', 'a tag is shown', 200, { shows: { name: 'a' } }),
      row('GET /ns/tags/nope', 'a tag that is not there', 404),
      row('PUT /ns/tags/a', 'a tag is renamed', 200, { body: { name: 'b' }, shows: { name: 'b' } }),
      row('PUT /ns/tags/nope', 'one that is not there neither', 404, { body: { name: 'x' } }),
      row('PUT /ns/tags/b', 'to a name', 400, { body: {} }),
      row('POST /ns/tags', 'all tags are replaced', 201, {
        body: { tags: [{ name: 'c' }, { name: 'd' }] },
        shows: { tags: [{ name: 'c' }, { name: 'd' }] },
      }),
      row('GET /ns/tags?sort_key=name&sort_dir=asc', 'tags are listed', 200, {
        shows: { tags: [{ name: 'c' }, { name: 'd' }] },
      }),
      row('POST /ns/tags', 'tags are added', 201, {
        headers: { 'x-openstack-append': 'true' },
        body: { tags: [{ name: 'e' }] },
      }),
      row('GET /ns/tags?sort_key=name&sort_dir=asc', 'to those that there are', 200, {
        shows: { tags: [{ name: 'c' }, { name: 'd' }, { name: 'e' }] },
      }),
      row('POST /ns/tags', 'each of them once', 409, {
        body: { tags: [{ name: 'x' }, { name: 'x' }] },
      }),
      row('GET /ns/tags?sort_key=name&sort_dir=asc&limit=1', 'a page of tags', 200, {
        shows: { tags: [{ name: 'c' }] },
      }),
      row('GET /ns/tags?sort_key=name&sort_dir=asc&marker=c', 'and those after one', 200, {
        shows: { tags: [{ name: 'd' }, { name: 'e' }] },
      }),
      row('DELETE /ns/tags/c', 'a tag is deleted', 204),
      row('DELETE /ns/tags/c', 'a tag is deleted once', 404),
      row('POST /ns/resource_types', 'a resource type is associated', 201, {
        body: { name: 'OS::Nova::Server', prefix: 'hw_', properties_target: 'metadata' },
        shows: { name: 'OS::Nova::Server', prefix: 'hw_', properties_target: 'metadata' },
      }),
      row('POST /ns/resource_types', 'a resource type is associated once', 409, {
        body: { name: 'OS::Nova::Server' },
      }),
      row('POST /ns/resource_types', 'a resource type has a name', 400, { body: { prefix: 'x' } }),
      row('GET /ns/resource_types', 'resource types of a namespace', 200, {
        shows: {
          resource_type_associations: [
            { name: 'OS::Nova::Server', prefix: 'hw_', properties_target: 'metadata' },
          ],
        },
      }),
      row('GET /v2/metadefs/resource_types', 'all resource types', 200),
      row(
        'GET /ns/properties/hw_q?resource_type=OS::Nova::Server',
        'a property with a prefix',
        200,
        {
          shows: { name: 'q' },
        },
      ),
      row('GET /ns/properties/q?resource_type=OS::Nova::Server', 'none without', 404),
      row('DELETE /ns/resource_types/nope', 'a resource type that is not there', 404),
      row('DELETE /ns/resource_types/OS::Nova::Server', 'an association ends', 204),
      row('PUT /ns', 'the namespace is protected', 200, {
        body: { namespace: 'ns', protected: true, visibility: 'public' },
      }),
      row('DELETE /ns/properties/q', 'its properties stay', 403),
      row('DELETE /ns/objects/other', 'its objects stay', 403),
      row('DELETE /ns/tags/d', 'its tags stay', 403),
      row('DELETE /ns/properties', 'its properties stay all', 403),
      row('PUT /ns', 'protection ends', 200, { body: { namespace: 'ns', visibility: 'public' } }),
      row('DELETE /ns/properties/q', 'a property is deleted', 204),
      row('DELETE /ns/properties', 'all properties are deleted', 204),
      row('DELETE /ns/objects', 'all objects are deleted', 204),
      row('DELETE /ns/tags', 'all tags are deleted', 204),
      row('GET /ns', 'nothing is left', 200, {
        lacks: ['properties', 'objects', 'tags', 'resource_type_associations'],
      }),
    ],
  },
]
