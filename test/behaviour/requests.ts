import { create, type Row, type Scenario, upload, V21, type Who } from './table.ts'

/** Each path, and the methods that it takes. */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  '/v2/images': ['GET', 'POST'],
  '/v2/images/{plain}': ['GET', 'PATCH', 'DELETE'],
  '/v2/images/{plain}/file': ['GET', 'PUT'],
  '/v2/images/{plain}/tags/a': ['PUT', 'DELETE'],
  '/v2/images/{plain}/members': ['GET', 'POST'],
  '/v2/images/{plain}/members/x': ['GET', 'PUT', 'DELETE'],
  '/v2/images/{plain}/actions/deactivate': ['POST'],
  '/v2/images/{plain}/actions/reactivate': ['POST'],
  '/v2/schemas/image': ['GET'],
  '/v2/schemas/images': ['GET'],
  '/v2/schemas/member': ['GET'],
  '/v2/schemas/members': ['GET'],
  '/v2/schemas/metadefs/namespace': ['GET'],
  '/v2/schemas/metadefs/tags': ['GET'],
  '/v2/metadefs/namespaces': ['GET', 'POST'],
  '/v2/metadefs/namespaces/ns': ['GET', 'PUT', 'DELETE'],
  '/v2/metadefs/namespaces/ns/properties': ['GET', 'POST', 'DELETE'],
  '/v2/metadefs/namespaces/ns/properties/p': ['GET', 'PUT', 'DELETE'],
  '/v2/metadefs/namespaces/ns/objects': ['GET', 'POST', 'DELETE'],
  '/v2/metadefs/namespaces/ns/objects/o': ['GET', 'PUT', 'DELETE'],
  '/v2/metadefs/namespaces/ns/tags': ['GET', 'POST', 'DELETE'],
  '/v2/metadefs/namespaces/ns/tags/t': ['GET', 'POST', 'PUT', 'DELETE'],
  '/v2/metadefs/resource_types': ['GET'],
  '/v2/metadefs/namespaces/ns/resource_types': ['GET', 'POST'],
  '/v2/metadefs/namespaces/ns/resource_types/t': ['DELETE'],
  '/v2/images/{plain}/stage': ['PUT'],
  '/v2/images/{plain}/import': ['POST'],
  '/v2/images/{plain}/tasks': ['GET'],
  '/v2/info/import': ['GET'],
  '/v2/info/stores': ['GET'],
  '/v2/info/stores/detail': ['GET'],
  '/v2/info/usage': ['GET'],
  '/v2/stores/store/{plain}': ['DELETE'],
  '/v2/tasks': ['GET', 'POST'],
  '/v2/tasks/{plain}': ['GET', 'DELETE'],
  '/v2/cache': ['GET', 'DELETE'],
  '/v2/cache/{plain}': ['DELETE', 'PUT'],
  '/v2/schemas/task': ['GET'],
  '/v2/schemas/tasks': ['GET'],
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']

const wrongMethods = Object.entries(PATHS).flatMap(([path, taken]) =>
  METHODS.filter(method => !taken.includes(method)).map((method): Row => {
    const ask = `${method} ${path}`
    return {
      title: `${ask} is not allowed`,
      ask,
      status: 405,
      answers: { allow: taken.join(', ') },
    }
  }),
)

const BODILESS: readonly string[] = [
  'GET /v2/images/{plain}',
  'DELETE /v2/images/{plain}',
  'GET /v2/images/{plain}/file',
  'PUT /v2/images/{plain}/tags/a',
  'DELETE /v2/images/{plain}/tags/a',
  'GET /v2/images/{plain}/members',
  'GET /v2/images/{plain}/members/member',
  'DELETE /v2/images/{plain}/members/member',
  'POST /v2/images/{plain}/actions/deactivate',
  'POST /v2/images/{plain}/actions/reactivate',
  'GET /v2/schemas/image',
  'GET /v2/schemas/images',
  'GET /v2/schemas/member',
  'GET /v2/schemas/members',
  'GET /v2/schemas/metadefs/namespace',
  'GET /v2/metadefs/namespaces/ns',
  'DELETE /v2/metadefs/namespaces/ns',
  'GET /v2/metadefs/namespaces/ns/properties',
  'GET /v2/metadefs/namespaces/ns/objects/o',
  'DELETE /v2/metadefs/namespaces/ns/objects/o',
  'POST /v2/metadefs/namespaces/ns/tags/t',
  'GET /v2/metadefs/namespaces/ns/tags/t',
  'DELETE /v2/metadefs/namespaces/ns/tags/t',
  'GET /v2/metadefs/resource_types',
  'GET /v2/metadefs/namespaces/ns/resource_types',
  'DELETE /v2/metadefs/namespaces/ns/resource_types/t',
  'GET /v2/images/{plain}/tasks',
  'GET /v2/info/import',
  'GET /v2/info/stores',
  'GET /v2/info/stores/detail',
  'DELETE /v2/stores/store/{plain}',
  'GET /v2/cache',
  'DELETE /v2/cache',
  'PUT /v2/cache/{plain}',
  'DELETE /v2/cache/{plain}',
]

const UNKNOWN: readonly string[] = [
  'GET /v2',
  'GET /v2/',
  'GET /v2/nope',
  'POST /v2/nope',
  'GET /v2/images/',
  'GET /v2/images/{plain}/',
  'GET /v2/images/{plain}/nope',
  'GET /v2/images/nope',
  'GET /v2/images/nope/file',
  'GET /v2/images/nope/members',
  'GET /v2/images//file',
  'GET /v2//images',
  'GET /v2/images/{plain}%2Ffile',
  'GET /v2/images/{plain}/../{plain}',
  'GET /v2/images/..%2F..%2Fetc%2Fpasswd',
  'GET /v2/images/%00',
  `GET /v2/images/${'x'.repeat(37)}`,
  `GET /v2/images/${'x'.repeat(300)}`,
  'GET /v2/images/%E4%B8%AD',
  'GET /v2/schemas/nope',
  'GET /v2/schemas/metadefs/nope',
  'GET /v2/metadefs',
  'GET /v2/metadefs/namespaces/nope',
  'POST /v2/images/{plain}/actions/nope',
  'POST /v2/images/{plain}/actions',
  'GET /v2/images/{plain}/tags',
  'GET /v2/Images',
]

/** What of a body is wrong, wherever JSON is expected. */
const BODIES: readonly (readonly [string, string | Uint8Array])[] = [
  ['no body', ''],
  ['a body that is no JSON', 'nope'],
  ['a document cut short', '{"name": "a"'],
  ['a document with something after it', '{"name": "a"} x'],
  ['a number', '5'],
  ['a string', '"x"'],
  ['true', 'true'],
  ['bytes that are no UTF-8', Buffer.from('{"name": "\xff"}', 'latin1')],
]

const TAKING_JSON: readonly string[] = [
  'POST /v2/images',
  'POST /v2/images/{plain}/members',
  'PUT /v2/images/{plain}/members/member',
  'PATCH /v2/images/{plain}',
  'POST /v2/metadefs/namespaces',
]

const AS_NOBODY: readonly string[] = [
  'GET /v2/images',
  'POST /v2/images',
  'GET /v2/images/{plain}',
  'PATCH /v2/images/{plain}',
  'DELETE /v2/images/{plain}',
  'GET /v2/images/{plain}/file',
  'PUT /v2/images/{plain}/file',
  'GET /v2/images/{plain}/members',
  'PUT /v2/images/{plain}/tags/a',
  'POST /v2/images/{plain}/actions/deactivate',
  'GET /v2/schemas/image',
  'GET /v2/metadefs/namespaces',
  'GET /v2/nope',
]

const nobody: Who = 'nobody'

export const REQUESTS: readonly Scenario[] = [
  { name: 'methods', rows: [create('plain'), ...wrongMethods] },
  {
    name: 'bodies that are not expected',
    rows: [
      create('plain'),
      upload('plain', 'data'),
      ...BODILESS.map((ask): Row => {
        return { title: `${ask} takes no body`, ask, body: 'x', status: 400 }
      }),
      {
        title: 'a list of images takes no notice of one',
        ask: 'GET /v2/images',
        body: 'x',
        status: 200,
      },
    ],
  },
  {
    name: 'paths',
    rows: [
      create('plain'),
      ...UNKNOWN.map((ask): Row => ({ title: `${ask} is not found`, ask, status: 404 })),
      { title: 'a path that is no UTF-8 is wrong', ask: 'GET /v2/images/%FF', status: 400 },
      { title: 'nor may a query be', ask: 'GET /v2/images?name=%FF', status: 400 },
    ],
  },
  {
    name: 'bodies',
    rows: [
      create('plain'),
      ...TAKING_JSON.flatMap(ask =>
        BODIES.map(([title, body]): Row => {
          const headers = ask.startsWith('PATCH') ? V21 : {}
          return { title: `${ask} refuses ${title}`, as: 'admin', ask, headers, body, status: 400 }
        }),
      ),
      {
        title: 'the media type of a document is of no account',
        ask: 'POST /v2/images',
        headers: { 'content-type': 'text/plain' },
        body: { name: 'plain text' },
        status: 201,
        shows: { name: 'plain text' },
      },
      {
        title: 'an explanation comes as text',
        ask: 'GET /v2/images/nope',
        headers: { accept: 'text/plain' },
        status: 404,
        answers: { 'content-type': 'text/plain; charset=UTF-8' },
      },
      {
        title: 'or as a page',
        ask: 'GET /v2/images/nope',
        headers: { accept: 'text/html' },
        status: 404,
        answers: { 'content-type': 'text/html; charset=UTF-8' },
      },
      {
        title: 'which it is for whoever takes anything',
        ask: 'GET /v2/images/nope',
        headers: { accept: '*/*' },
        status: 404,
        answers: { 'content-type': 'text/html; charset=UTF-8' },
      },
      {
        title: 'or as a document',
        ask: 'GET /v2/images/nope',
        status: 404,
        answers: { 'content-type': 'application/json' },
        shows: { code: '404 Not Found', title: 'Not Found' },
      },
    ],
  },
  {
    name: 'identities',
    rows: [
      create('plain'),
      ...AS_NOBODY.map((ask): Row => {
        return { title: `${ask} is for those who say who they are`, as: nobody, ask, status: 401 }
      }),
      {
        title: 'who is not confirmed is nobody',
        ask: 'GET /v2/images',
        headers: { 'x-identity-status': 'Invalid' },
        status: 401,
      },
      {
        title: 'roles are in any case',
        ask: 'PATCH /v2/images/{plain}',
        as: 'stranger',
        headers: { ...V21, 'x-roles': 'Member,ADMIN' },
        body: [{ op: 'replace', path: '/visibility', value: 'public' }],
        status: 200,
        shows: { visibility: 'public' },
      },
      {
        title: 'a catalogue that is no JSON is of no account',
        ask: 'GET /v2/images',
        headers: { 'x-service-catalog': '{' },
        status: 200,
      },
      {
        title: 'a request id of its own is passed on',
        ask: 'GET /v2/images',
        headers: { 'x-openstack-request-id': 'req-mine' },
        status: 200,
        answers: { 'x-openstack-request-id': 'req-mine' },
      },
      {
        title: 'with what every id begins with',
        ask: 'GET /v2/images',
        headers: { 'x-openstack-request-id': 'mine' },
        status: 200,
        answers: { 'x-openstack-request-id': 'req-mine' },
      },
      {
        title: 'every answer has one',
        ask: 'GET /v2/images/nope',
        status: 404,
        answers: { 'x-openstack-request-id': '<request>' },
      },
    ],
  },
]
