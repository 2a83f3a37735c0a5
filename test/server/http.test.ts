import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { ANONYMOUS } from '../../lib/server/auth/authenticate.ts'
import { readConfig } from '../../lib/server/config.ts'
import type { RequestContext } from '../../lib/server/domain/context.ts'
import { Connections } from '../../lib/server/http/connections.ts'
import { CONTEXT, contextOf, identify } from '../../lib/server/http/context.ts'
import { Policy } from '../../lib/server/policy/policy.ts'
import { dial, rest } from '../support/connection.ts'
import { ADMIN, OWNER, startTestServer, user } from '../support/server.ts'
import { soon } from '../support/soon.ts'

t.test('discovery', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const self = [{ rel: 'self', href: `${server.url}/v2/` }]

  for (const [path, status] of [
    ['/versions', 200],
    ['/versions/', 200],
    ['/versions/anything', 200],
    ['/', 300],
    ['/v3/images', 300],
    ['/v2.8/images', 300],
    ['/images', 300],
  ] as const) {
    t.test(`${path} is answered with the list of versions and ${status}`, async t => {
      const { status: answered, json } = await server.call('GET', path)
      t.equal(answered, status)
      t.match(json['versions'], [{ id: 'v2.15', status: 'SUPPORTED', links: self }])
    })
  }

  t.test('one version is the current one', async t => {
    const { json } = await server.call('GET', '/versions')
    const versions = json['versions'] as { id: string; status: string }[]
    t.same(
      versions.filter(({ status }) => status === 'CURRENT').map(({ id }) => id),
      ['v2.17'],
    )
  })

  t.test('any method is good enough to ask for versions, and any caller', async t => {
    t.equal((await server.call('POST', '/', { body: 'anything' })).status, 300)
    t.equal((await server.call('DELETE', '/versions')).status, 200)
  })

  t.test('links are to the public endpoint, where there is one', async t => {
    const server = await startTestServer(t, { publicEndpoint: 'https://images.example/glance/' })
    const { json } = await server.call('GET', '/versions')
    t.match(json['versions'], [{ links: [{ href: 'https://images.example/glance/v2/' }] }])
  })

  const as = user('p1')
  for (const version of ['v2', 'v2.0', 'v2.7', 'v2.9', 'v2.15', 'v2.17']) {
    t.test(`${version} is the same version, in the path or in Accept`, async t => {
      t.equal((await server.call('GET', `/${version}/schemas/image`, { as })).status, 200)
      const accept = `application/vnd.openstack.images-${version}`
      const headers = { accept }
      t.equal((await server.call('GET', '/schemas/image', { as, headers })).status, 200)
    })
  }

  t.test('a version in Accept that there is not is answered with a choice', async t => {
    const headers = { accept: 'application/vnd.openstack.images-v2.99' }
    t.equal((await server.call('GET', '/v2/images', { as, headers })).status, 300)
  })
})

t.test('/healthcheck says that we are well, to anybody', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const ask = async (method: string, accept = '*/*') => {
    const { status, text, headers } = await server.call(method, '/healthcheck', {
      headers: { accept },
    })
    return [status, headers.get('content-type'), text]
  }
  const words = [200, 'text/plain; charset=UTF-8', 'OK']
  t.same(await ask('GET'), words)
  t.same(await ask('POST'), words)
  t.same(await ask('GET', 'image/png'), words)
  t.same(await ask('HEAD'), [204, null, ''])
  const [status, type, text] = await ask('GET', 'application/json')
  t.same([status, type], [200, 'application/json'])
  t.same(JSON.parse(String(text)), { detailed: false, reasons: ['OK'] })
  const { json } = await server.call('GET', '/healthcheck/more')
  t.ok('versions' in json, 'and nothing else is called so')
})

t.test('request ids', async t => {
  const server = await startTestServer(t)
  const ask = async (id?: string) => {
    const headers = id === undefined ? {} : { 'x-openstack-request-id': id }
    return server.call('GET', '/v2/schemas/image', { headers })
  }

  t.test('every answer has one', async t => {
    t.match((await ask()).headers.get('x-openstack-request-id'), /^req-[0-9a-f-]{36}$/)
    const { headers } = await server.call('GET', '/v2/nowhere')
    t.match(headers.get('x-openstack-request-id'), /^req-/)
  })

  t.test("a client's own is kept, and begins with req-", async t => {
    t.equal((await ask('req-mine')).headers.get('x-openstack-request-id'), 'req-mine')
    t.equal((await ask('mine')).headers.get('x-openstack-request-id'), 'req-mine')
  })

  t.test('one of more than 64 characters is refused', async t => {
    t.equal((await ask('x'.repeat(64))).status, 200)
    t.equal((await ask('x'.repeat(65))).status, 431)
  })
})

t.test('identity', async t => {
  t.test('without authentication everybody is an administrator', async t => {
    const server = await startTestServer(t)
    t.equal((await server.call('GET', '/v2/tasks')).status, 200)
  })

  t.test('with trusted headers', async t => {
    const server = await startTestServer(t, { auth: 'trusted_headers' })

    t.test('a caller whose identity is not confirmed is 401', async t => {
      t.equal((await server.call('GET', '/v2/images')).status, 401)
      const as = { ...user('p1'), 'x-identity-status': 'Invalid' }
      t.equal((await server.call('GET', '/v2/images', { as })).status, 401)
      t.equal((await server.call('GET', '/v2/nowhere')).status, 401)
    })

    t.test('the role admin, in any case, makes an administrator', async t => {
      const admin = user('p1', 'ADMIN')
      t.equal((await server.call('GET', '/v2/tasks', { as: admin })).status, 200)
      t.equal((await server.call('GET', '/v2/tasks', { as: user('p1') })).status, 403)
    })

    t.test('X-Tenant-Id names the project as well as X-Project-Id', async t => {
      const { 'x-project-id': project = '', ...rest } = user('p1')
      const as = { ...rest, 'x-tenant-id': project }
      const { json } = await server.call('POST', '/v2/images', { as, body: {} })
      t.equal(json['owner'], 'p1')
    })
  })

  t.test('anonymous callers, where they are let in, may look and not touch', async t => {
    const config = { auth: 'trusted_headers', allowAnonymousAccess: true } as const
    const server = await startTestServer(t, config)
    t.equal((await server.call('GET', '/v2/images')).status, 200)
    const { status, json } = await server.call('POST', '/v2/images', { body: {} })
    t.equal(status, 403)
    t.match(json['message'], /^Read-only access/)
  })
})

t.test('methods', async t => {
  const server = await startTestServer(t)
  for (const [path, allow] of [
    ['/v2/images', 'GET, POST'],
    ['/v2/images/some', 'GET, PATCH, DELETE'],
    ['/v2/images/some/file', 'GET, PUT'],
    ['/v2/images/some/members', 'GET, POST'],
    ['/v2/images/some/members/one', 'GET, PUT, DELETE'],
    ['/v2/images/some/tags/one', 'PUT, DELETE'],
    ['/v2/images/some/actions/deactivate', 'POST'],
    ['/v2/schemas/members', 'GET'],
    ['/v2/tasks', 'GET, POST'],
  ] as const) {
    t.test(`${path} takes ${allow}`, async t => {
      for (const method of ['HEAD', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
        const { status, headers } = await server.call(method, path)
        if (allow.split(', ').includes(method)) t.not(status, 405, method)
        else t.same([status, headers.get('allow')], [405, allow], method)
      }
    })
  }

  for (const path of ['/v2', '/v2/', '/v2/images/', '/v2/images/some/nothing', '/v2/nowhere']) {
    t.test(`${path} is 404, and 501 for a verb that nobody knows`, async t => {
      t.equal((await server.call('GET', path)).status, 404)
      t.equal((await server.call('PROPFIND', path)).status, 501)
    })
  }
})

t.test('bodies', async t => {
  const server = await startTestServer(t)
  const post = (body: unknown, headers = {}) => server.call('POST', '/v2/images', { body, headers })

  for (const [body, reason] of [
    ['{"name":', 'Malformed JSON in request body.'],
    ['', 'Body expected in request.'],
    ['true', 'Unexpected body type. Expected list/dict.'],
    ['123', 'Unexpected body type. Expected list/dict.'],
    ['"x"', 'Unexpected body type. Expected list/dict.'],
    ['null', 'Unexpected body type. Expected list/dict.'],
    [new Uint8Array([0x22, 0xff, 0x22]), 'Error decoding your request.'],
  ] as const) {
    t.test(`a body of ${JSON.stringify(body)} is refused: ${reason}`, async t => {
      const { status, json } = await post(body)
      t.equal(status, 400)
      t.ok(String(json['message']).startsWith(reason))
    })
  }

  for (const type of ['text/plain', 'nonsense', 'application/json; charset=latin1']) {
    t.test(`a JSON body may be called ${type}`, async t => {
      t.equal((await post({ name: 'x' }, { 'content-type': type })).status, 201)
    })
  }

  t.test('a document of more than 4 MiB is too large', async t => {
    t.equal((await post({ name: 'x'.repeat(4 * 1024 * 1024) })).status, 413)
  })

  for (const [method, path] of [
    ['DELETE', '/v2/images/some'],
    ['PUT', '/v2/images/some/tags/x'],
    ['DELETE', '/v2/images/some/tags/x'],
    ['DELETE', '/v2/images/some/members/x'],
    ['POST', '/v2/images/some/actions/deactivate'],
    ['POST', '/v2/images/some/actions/reactivate'],
  ] as const) {
    t.test(`${method} ${path} takes no body`, async t => {
      const { status, json } = await server.call(method, path, { body: {} })
      t.equal(status, 400)
      t.match(json['message'], /^A body is not expected with this request\./)
    })
  }

  for (const path of ['/v2/images?name=%FF', '/v2/images/%FF']) {
    t.test(`${path} cannot be decoded, and is 400`, async t => {
      t.equal((await server.call('GET', path)).status, 400)
    })
  }
})

t.test('what is no HTTP is 400, and the end of the connection', async t => {
  const server = await startTestServer(t)
  t.match(await rest(await dial(server, 'this is not HTTP')), /^HTTP\/1\.1 400 Bad Request\r\n/)
})

t.test('faults', async t => {
  const server = await startTestServer(t)
  const refused = (accept: string) =>
    server.call('GET', '/v2/images/%3Cx%3E', { headers: { accept } })
  const text = '404 Not Found\n\nNo image found with ID <x>\n\n   '
  const html = /<h1>404 Not Found<\/h1>\n {2}No image found with ID &lt;x&gt;<br \/>/

  t.test('begin with a capital, but for a URL and a name of the API', async t => {
    const filtered = await server.call('POST', '/v2/tasks', {
      as: ADMIN,
      body: { type: 'import', input: { import_from: 'http://169.254.169.254/latest' } },
    })
    t.match(filtered.json['message'], /^http:\/\/169\.254\.169\.254\/latest may not be fetched/)
    const id = await server.create()
    const located = await server.call('POST', `/v2/images/${id}/locations`, {
      as: OWNER,
      body: {
        url: 'http://a.example/',
        validation_data: { os_hash_algo: 'none', os_hash_value: '00' },
      },
    })
    t.match(located.json['message'], /^os_hash_algo has to be one of/)
    const { json } = await server.call('GET', '/v2/nowhere', { as: OWNER })
    t.match(json['message'], /^The resource/)
  })

  t.test('are JSON for who accepts JSON', async t => {
    const { headers, text } = await refused('application/json')
    t.equal(headers.get('content-type'), 'application/json')
    t.same(JSON.parse(text), {
      message: 'No image found with ID <x><br /><br />\n\n\n',
      code: '404 Not Found',
      title: 'Not Found',
    })
  })

  for (const accept of [
    '*/*',
    'text/html',
    'application/json;q=0.5, text/*',
    'application/*, */*',
  ]) {
    t.test(`are a page for ${accept}`, async t => {
      const { headers, text } = await refused(accept)
      t.equal(headers.get('content-type'), 'text/html; charset=UTF-8')
      t.match(text, html)
    })
  }

  for (const [method, headers, text] of [
    [
      'DELETE',
      {},
      '405 Method Not Allowed\n\nThe method DELETE is not allowed for this resource. \n\n ',
    ],
    [
      'PUT',
      { 'content-type': 'text/<b>' },
      '415 Unsupported Media Type\n\nThe request media type text/<b> is not supported by this server. \n\n ' +
        'Image data has to be application/octet-stream, not text/<b>',
    ],
    [
      'GET',
      { range: 'bytes=9-' },
      '416 Request Range Not Satisfiable\n\nThe Range requested is not available.\n\n ' +
        'Invalid start position in Range header. Start position MUST be in the inclusive range [0, 3].  ',
    ],
  ] as const) {
    t.test(`have the words of WebOb for what is no fault of Glance's own: ${method}`, async t => {
      const id = await server.create()
      await server.upload(id, 'data')
      const path = `/v2/images/${id}/file`
      const answer = await server.call(method, path, { headers: { accept: 'none', ...headers } })
      t.equal(answer.text, text)
    })
  }

  for (const accept of ['image/png', 'text/html;q=0']) {
    t.test(`are text for ${accept}`, async t => {
      const answer = await refused(accept)
      t.equal(answer.headers.get('content-type'), 'text/plain; charset=UTF-8')
      t.equal(answer.text, text)
    })
  }
})

t.test('the configuration file', async t => {
  const read = async (t: Test, text: string) => {
    const path = join(t.testdir(), 'glance-api.conf')
    writeFileSync(path, text)
    return readConfig(path)
  }

  t.test("takes Glance's options, in Glance's form", async t => {
    const config = await read(
      t,
      `# a comment
bind_host = 0.0.0.0
[DEFAULT]
bind_port: 9393
image_size_cap = 1
image_size_cap = 1000
client_socket_timeout = 30
public_endpoint = "https://images.example/#;"
; another
[database]
connection = sqlite:////var/lib/glance/glance.sqlite
[glance_store]
stores = http,
  file
filesystem_store_datadir = /var/lib/glance/images
`,
    )
    t.same(config, {
      bindHost: '0.0.0.0',
      bindPort: 9393,
      imageSizeCap: 1000,
      clientSocketTimeoutMs: 30_000,
      publicEndpoint: 'https://images.example/#;',
      connection: 'sqlite:////var/lib/glance/glance.sqlite',
      store: 'file',
      furtherStores: ['http'],
      storeDir: '/var/lib/glance/images',
    })
  })

  for (const [text, complaint] of [
    ['\nbind_prot = 1', /glance-api\.conf, line 2: \[DEFAULT\] bind_prot: there is no such option/],
    ['bind_port = many', /line 1: \[DEFAULT\] bind_port: expected a whole number .*'many'/],
    ['bind_port = 65536', /from 0 to 65535/],
    ['[database]\nbind_host = x', /line 2: \[database\] bind_host: there is no such option/],
    ['hashing_algorithm = crc32', /expected md5 or sha1/],
    [
      '[glance_store]\nstores = tape',
      /line 2: \[glance_store\] stores: expected file, .*found 'tape'/,
    ],
    ['  indented', /line 1: an indented line/],
    ['[open', /line 1: \[open is no section/],
    ['nonsense', /line 1: 'nonsense' has to be 'option = value'/],
    ['allow_anonymous_access = maybe', /expected true or false/],
    ['public_endpoint = here', /expected an http or https URL/],
  ] as const) {
    t.test(`refuses ${JSON.stringify(text)}`, async t => {
      await t.rejects(read(t, text), { code: 'usage', message: complaint })
    })
  }

  t.test('that is not there is refused', async t => {
    const path = join(t.testdir(), 'none.conf')
    await t.rejects(readConfig(path), { code: 'usage', message: /cannot be read/ })
  })
})

t.test('schemas are served by their names', async t => {
  const server = await startTestServer(t)
  for (const name of ['image', 'images', 'member', 'members']) {
    t.match(await server.call('GET', `/v2/schemas/${name}`), { status: 200, json: { name } })
  }
})

t.test('the list of tasks is empty, for administrators', async t => {
  const server = await startTestServer(t)
  t.same((await server.call('GET', '/v2/tasks')).json, {
    tasks: [],
    first: '/v2/tasks',
    schema: '/v2/schemas/tasks',
  })
})

t.test('a client that leaves while it is found out who it is has left', async t => {
  const app = fastify()
  app.decorateRequest(CONTEXT, null)
  const policies = { current: async () => new Policy(new Map()) }
  const found = new Promise<RequestContext>(resolve => {
    app.get('/', async (request, reply) => {
      const leave = async () => {
        const closed = once(reply.raw, 'close')
        socket.destroy()
        await closed
        return ANONYMOUS
      }
      await identify(request, reply, leave, policies)
      resolve(contextOf(request))
    })
  })
  const socket = await dial({ port: Number(new URL(await app.listen()).port) }, 'GET / HTTP/1.1')
  t.match((await found).signal, { aborted: true, reason: { message: 'the client went away' } })
  await app.close()
})

t.test('keep_alive_timeout of 0 keeps connections for ever', async t => {
  for (const [keepAliveTimeoutMs, told] of [
    [0, null],
    [9000, 'timeout=9'],
  ] as const) {
    const server = await startTestServer(t, { keepAliveTimeoutMs })
    const { headers } = await server.call('GET', '/healthcheck')
    t.equal(headers.get('keep-alive'), told)
  }
})

t.test('a worker that is to end, with connections that are kept for ever', async t => {
  const start = async (t: Test) => {
    const held: ServerResponse[] = []
    const server = createServer({ keepAliveTimeout: 0 })
    server.headersTimeout = 0
    const connections = new Connections()
    connections.attend(server, 0)
    server.on('request', ({ url }: IncomingMessage, response: ServerResponse) => {
      if (url === '/held') held.push(response.writeHead(200))
      else response.end('done')
    })
    await once(server.listen(0), 'listening')
    const { port } = server.address() as AddressInfo // Of a port.
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => {
      agent.destroy()
      server.close()
    })
    const ask = async (path: string, { by = agent } = {}) => {
      const [answer] = (await once(get({ port, path, agent: by }), 'response')) as [IncomingMessage]
      return answer
    }
    return { connections, ask, held, port }
  }
  const end = async (answer: IncomingMessage) => {
    answer.resume()
    await once(answer, 'end')
  }
  const others = (t: Test) => {
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    return agent
  }

  t.test('closes those that ask for nothing, and no other', async t => {
    const { connections, ask, held, port } = await start(t)
    await end(await ask('/'))
    const silent = connect(port)
    silent.on('error', () => {})
    await once(silent, 'connect')
    const asking = ask('/held', { by: others(t) })
    while (held.length === 0) await soon()
    const closed = connections.closed()
    connections.drain(20)
    await once(silent.resume(), 'close')
    t.notOk(held[0]?.destroyed)
    held[0]?.end('done')
    await end(await asking)
    await closed
  })

  t.test('answers what is asked for in time, however long that takes', async t => {
    const { connections, ask, held } = await start(t)
    await end(await ask('/'))
    connections.drain(60_000)
    const asking = ask('/held')
    while (held.length === 0) await soon()
    t.equal(held[0]?.socket?.timeout, 0, 'its time is not counted any more')
    held[0]?.end('done')
    const answer = await asking
    t.equal(answer.headers.connection, 'close')
    await end(answer)
    await connections.closed()
  })
})
