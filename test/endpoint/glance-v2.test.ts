import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { GlanceV2Endpoint } from '../../lib/endpoint/glance-v2.ts'
import { DataConnections } from '../../lib/http/connections.ts'
import { openEndpoint, parseAddress } from '../../lib/endpoint/open.ts'
import type { Image } from '../../lib/image/image.ts'
import { fixedToken } from '../../lib/keystone/token-source.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { endpointSuite } from '../../lib/compliance/endpoint-suite.ts'
import { bytesOf, collect, dataOf, idOf, imageOf, toArray } from '../support/images.ts'
import { forwardAs } from '../support/forward.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { startTestServer, user } from '../support/server.ts'

const OPTIONS = { tokens: fixedToken('sesame'), timeoutMs: 10_000, attempts: 2 }
const DATA = bytesOf(1, 200_000)
const IMAGE = imageOf(1, DATA)

async function open(url: string, options = {}): Promise<GlanceV2Endpoint> {
  return await GlanceV2Endpoint.open(url, new URL(url), { ...OPTIONS, ...options })
}

t.test('promises of every endpoint, kept against the embedded server', t => {
  endpointSuite(t, { create: async t => await open((await startTestServer(t)).url) })
  t.end()
})

t.test('promises of every endpoint, kept where a page holds two images', t => {
  endpointSuite(t, {
    create: async t => await open((await startTestServer(t, { apiLimitMax: 2 })).url),
  })
  t.end()
})

t.test('addresses', t => {
  for (const [address, expected] of [
    ['one:9292', 'http://one:9292/'],
    ['one', 'http://one:9292/'],
    ['one:80', 'http://one/'],
    ['10.0.0.1:1234', 'http://10.0.0.1:1234/'],
    ['[::1]:9292', 'http://[::1]:9292/'],
    ['[fe80::1]', 'http://[fe80::1]:9292/'],
    ['http://one', 'http://one/'],
    ['https://one/image', 'https://one/image'],
    ['https://one/image/v2/', 'https://one/image'],
    ['HTTPS://one:8443/v2.9', 'https://one:8443/'],
  ] as const) {
    t.test(`${address} means ${expected}`, async t => {
      const parsed = parseAddress(address)
      t.equal(parsed.type === 'service' && parsed.base.href, expected)
    })
  }
  for (const [address, message] of [
    ['', /no server/],
    ['one two:9292', /no server/],
    ['one:99999', /no server/],
    ['::1', /no server/],
    ['ftp://one', /http or https, not ftp:/],
    ['http://me:secret@one', /credentials do not belong/],
    ['http://one?x=1', /no query/],
    ['dir:', /name a directory/],
  ] as const) {
    t.test(`'${address}' is refused`, async t => {
      t.throws(() => parseAddress(address), { code: 'usage', message })
    })
  }
  t.test('a password in a URL is not repeated', async t => {
    t.throws(() => parseAddress('http://me:secret@one'), { message: /^(?!.*secret)/ })
  })
  t.end()
})

t.test('what cannot be used says why', t => {
  const refusing =
    (status: number, type: string, body: string) =>
    (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(status, { 'content-type': type })
      response.end(body)
    }
  for (const { title, answer, error } of [
    {
      title: 'a token that is refused',
      answer: refusing(
        401,
        'text/html',
        '<html><title>x</title><h1>401</h1>The token &quot;is&quot; <br/> wrong</html>',
      ),
      error: { code: 'unauthenticated', message: /401 The token "is" wrong$/ },
    },
    {
      title: 'a service that speaks only v1',
      answer: refusing(300, 'application/json', '{"versions": []}'),
      error: { code: 'unsupported', message: /300/ },
    },
    {
      title: 'a web server that is no Glance',
      answer: refusing(200, 'text/html', '<html>It works!</html>'),
      error: { code: 'unsupported', message: /not JSON but text\/html/ },
    },
    {
      title: 'a service that is down for maintenance',
      answer: refusing(503, 'text/plain', '503 Service Unavailable\n\nback soon\n'),
      error: { code: 'unavailable', message: /503 back soon/ },
    },
  ]) {
    t.test(title, async t => {
      await t.rejects(open(await startListener(t, answer)), error)
    })
  }
  t.test('a listing that is no listing of images', async t => {
    const url = await startListener(t, (_, response) => sendJson(response, 200, { servers: [] }))
    await using endpoint = await open(url)
    await t.rejects(toArray(endpoint.list()), { code: 'unsupported', message: /no Images API v2/ })
  })
  t.test('a host that nobody knows', async t => {
    await t.rejects(open('http://no-such-host.invalid:9292'), {
      code: 'unreachable',
      message: /unknown host|cannot be looked up/,
    })
  })
  t.test('a port where nobody listens', async t => {
    await t.rejects(open('http://127.0.0.1:1'), {
      code: 'unreachable',
      message: /connection refused/,
    })
  })
  t.test('https where there is no TLS', async t => {
    const url = await startListener(t, (_, response) => sendJson(response, 200, {}))
    await t.rejects(open(url.replace('http:', 'https:')), { code: 'unreachable', message: /TLS/ })
  })
  t.test('a certificate that nobody vouches for', async t => {
    const server = createServer(
      { key: readFileSync('fixtures/tls/key.pem'), cert: readFileSync('fixtures/tls/cert.pem') },
      (_, response) => sendJson(response, 200, {}),
    )
    t.teardown(() => server.close())
    server.listen(0)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // It listens on a port.
    await t.rejects(open(`https://localhost:${port}`), {
      code: 'unreachable',
      message: /the certificate is not trusted: self.signed certificate/,
    })
  })
  t.test('a server that does not answer', async t => {
    const url = await startListener(t, () => {})
    await t.rejects(open(url, { timeoutMs: 200 }), {
      code: 'unavailable',
      message: /no answer in 0.2 s/,
    })
  })
  t.test('no token, password or signed URL is told', async t => {
    const url = await startListener(t, (_, response) =>
      sendJson(response, 500, { message: 'oops' }),
    )
    await t.rejects(open(url), { message: /^(?!.*sesame)/ })
  })
  t.test('nor a token that the service repeats, be it cut short', async t => {
    const tokens = fixedToken('gAAAAAB-open-sesame')
    const url = await startListener(t, ({ method, url, headers }, response) => {
      const isOpening = url === '/v2/tasks?limit=1'
      const message = `${'x'.repeat(280)} ${headers['x-auth-token'] as string} is ${method}`
      sendJson(response, isOpening ? 200 : 403, isOpening ? {} : { message })
    })
    await using endpoint = await open(url, { tokens })
    const told = { code: 'forbidden', message: /^(?!.*gAAAA).*403 x+ \(secret\) is/ }
    await t.rejects(toArray(endpoint.list()), told)
    await t.rejects((await endpoint.data(IMAGE)).open(), told)
  })
  t.end()
})

t.test('listing', async t => {
  t.test('asks with the token for one page after another, hidden images apart', async t => {
    const asked: string[] = []
    const url = await startListener(t, (request, response) => {
      asked.push(`${request.headers['x-auth-token'] as string} ${request.url}`)
      const query = new URL(request.url ?? '', 'http://x').searchParams
      if (request.url?.includes('tasks')) return sendJson(response, 403, {})
      const hidden = query.get('os_hidden') === 'true'
      const page = query.has('marker') ? [3] : [1]
      sendJson(response, 200, {
        images: page.map(n => document(imageOf(hidden ? n + 1 : n, DATA, { hidden }))),
        ...(query.has('marker')
          ? {}
          : { next: `/v2/images?${query.toString()}&marker=${idOf(1)}` }),
      })
    })
    await using endpoint = await open(`${url}/behind/a/proxy`)
    t.same(
      (await toArray(endpoint.list())).map(({ id }) => id),
      [1, 2, 3, 4].map(idOf),
    )
    t.equal(asked.length, 5)
    t.ok(
      asked.every(line => line.startsWith('sesame /behind/a/proxy/v2/')),
      'under the prefix',
    )
    t.ok(
      asked.slice(1).every(line => line.includes('visibility=all&member_status=all')),
      'all that may be seen',
    )
    t.equal(asked.filter(line => line.includes('os_hidden=true')).length, 2)
  })

  t.test('the next page is asked for while one is read', async t => {
    let asked = () => {}
    const isAsked = new Promise<void>(resolve => (asked = resolve))
    const url = await startListener(t, (request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams
      if (query.has('os_hidden')) return sendJson(response, 200, { images: [] })
      const next = { next: `/v2/images?marker=${idOf(1)}` }
      if (!query.has('marker')) {
        return sendJson(response, 200, { images: [document(imageOf(1, DATA))], ...next })
      }
      asked()
      sendJson(response, 200, { images: [document(imageOf(2, DATA))] })
    })
    await using endpoint = await open(url)
    const images = endpoint.list()[Symbol.asyncIterator]()
    t.match(await images.next(), { value: { id: idOf(1) } })
    await isAsked
    t.match(await images.next(), { value: { id: idOf(2) } })
    t.match(await images.next(), { done: true })
  })

  t.test('a page that fails for a moment is asked for again', async t => {
    let left = 1
    const url = await startListener(t, (request, response) => {
      if (request.url?.includes('images') && (left -= 1) >= 0) return sendJson(response, 503, {})
      sendJson(response, 200, { images: [] })
    })
    await using endpoint = await open(url)
    t.same(await toArray(endpoint.list()), [])
  })

  t.test('a server that gives the same page again and again is found out', async t => {
    const url = await startListener(t, (_, response) =>
      sendJson(response, 200, { images: [document(IMAGE)], next: '/v2/images?marker=x' }),
    )
    await using endpoint = await open(url)
    await t.rejects(toArray(endpoint.list()), { code: 'corrupt', message: /out of order/ })
  })

  t.test('a server that refuses to go on after an image that it lists is found out', async t => {
    const url = await startListener(t, (request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams
      if (query.get('marker') === idOf(2)) return sendJson(response, 400, { message: 'no such' })
      const images = [1, 2].map(n => document(imageOf(n, DATA)))
      sendJson(response, 200, { images, next: `/v2/images?marker=${idOf(2)}` })
    })
    await using endpoint = await open(url)
    await t.rejects(toArray(endpoint.list()), {
      code: 'corrupt',
      message: /the listing has image .*2, and does not go on after it: GET .* 400 no such/,
    })
  })

  t.test('a page that begins after an image that was deleted is found again', async t => {
    let deleted = false
    const url = await startListener(t, (request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams
      if (query.has('os_hidden')) return sendJson(response, 200, { images: [] })
      const marker = query.get('marker')
      if (marker === idOf(2) && !deleted) {
        deleted = true
        return sendJson(response, 400, { message: 'Invalid marker' })
      }
      const there = [1, 2, 3, 4].filter(n => !(deleted && n === 2) && idOf(n) > (marker ?? ''))
      const images = there.slice(0, 2).map(n => document(imageOf(n, DATA)))
      const next =
        there.length > 2 ? { next: `/v2/images?marker=${String(images[1]?.['id'])}` } : {}
      sendJson(response, 200, { images, ...next })
    })
    await using endpoint = await open(url)
    t.same(
      (await toArray(endpoint.list())).map(({ id }) => id),
      [1, 2, 3, 4].map(idOf),
    )
  })

  t.test('a listing that never ends, or goes on nowhere, is found out', async t => {
    for (const [next, error] of [
      ['/v2/images?marker=', { code: 'corrupt' }],
      ['http://[', { code: 'unsupported', message: /goes on at 'http/ }],
    ] as const) {
      const url = await startListener(t, (_, response) =>
        sendJson(response, 200, { images: [], next }),
      )
      await using endpoint = await open(url)
      await t.rejects(toArray(endpoint.list()), error)
    }
  })

  t.test('an image that cannot be understood is told of, and the others are listed', async t => {
    const url = await startListener(t, (request, response) =>
      sendJson(response, 200, {
        images: request.url?.includes('os_hidden')
          ? []
          : [{ ...document(IMAGE), size: 'large' }, document(imageOf(2, DATA))],
      }),
    )
    await using endpoint = await open(url)
    const unreadable: unknown[] = []
    const listed = await toArray(
      endpoint.list({
        onUnreadable: (id, error) => unreadable.push([id, (error as Error).message]),
      }),
    )
    t.same(
      listed.map(({ id }) => id),
      [idOf(2)],
    )
    t.same(unreadable, [[idOf(1), `image ${idOf(1)}: size is "large", not a whole number`]])
    await t.rejects(toArray(endpoint.list()), { code: 'corrupt' })
  })
})

t.test('download', async t => {
  const serving = async (t: Test, answer: (response: ServerResponse) => void) => {
    const url = await startListener(t, (request, response) =>
      request.url?.endsWith('/file') ? answer(response) : sendJson(response, 200, { images: [] }),
    )
    const endpoint = await open(url)
    t.teardown(async () => await endpoint[Symbol.asyncDispose]())
    return await endpoint.data(IMAGE)
  }
  for (const { title, answer, error } of [
    {
      title: 'a clean end that comes too early is corrupt',
      answer: (response: ServerResponse) => response.end(DATA.subarray(1)),
      error: { code: 'corrupt', message: /the data ends after 199999 of the 200000 bytes/ },
    },
    {
      title: 'bytes after the end are corrupt',
      answer: (response: ServerResponse) => response.end(Buffer.concat([DATA, DATA])),
      error: { code: 'corrupt', message: /goes on after the 200000 bytes/ },
    },
    {
      title: 'a connection that breaks is worth another attempt',
      answer: (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': DATA.length })
        response.write(DATA.subarray(0, 1000), () => response.destroy())
      },
      error: { code: 'unavailable' },
    },
    {
      title: 'an image without data has none',
      answer: (response: ServerResponse) => response.writeHead(204).end(),
      error: { code: 'conflict', message: /there is no data/ },
    },
    {
      title: 'a refusal is told in the words of the server',
      answer: (response: ServerResponse) => sendJson(response, 403, { message: 'deactivated' }),
      error: { code: 'forbidden', message: /403 deactivated/ },
    },
  ]) {
    t.test(title, async t => {
      const data = await serving(t, answer)
      await t.rejects(async () => await collect(await data.open()), error)
    })
  }
  t.test('a connection by TLS that breaks in the middle says nothing of certificates', async t => {
    const tls = {
      key: readFileSync('fixtures/tls/server.key'),
      cert: readFileSync('fixtures/tls/server.pem'),
    }
    const url = await startListener(
      t,
      (request, response) => {
        if (!request.url?.endsWith('/file')) return sendJson(response, 200, { images: [] })
        response.writeHead(200, { 'content-length': DATA.length })
        response.write(DATA.subarray(0, 1000), () => response.destroy())
      },
      tls,
    )
    await using endpoint = await open(url, {
      connections: new DataConnections({ tls: { insecure: true } }),
    })
    const data = await endpoint.data(IMAGE)
    await t.rejects(async () => await collect(await data.open()), {
      code: 'unavailable',
      message: /\/file: connection reset$/,
    })
  })
  t.test('a signal stops a download that stands still', async t => {
    const controller = new AbortController()
    const data = await serving(t, response => {
      response.writeHead(200, { 'content-length': DATA.length })
      response.write(DATA.subarray(0, 1000), () => controller.abort(new Error('enough')))
    })
    await t.rejects(async () => await collect(await data.open({ signal: controller.signal })), {
      message: 'enough',
    })
  })
  t.test('a server that sends nothing more has failed', async t => {
    const url = await startListener(t, (request, response) => {
      if (!request.url?.endsWith('/file')) return sendJson(response, 200, {})
      response.writeHead(200, { 'content-length': DATA.length })
      response.write(DATA.subarray(0, 1000))
    })
    await using endpoint = await open(url, { timeoutMs: 300 })
    const data = await endpoint.data(IMAGE)
    await t.rejects(async () => await collect(await data.open()), { code: 'unavailable' })
  })
})

t.test('adding', async t => {
  t.test('wrong data is removed from the target with its image', async t => {
    const deleted: string[] = []
    const url = await service(t, {
      show: { ...IMAGE, checksum: 'f'.repeat(32), digest: { algorithm: 'sha512', value: 'ee' } },
      onDelete: path => deleted.push(path),
    })
    await using endpoint = await open(url)
    await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, [DATA])), {
      code: 'corrupt',
      message: /another sha512/,
    })
    t.same(deleted, [`/v2/images/${IMAGE.id}`])
  })

  t.test('data that its source has no digest for is hashed on its way', async t => {
    const blind = { ...dataOf(IMAGE, [DATA]), checksum: null, digest: null }
    await using right = await open(
      await service(t, { show: { ...IMAGE, visibility: 'private', hidden: true } }),
    )
    await right.add(IMAGE, blind)
    await using wrong = await open(
      await service(t, { show: { ...IMAGE, checksum: 'f'.repeat(32) } }),
    )
    await t.rejects(wrong.add(IMAGE, blind), { code: 'corrupt', message: /another MD5/ })
  })

  t.test('where nothing proves the data, it does not count as copied', async t => {
    const url = await service(t, {
      show: { ...IMAGE, checksum: null, digest: { algorithm: 'sha256', value: 'aa' } },
    })
    await using endpoint = await open(url)
    await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, [DATA])), {
      code: 'corrupt',
      message: /nothing proves/,
    })
  })

  t.test('an id that the target gives to nobody is told as that', async t => {
    const url = await startListener(t, (request, response) => {
      if (request.url?.includes('tasks')) return sendJson(response, 200, {})
      sendJson(response, request.method === 'POST' ? 409 : 404, {})
    })
    await using endpoint = await open(url)
    await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, [DATA])), {
      code: 'duplicate',
      message: /deleted or out of our sight; a Glance gives no id out twice/,
    })
  })

  t.test('an early refusal stops the upload', async t => {
    const big = imageOf(1, Buffer.alloc(0), { size: 1024 ** 4 })
    const url = await startListener(t, (request, response) => {
      if (request.method === 'PUT') return sendJson(response, 413, { message: 'too large' })
      sendJson(response, 200, document({ ...big, status: 'queued' }))
    })
    await using endpoint = await open(url)
    let opened = false
    const data = {
      ...dataOf(big, []),
      open: async () => {
        opened = true
        return (async function* () {
          for (;;) yield DATA
        })()
      },
    }
    await t.rejects(endpoint.add(big, data), { code: 'over_limit', message: /413 too large/ })
    t.notOk(opened, 'the source was not even asked')
  })

  t.test('a connection on which a refused upload was cut short is not used again', async t => {
    const sockets = new Set<unknown>()
    const url = await startListener(t, (request, response) => {
      if (request.method === 'PUT') {
        sockets.add(request.socket)
        request.once('data', () => sendJson(response, 409, { message: 'no' }))
        return
      }
      sendJson(response, 200, document({ ...IMAGE, status: 'queued' }))
    })
    await using endpoint = await open(url)
    const data = bytesOf(2, 900_000)
    const image = imageOf(1, data)
    const slowly = {
      ...dataOf(image, []),
      open: async () =>
        (async function* () {
          for (let i = 0; i < data.length; i += 100_000) {
            yield data.subarray(i, i + 100_000)
            await new Promise(resolve => setImmediate(resolve))
          }
        })(),
    }
    for (let i = 0; i < 2; i += 1) {
      await t.rejects(endpoint.add(image, slowly), { code: 'conflict', message: /409 no/ })
    }
    t.equal(sockets.size, 2)
  })

  for (const [title, said, asked] of [
    ['is proved by the answer to the upload', undefined, 0],
    ['is asked for where it is not said at once', [], 1],
    ['is asked for where what is said is of other data', [`md5=:${'A'.repeat(22)}==:`], 1],
    ['is asked for where what is said is not understood', ['md5=?'], 1],
  ] as const) {
    t.test(`what the target has stored ${title}`, async t => {
      const server = await startTestServer(t)
      const shown: unknown[] = []
      const url = await startListener(t, (request, response) => {
        const { method, url: path = '' } = request
        if (method === 'GET' && path.endsWith(IMAGE.id)) shown.push(path)
        const heard = ({ 'repr-digest': own, ...headers }: IncomingHttpHeaders) => {
          const digest = method === 'PUT' ? (said ?? [own])[0] : undefined
          return { ...headers, ...(digest !== undefined && { 'repr-digest': digest }) }
        }
        void forwardAs(user('admin', 'admin'), server.url, request, response, heard)
      })
      await using endpoint = await open(url)
      const { image } = await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
      const { status, visibility, hidden, size, checksum, digest } = IMAGE
      t.match(image, { status, visibility, hidden, size, checksum, digest })
      t.equal(shown.length, asked)
    })
  }

  t.test('the image is private and hidden until its data is proved', async t => {
    const seen: unknown[] = []
    const url = await service(t, {
      show: { ...IMAGE, visibility: 'private', hidden: true },
      onBody: (method, body) => seen.push([method, body]),
    })
    await using endpoint = await open(url)
    await endpoint.add({ ...IMAGE, protected: true }, dataOf(IMAGE, [DATA]))
    t.match(seen, [
      ['POST', { id: IMAGE.id, visibility: 'private', os_hidden: true, protected: false }],
      [
        'PATCH',
        [
          { op: 'replace', path: '/visibility', value: 'public' },
          { op: 'replace', path: '/os_hidden', value: false },
          { op: 'replace', path: '/protected', value: true },
        ],
      ],
    ])
  })
})

t.test('what the target refuses is told field by field, and the rest is set', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  // A member, who may neither publish an image nor give it away.
  const url = await startListener(
    t,
    (request, response) => void forwardAs(user('members'), server.url, request, response),
  )
  await using endpoint = await open(url)
  t.equal(endpoint.features.ownersCarried, false)
  const image = { ...IMAGE, owner: 'somebody else', properties: new Map([['k', 'v']]) }
  const { image: made, refused } = await endpoint.add(image, dataOf(IMAGE, [DATA]))
  t.match(refused, [{ field: 'visibility', reason: /403/ }])
  t.match(made, {
    hidden: false,
    visibility: 'private',
    owner: 'members',
    properties: new Map([['k', 'v']]),
  })
})

t.test('updating', async t => {
  const wanted = { ...IMAGE, name: 'new', properties: new Map<string, string>() }
  const present = { ...IMAGE, properties: new Map([['old', 'x']]) }

  t.test('a patch that was done and not answered is not taken for refused', async t => {
    let patched = false
    const url = await startListener(t, (request, response) => {
      if (request.method === 'PATCH') {
        if (patched) return sendJson(response, 409, { message: 'old does not exist' })
        patched = true
        return response.destroy()
      }
      sendJson(response, 200, request.url?.includes('tasks') ? {} : document(wanted))
    })
    await using endpoint = await open(url)
    t.match(await endpoint.update(present, wanted), { refused: [] })
  })

  t.test('where nothing at all is taken, it has failed', async t => {
    const url = await startListener(t, (request, response) =>
      sendJson(response, request.method === 'PATCH' ? 403 : 200, { message: 'not yours' }),
    )
    await using endpoint = await open(url)
    await t.rejects(endpoint.update(present, wanted), {
      code: 'forbidden',
      message: /name was refused: .*not yours; old was refused/,
    })
  })
})

t.test('what another run is about to fill is not discarded', async t => {
  const server = await startTestServer(t)
  await using ours = await open(server.url)
  await using theirs = await open(server.url)
  await theirs.add(IMAGE, null)
  await ours.discard(IMAGE.id)
  t.equal((await server.call('GET', `/v2/images/${IMAGE.id}`)).status, 200)
})

t.test('openEndpoint refuses a folder that is not there', async t => {
  const options = { ...OPTIONS, writable: true, chunkSize: 4096 }
  await t.rejects(openEndpoint(`dir:${t.testdir()}/nowhere`, options), { code: 'not_found' })
})

function document(image: Image): Record<string, unknown> {
  return imageToV2(image)
}

/** A service that takes anything and shows the image as told. */
async function service(
  t: Test,
  {
    show,
    onDelete = () => {},
    onBody = () => {},
  }: {
    show: Image
    onDelete?: (path: string) => void
    onBody?: (method: string, body: unknown) => void
  },
): Promise<string> {
  return await startListener(t, (request, response) => {
    void (async () => {
      const body = await collect(request as AsyncIterable<Buffer>)
      if (request.method === 'DELETE') onDelete(request.url ?? '')
      if (request.method === 'POST' || request.method === 'PATCH') {
        onBody(request.method, JSON.parse(body.toString()))
      }
      if (request.method === 'POST') {
        const created = JSON.parse(body.toString()) as Record<string, unknown>
        return sendJson(response, 201, { ...created, status: 'queued' })
      }
      if (request.method === 'PUT' || request.method === 'DELETE')
        return response.writeHead(204).end()
      return sendJson(response, 200, request.url?.includes('tasks') ? {} : document(show))
    })()
  })
}
