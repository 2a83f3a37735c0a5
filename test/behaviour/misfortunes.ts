import { create, OCTETS, patch, type Row, type Scenario, V21 } from './table.ts'

const post = (title: string, body: string | Uint8Array, status: number, more: object = {}): Row => {
  return { title, ask: 'POST /v2/images', body, status, ...more }
}
const get = (title: string, path: string, status: number, more: object = {}): Row => {
  return { title, ask: `GET ${path}`, status, ...more }
}
const long = (length: number) => 'x'.repeat(length)
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

/** What no client means to send, and nothing may break at. */
export const MISFORTUNES: readonly Scenario[] = [
  {
    name: 'misfortunes',
    rows: [
      create('image'),
      post('lists in lists', nested(500), 400),
      post('lists in lists, deeper than any stack', nested(100_000), 400),
      post('objects in objects', '{"a":'.repeat(50_000) + '1' + '}'.repeat(50_000), 400),
      post('a list in a property', `{"foo": ${nested(50)}}`, 400),
      post('a name said twice', '{"name": "a", "name": "b"}', 201, { shows: { name: 'b' } }),
      post('a prototype', '{"__proto__": "x"}', 201),
      post('a constructor', '{"constructor": {"prototype": "x"}}', 400),
      post('half a character', '{"name": "\\ud800"}', 400),
      post('half a character in a property', '{"foo": "\\ud800"}', 400),
      post('a byte order mark', '\ufeff{"name": "a"}', 400),
      post('spaces around a document', '\n\t {"name": "a"} \r\n', 201),
      post('a control character', '{"name": "a\nb"}', 400),
      post('a control character, escaped', '{"name": "a\\nb"}', 201, { shows: { name: 'a\nb' } }),
      post('a number beyond all', '{"min_disk": 1e400}', 400),
      post('a number of many digits', `{"min_disk": ${'9'.repeat(400)}}`, 400),
      post('a number with an exponent', '{"min_disk": 1e1}', 201, { shows: { min_disk: 10 } }),
      post('a number that is not of JSON', '{"min_disk": 0x10}', 400),
      post('infinity', '{"min_disk": Infinity}', 400),
      post('single quotes', "{'name': 'a'}", 400),
      post('a comma too many', '{"name": "a",}', 400),
      post('a comment', '{"name": "a"} // so', 400),
      post('a form', 'name=a', 400, {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
      post('an image as data', 'data', 400, { headers: OCTETS }),
      post('a document of a type that is none', '{}', 201, { headers: { 'content-type': ';;;' } }),
      post('a long property', JSON.stringify({ foo: long(60_000) }), 201),
      get('a page of a size beyond numbers', '/v2/images?limit=1e3', 400),
      get('a page of many digits', `/v2/images?limit=${'9'.repeat(30)}`, 200),
      get('a hexadecimal page', '/v2/images?limit=0x10', 400),
      get('a filter that is long', `/v2/images?foo=${long(4000)}`, 200),
      get(
        'many filters',
        `/v2/images?${Array.from({ length: 100 }, (_, n) => `p${n}=1`).join('&')}`,
        200,
      ),
      get('a query of nothing', '/v2/images?', 200),
      get('a query of ampersands', '/v2/images?&&&', 200),
      get('a query of equals signs', '/v2/images?=', 200),
      get('a filter without a value', '/v2/images?foo', 200),
      get('half an escape', '/v2/images?foo=%', 200),
      get('an escape that is none', '/v2/images?foo=%zz', 200),
      get('a filter named as a prototype', '/v2/images?__proto__=x', 200),
      get('a filter with a quote', '/v2/images?foo=%27%3B--', 200),
      get('a filter with a percent sign', '/v2/images?name=%25', 200, { lists: [] }),
      get('a plus sign is a space', '/v2/images?name=a+b', 200, { lists: [] }),
      get('a bracket', '/v2/images?foo[]=x', 200),
      get('a range of text', '/v2/images/{image}/file', 416, {
        headers: { range: 'x'.repeat(1000) },
      }),
      get('every media type at once', '/v2/images', 200, { headers: { accept: 'a/b, */*;q=0.1' } }),
      get('no sense in Accept', '/v2/images', 200, { headers: { accept: ';;;' } }),
      get('an empty Accept', '/v2/images', 200, { headers: { accept: '' } }),
      get('an escape in the path', '/v2/image%73', 200),
      get('a dot in the path', '/v2/./images', 404),
      get('a semicolon in the path', '/v2/images;x=y', 404),
      get('a quote in the path', '/v2/images/%22', 404),
      get('a script in the path', '/v2/images/%3Cscript%3E', 404),
      get('a fragment', '/v2/images/{image}%23x', 404),
      get('an id with a space', '/v2/images/{image}%20', 404),
      get('an id in capitals', '/v2/images/4D1A6C1E-0000-4000-8000-000000000000', 404),
      { title: 'an unknown method', ask: 'PROPFIND /v2/images', status: 405 },
      { title: 'OPTIONS', ask: 'OPTIONS /v2/images', status: 405 },
      { title: 'TRACE', ask: 'TRACE /v2/images', status: 405 },
      {
        title: 'an unknown method on a path that there is not',
        ask: 'PROPFIND /v2/nope',
        status: 501,
      },
      patch('image', '[', { title: 'half a patch', status: 400 }),
      patch('image', 'null', { title: 'no patch', status: 400 }),
      patch('image', '[null]', { title: 'no step', status: 400 }),
      patch('image', '[[]]', { title: 'a list for a step', status: 400 }),
      patch('image', '[{"op": "add", "path": null, "value": "x"}]', {
        title: 'no path',
        status: 400,
      }),
      patch('image', '[{"op": null, "path": "/name", "value": "x"}]', {
        title: 'no operation',
        status: 400,
      }),
      patch('image', '[{"op": ["add"], "path": "/name", "value": "x"}]', {
        title: 'a list of operations',
        status: 400,
      }),
      patch('image', '[{"op": "add", "path": "/__proto__", "value": "x"}]', {
        title: 'a prototype, patched',
      }),
      patch('image', nested(50_000), { title: 'a patch deeper than any stack', status: 400 }),
      patch('image', [], {
        title: 'a media type with a parameter',
        headers: { 'content-type': `${V21['content-type']}; charset=utf-8` },
      }),
      patch('image', [], {
        title: 'a media type in capitals',
        headers: { 'content-type': V21['content-type'].toUpperCase() },
      }),
      {
        title: 'a tag that is a path',
        ask: 'PUT /v2/images/{image}/tags/..%2F..',
        status: 404,
      },
      { title: 'a tag of a space', ask: 'PUT /v2/images/{image}/tags/%20', status: 204 },
      { title: 'a tag of nothing', ask: 'PUT /v2/images/{image}/tags/', status: 404 },
      {
        title: 'a member of a path',
        ask: 'GET /v2/images/{image}/members/..%2F..',
        status: 404,
      },
      {
        title: 'a member that is a number',
        ask: 'POST /v2/images/{image}/members',
        body: { member: 5 },
        status: 400,
      },
      {
        title: 'a member that is a list',
        ask: 'POST /v2/images/{image}/members',
        body: { member: ['a'] },
        status: 400,
      },
      {
        title: 'a member beyond the first plane',
        ask: 'POST /v2/images/{image}/members',
        body: { member: '😀' },
        status: 400,
      },
      {
        title: 'a member of 256 characters',
        ask: 'POST /v2/images/{image}/members',
        body: { member: long(256) },
        status: 400,
      },
      {
        title: 'a long request id is refused',
        ask: 'GET /v2/images',
        headers: { 'x-openstack-request-id': long(65) },
        status: 431,
      },
      {
        title: 'a project without a name',
        ask: 'GET /v2/images',
        headers: { 'x-project-id': '' },
        status: 200,
      },
      {
        title: 'nobody with a role',
        as: 'nobody',
        ask: 'GET /v2/images',
        headers: { 'x-roles': 'admin' },
        status: 401,
      },
      {
        title: 'somebody without a role',
        ask: 'GET /v2/images',
        headers: { 'x-roles': '' },
        status: 200,
      },
      {
        title: 'data in chunks',
        ask: 'PUT /v2/images/{image}/file',
        headers: { ...OCTETS, 'transfer-encoding': 'chunked' },
        body: '0123456789',
        status: 204,
      },
      get('is data all the same', '/v2/images/{image}', 200, {
        shows: { status: 'active', size: 10 },
      }),
      {
        title: 'a body in chunks is one where none is expected',
        ask: 'POST /v2/images/{image}/actions/deactivate',
        headers: { 'transfer-encoding': 'chunked' },
        body: 'x',
        status: 400,
      },
      get('data is not packed', '/v2/images/{image}/file', 200, {
        headers: { 'accept-encoding': 'gzip' },
        shows: '0123456789',
      }),
      get('a condition is of no account', '/v2/images/{image}/file', 200, {
        headers: { 'if-none-match': '*', 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' },
        shows: '0123456789',
      }),
      get(
        'a store to prefer is of no account where there is one',
        '/v2/images/{image}/file?more=x',
        200,
        {
          shows: '0123456789',
        },
      ),
    ],
  },
]
