import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { dial, next, rest, untilStatus } from '../support/connection.ts'
import { serveFiles } from '../support/files.ts'
import { startListener } from '../support/listener.ts'
import { ADMIN, OWNER, startTestServer, STRANGER, type TestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const LOCAL = { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] }
const SETTINGS = {
  auth: 'trusted_headers',
  imports: { ...DEFAULT_IMPORTS, filter: LOCAL },
} as const
const RAW = { 'x-image-meta-disk_format': 'raw', 'x-image-meta-container_format': 'bare' }
const OCTETS = { 'content-type': 'application/octet-stream' }
const CAP = 1024 * 1024

const copyFrom = (url: string) => ({ 'x-glance-api-copy-from': url })
const at = (url: string) => ({ 'x-image-meta-location': url })

const post = (server: TestServer, headers: Record<string, string>, body?: string) =>
  server.call('POST', '/v1/images', { as: OWNER, headers, ...(body !== undefined && { body }) })
const put = (server: TestServer, id: string, headers: Record<string, string>, body?: string) =>
  server.call('PUT', `/v1/images/${id}`, {
    as: OWNER,
    headers,
    ...(body !== undefined && { body }),
  })

/** The image of an answer to POST or PUT. */
function imageOf({ json }: { readonly json: Readonly<Record<string, unknown>> }) {
  return (json['image'] ?? {}) as Readonly<Record<string, unknown>> // So says the table of behaviour.
}

async function listed(server: TestServer): Promise<unknown> {
  const { json } = await server.call('GET', '/v1/images?changes-since=2001-01-01', { as: OWNER })
  return json['images']
}

t.test('data elsewhere', async t => {
  const base = await serveFiles(t, { '/image': 'data', '/empty': '' })
  const server = await startTestServer(t, SETTINGS)

  for (const [title, headers, status, message] of [
    ['an empty location', at(''), 400, 'External source should not be empty'],
    ['nowhere to copy from', copyFrom(''), 400, 'External source should not be empty'],
    ['a file as location', at('file:///etc/passwd'), 400, "not supported: 'file:'"],
    ['a file to copy from', copyFrom('file:///etc/passwd'), 400, 'not supported'],
    ['a location of this machine', at('memory://memory/x'), 400, 'not supported'],
    ['a scheme that there is not', at('gopher://x/y'), 400, "not supported: 'gopher:'"],
    ['no URL', at('image'), 400, 'not supported'],
    ['a URL that is none', at('http://'), 400, 'not a URL'],
    ['a port that is not let through', at('http://127.0.0.2:9/x'), 400, 'not allowed'],
    ['a location without data', at(`${base}/none`), 404, 'answered 404'],
    ['a copy of nothing', copyFrom(`${base}/none`), 404, 'answered 404'],
    ['nobody who listens', copyFrom('http://127.0.0.1:1/x'), 400, 'cannot be read'],
  ] as const) {
    t.test(`${title} is refused, and leaves no image`, async t => {
      const answer = await post(server, { ...RAW, ...headers })
      t.equal(answer.status, status, answer.text)
      t.match(answer.text, message)
      t.strictSame(await listed(server), [])
    })
  }

  t.test('is registered, and served from there', async t => {
    const answer = await post(server, {
      ...RAW,
      ...at(`${base}/image`),
      'x-image-meta-checksum': 'abc',
    })
    t.equal(answer.status, 201, answer.text)
    const image = imageOf(answer)
    t.match(image, { status: 'active', size: 4, checksum: 'abc' })
    t.notOk('location' in image, 'nobody is told where')
    const got = await server.call('GET', `/v1/images/${String(image['id'])}`, { as: OWNER })
    t.equal(got.text, 'data')
    const record = await server.call('GET', '/v1/images/detail', { as: OWNER })
    t.notMatch(record.text, base)
  })

  t.test('is registered with an image that waits, whose other properties go', async t => {
    const { id } = imageOf(await post(server, { 'x-image-meta-property-a': '1' }))
    const answer = await put(server, String(id), { ...RAW, ...at(`${base}/image`) })
    t.equal(answer.status, 200, answer.text)
    t.match(imageOf(answer), { status: 'active', size: 4, properties: {} })
    const again = await put(server, String(id), at(`${base}/image`))
    t.equal(again.status, 400)
    t.match(again.text, 'not in queued status')
    t.equal((await put(server, String(id), copyFrom(`${base}/image`))).status, 400)
  })

  t.test('has to be as large as is said', async t => {
    const answer = await post(server, {
      ...RAW,
      ...at(`${base}/image`),
      'x-image-meta-size': '5',
      'x-image-meta-id': '4d1a6c1e-0000-4000-8000-0000000000aa',
    })
    t.equal(answer.status, 409, answer.text)
    t.match(await server.show('4d1a6c1e-0000-4000-8000-0000000000aa'), { status: 'queued' })
  })

  for (const [kind, source] of [
    ['registered', at],
    ['copied', copyFrom],
  ] as const) {
    t.test(`needs formats to be ${kind}, without which the image waits`, async t => {
      const id = kind === 'copied' ? 'ab' : 'ac'
      const answer = await post(server, {
        ...source(`${base}/image`),
        'x-image-meta-id': `4d1a6c1e-0000-4000-8000-0000000000${id}`,
      })
      t.equal(answer.status, 400)
      t.match(answer.text, 'Disk format is not specified.')
      t.match(await server.show(`4d1a6c1e-0000-4000-8000-0000000000${id}`), { status: 'queued' })
    })
  }

  t.test('comes from one place only', async t => {
    const both = await post(server, {
      ...RAW,
      ...at(`${base}/image`),
      ...copyFrom(`${base}/image`),
    })
    t.equal(both.status, 400)
    t.match(both.text, 'multiple image sources')
    const withBody = await post(server, { ...RAW, ...OCTETS, ...copyFrom(`${base}/image`) }, 'data')
    t.equal(withBody.status, 400)
  })

  t.test('is copied after the answer', async t => {
    const answer = await post(server, { ...RAW, ...copyFrom(`${base}/image`) })
    t.equal(answer.status, 201, answer.text)
    const { id, status, size } = imageOf(answer)
    t.same([status, size], ['queued', 4])
    await untilStatus(server, String(id), 'active')
    t.equal((await server.call('GET', `/v1/images/${String(id)}`, { as: OWNER })).text, 'data')
  })

  t.test('is copied into an image that waits', async t => {
    const { id } = imageOf(await post(server, RAW))
    const answer = await put(server, String(id), copyFrom(`${base}/image`))
    t.match(imageOf(answer), { status: 'queued', size: 4 })
    await untilStatus(server, String(id), 'active')
  })

  t.test('of nothing is copied too', async t => {
    const { id } = imageOf(await post(server, { ...RAW, ...copyFrom(`${base}/empty`) }))
    await untilStatus(server, String(id), 'active')
    t.match(await server.show(String(id)), { size: 0 })
  })

  t.test('kills the image when it is not what was said, which keeps its size', async t => {
    for (const headers of [
      { 'x-image-meta-checksum': 'a'.repeat(32) },
      { 'x-image-meta-disk_format': 'qcow2' },
    ]) {
      const { id } = imageOf(
        await post(server, { ...RAW, ...copyFrom(`${base}/image`), ...headers }),
      )
      await untilStatus(server, String(id), 'killed')
      t.match(await server.show(String(id)), {
        size: 4,
        checksum: headers['x-image-meta-checksum'] ?? null,
      })
    }
  })

  t.test('kills the image when it is cut short', async t => {
    const url = await startListener(t, ({ method }, response) => {
      response.writeHead(200, { 'content-length': 4 })
      if (method === 'HEAD') response.end()
      else response.write('da', () => response.destroy())
    })
    const { id } = imageOf(await post(server, { ...RAW, ...copyFrom(`${url}/image`) }))
    await untilStatus(server, String(id), 'killed')
    t.equal((await server.show(String(id)))['size'], 4)
  })

  t.test('kills the image when it is there no more', async t => {
    const url = await startListener(t, ({ method }, response) => {
      response.writeHead(method === 'HEAD' ? 200 : 404, { 'content-length': 4 }).end()
    })
    const { id } = imageOf(await post(server, { ...RAW, ...copyFrom(`${url}/image`) }))
    await untilStatus(server, String(id), 'killed')
  })

  t.test('that cannot be asked about is refused', async t => {
    const url = await startListener(t, (_request, response) => response.writeHead(500).end())
    t.equal((await post(server, { ...RAW, ...copyFrom(url) })).status, 400)
    t.equal((await post(server, { ...RAW, ...at(url) })).status, 400)
  })
})

t.test('data that comes with a request', async t => {
  const server = await startTestServer(t, { ...SETTINGS, imageSizeCap: CAP })
  const head = (...headers: string[]) =>
    dial(
      server,
      'POST /v1/images HTTP/1.1',
      'Content-Type: application/octet-stream',
      ...Object.entries({ ...OWNER, ...RAW }).map(([name, value]) => `${name}: ${value}`),
      ...headers,
    )
  const images = async () => (await listed(server)) as readonly { id: string }[]

  t.test('of more than the cap is refused before anything is made', async t => {
    const tooLarge = `Denying attempt to upload image larger than ${CAP} bytes.`
    for (const headers of [
      { ...RAW, 'x-image-meta-size': String(CAP + 1) },
      { ...RAW, ...OCTETS, 'x-image-meta-size': String(CAP + 1) },
    ]) {
      const answer = await post(server, headers)
      t.equal(answer.status, 400)
      t.match(answer.text, tooLarge)
    }
    const body = 'x'.repeat(CAP + 1)
    t.match(await post(server, { ...RAW, ...OCTETS }, body), { status: 400, text: tooLarge })
    t.strictSame(await images(), [])
    const whole = await post(server, { ...RAW, ...OCTETS }, body.slice(1))
    t.equal(whole.status, 201, 'exactly the cap is not')
    await server.call('DELETE', `/v1/images/${String(imageOf(whole)['id'])}`, { as: OWNER })
  })

  for (const [title, status, ...headers] of [
    ['of more than the cap is found out on its way', 413],
    ['of more than it says is, too', 400, 'X-Image-Meta-Size: 5'],
  ] as const) {
    t.test(title, async t => {
      const id = `4d1a6c1e-0000-4000-8000-000000000${status}`
      const socket = await head('Transfer-Encoding: chunked', `X-Image-Meta-Id: ${id}`, ...headers)
      const chunk = 'x'.repeat(64 * 1024)
      socket.on('error', () => {})
      for (let sent = 0; sent <= CAP; sent += chunk.length) socket.write(`10000\r\n${chunk}\r\n`)
      t.match(await next(socket), new RegExp(`^HTTP/1.1 ${status} `))
      socket.destroy()
      t.match(await server.show(id), { status: 'killed' })
    })
  }

  t.test('of a client that goes away kills the image', async t => {
    const id = '4d1a6c1e-0000-4000-8000-0000000000ba'
    const socket = await head('Content-Length: 9', `X-Image-Meta-Id: ${id}`)
    socket.write('some')
    await untilStatus(server, id, 'saving')
    socket.destroy()
    await untilStatus(server, id, 'killed')
    t.match(await server.show(id), { size: 0, checksum: null })
  })

  t.test('for an image that is deleted meanwhile is 412', async t => {
    const id = '4d1a6c1e-0000-4000-8000-0000000000bb'
    const socket = await head('Content-Length: 4', `X-Image-Meta-Id: ${id}`, 'Connection: close')
    socket.write('da')
    await untilStatus(server, id, 'saving')
    t.equal((await server.call('DELETE', `/v1/images/${id}`, { as: OWNER })).status, 200)
    socket.write('ta')
    t.match(await rest(socket), /^HTTP\/1.1 412 Precondition Failed/)
  })

  t.test('is asked for only when it is wanted', async t => {
    const refused = await head('Expect: 100-continue', 'Content-Length: 4', 'X-Image-Meta-Foo: x')
    t.match(await next(refused), /^HTTP\/1.1 400 /)
    refused.destroy()
    const socket = await head('Expect: 100-continue', 'Content-Length: 4', 'Connection: close')
    t.match(await next(socket), /^HTTP\/1.1 100 /)
    socket.write('data')
    t.match(await rest(socket), /^HTTP\/1.1 201 /)
  })

  t.test('of more than the project may store kills the image', async t => {
    const server = await startTestServer(t, { ...SETTINGS, userStorageQuota: 3 })
    const id = '4d1a6c1e-0000-4000-8000-0000000000bc'
    const headers = { ...RAW, ...OCTETS, 'x-image-meta-id': id }
    t.equal((await post(server, headers, 'data')).status, 413)
    t.match(await server.show(id), { status: 'killed' })
  })

  t.test('goes to the store of that name', async t => {
    const server = await startTestServer(t, {
      ...SETTINGS,
      enabledBackends: [
        { id: 'main', type: 'memory' },
        { id: 'other', type: 'memory' },
        { id: 'web', type: 'http' },
      ],
      defaultBackend: 'main',
    })
    for (const [store, stores] of [
      ['other', 'other'],
      ['memory', 'main'],
    ] as const) {
      const headers = { ...RAW, ...OCTETS, 'x-image-meta-store': store }
      const { id } = imageOf(await post(server, headers, 'data'))
      t.match(await server.show(String(id)), { stores })
    }
  })
})

t.test('the cache by way of v1', async t => {
  const folder = join(t.testdir({ cache: {} }), 'cache')
  const server = await startTestServer(t, { ...SETTINGS, imageCacheDir: folder })
  const call = async (method: string, path: string, as = ADMIN) =>
    server.call(method, `/v1/${path}`, { as })
  const images = async () =>
    (await call('GET', 'cached_images')).json['cached_images'] as readonly {
      image_id: string
      hits: number
    }[]
  const untilCached = async (count: number) => {
    while ((await images()).length !== count) await soon()
  }
  const { id } = imageOf(await post(server, { ...RAW, ...OCTETS }, 'data'))
  const image = String(id)

  t.test('keeps what is downloaded', async t => {
    t.equal((await server.call('GET', `/v1/images/${image}`, { as: OWNER })).text, 'data')
    await untilCached(1)
    t.equal(readFileSync(join(folder, image), 'utf8'), 'data')
    const [cached] = await images()
    t.match(cached, {
      image_id: image,
      hits: 0,
      size: 4,
      last_accessed: Number,
      last_modified: Number,
    })
    t.equal((await server.call('GET', `/v1/images/${image}`, { as: OWNER })).text, 'data')
    t.match(await images(), [{ hits: 1 }])
  })

  t.test('is for those who manage it', async t => {
    for (const [method, path] of [
      ['GET', 'cached_images'],
      ['DELETE', 'cached_images'],
      ['DELETE', `cached_images/${image}`],
      ['GET', 'queued_images'],
      ['DELETE', 'queued_images'],
      ['PUT', `queued_images/${image}`],
      ['DELETE', `queued_images/${image}`],
    ] as const) {
      t.equal((await call(method, path, OWNER)).status, 403, `${method} ${path}`)
    }
    t.equal((await images()).length, 1)
  })

  t.test('forgets one image, or all', async t => {
    const one = await call('DELETE', `cached_images/${image}`)
    t.match(one, { status: 200, text: 'null' })
    t.equal(one.headers.get('content-type'), 'application/json')
    t.strictSame(await images(), [])
    t.equal(
      (await call('DELETE', `cached_images/${image}`)).text,
      'null',
      'also when it is not there',
    )
    await server.call('GET', `/v1/images/${image}`, { as: OWNER })
    await untilCached(1)
    t.strictSame((await call('DELETE', 'cached_images')).json, { num_deleted: 1 })
    t.strictSame((await call('DELETE', 'cached_images')).json, { num_deleted: 0 })
  })

  t.test('gets what is queued, and passes over what is no image', async t => {
    t.match(await call('PUT', `queued_images/${image}`), { status: 200, text: 'null' })
    t.match(await call('PUT', 'queued_images/nothing'), { status: 200, text: 'null' })
    await untilCached(1)
    t.strictSame((await call('GET', 'queued_images')).json, { queued_images: [] })
    t.match(await call('DELETE', 'queued_images/nothing'), { status: 200, text: 'null' })
    t.strictSame((await call('DELETE', 'queued_images')).json, { num_deleted: 0 })
  })

  t.test('forgets an image that is deleted', async t => {
    t.equal((await call('DELETE', `images/${image}`, STRANGER)).status, 404)
    t.equal((await images()).length, 1)
    t.equal((await call('DELETE', `images/${image}`, OWNER)).status, 200)
    t.strictSame(await images(), [])
  })
})
