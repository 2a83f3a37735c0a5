import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { GlanceV1Endpoint } from '../../lib/endpoint/glance-v1.ts'
import { openEndpoint } from '../../lib/endpoint/open.ts'
import type { Image } from '../../lib/image/image.ts'
import { fixedToken } from '../../lib/keystone/token-source.ts'
import { toV1Headers } from '../../lib/wire/v1-headers.ts'
import { endpointSuite } from '../../lib/compliance/endpoint-suite.ts'
import { bytesOf, collect, dataOf, idOf, imageOf, toArray } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { ADMIN, OWNER, startTestServer } from '../support/server.ts'
import { forwardAs } from '../support/forward.ts'

const OPTIONS = { tokens: fixedToken('sesame'), timeoutMs: 10_000, attempts: 2 }
const DATA = bytesOf(1, 200_000)
const IMAGE = imageOf(1, DATA, { digest: null, visibility: 'shared' })

async function open(url: string, options = {}): Promise<GlanceV1Endpoint> {
  return await GlanceV1Endpoint.open(url, new URL(url), { ...OPTIONS, ...options })
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

t.test('which version is spoken', async t => {
  const versions = (status: number, ...ids: readonly string[]) => ({
    status,
    body: { versions: ids.map(id => ({ id, status: 'CURRENT' })) },
  })
  const options = { ...OPTIONS, chunkSize: 4096, writable: false }
  const old = versions(300, 'v1.1', 'v1.0')
  const both = versions(200, 'v2.3', 'v2.0', 'v1.1', 'v1.0')
  const nothing = { status: 404, body: {} }
  for (const { title, answer, path = '', api, spoken } of [
    { title: 'the only one that is listed', answer: old, spoken: 'v1' },
    { title: 'v2 where both are', answer: both, spoken: 'v2' },
    { title: 'v1 beside the v2.0 of 2012', answer: versions(300, 'v2.0', 'v1.1'), spoken: 'v1' },
    { title: 'v2.0 where there is no other', answer: versions(300, 'v2.0'), spoken: 'v2' },
    { title: 'v2 where none is listed', answer: nothing, spoken: 'v2' },
    { title: 'what is asked for', answer: both, api: 1, spoken: 'v1' },
    { title: 'what the URL says', answer: both, path: '/v1.1/', spoken: 'v1' },
  ] as const) {
    t.test(title, async t => {
      const asked: string[] = []
      const url = await startListener(t, (request, response) => {
        asked.push(request.url ?? '')
        if (request.url === '/versions') return sendJson(response, answer.status, answer.body)
        sendJson(response, 200, { images: [] })
      })
      await using endpoint = await openEndpoint(url + path, { ...options, api })
      t.equal(endpoint.name, url)
      t.ok(asked.at(-1)?.startsWith(`/${spoken}/`), asked.join(' '))
    })
  }
  t.test('v1 where none is listed and v2 is not there', async t => {
    const url = await startListener(t, (request, response) =>
      sendJson(response, request.url?.startsWith('/v1/') ? 200 : 404, { images: [] }),
    )
    await using endpoint = await openEndpoint(url, options)
    t.equal(endpoint.features.repeatable, false)
  })
  for (const { title, answer, path = '', api, error } of [
    {
      title: 'one that is asked for and not there',
      answer: old,
      api: 2,
      error: { code: 'unsupported', message: /not speak the Images API v2: it has v1.1, v1.0$/ },
    },
    {
      title: 'one that the URL says and that is not there',
      answer: nothing,
      path: '/v1',
      error: { code: 'unsupported', message: /not speak the Images API v1: GET .* 404/ },
    },
    {
      title: 'none',
      answer: nothing,
      error: { code: 'unsupported', message: /no Images API, neither v2 nor v1: GET .* 404/ },
    },
    {
      title: 'a later one only',
      answer: versions(200, 'v3.0'),
      error: { code: 'unsupported', message: /neither the Images API v2 nor v1: it has v3.0$/ },
    },
    {
      title: 'another than the URL says',
      answer: both,
      path: '/v1',
      api: 2,
      error: { code: 'usage', message: /the URL is that of v1, and v2 is asked for$/ },
    },
  ] as const) {
    t.test(`${title}, is an error`, async t => {
      const url = await startListener(t, (request, response) =>
        request.url === '/versions'
          ? sendJson(response, answer.status, answer.body)
          : sendJson(response, 404, {}),
      )
      await t.rejects(openEndpoint(url + path, { ...options, api }), error)
    })
  }
  t.test('a directory speaks none', async t => {
    await t.rejects(openEndpoint(`dir:${t.testdir()}`, { ...options, api: 1 }), { code: 'usage' })
  })
})

t.test('listing', async t => {
  const listing = async (t: Test, page: (query: URLSearchParams) => unknown[] | number) =>
    await startListener(t, (request, response) => {
      const answer = page(new URL(request.url ?? '', 'http://x').searchParams)
      if (typeof answer === 'number') return sendJson(response, answer, {})
      sendJson(response, 200, { images: answer })
    })
  const ids = (images: readonly Image[]) => images.map(({ id }) => id)
  const records = (numbers: readonly number[]) => numbers.map(n => recordOf(imageOf(n, DATA)))
  const after = (
    numbers: readonly number[],
    { marker, size }: { marker: string | null; size: number },
  ) => {
    const start = numbers.findIndex(n => idOf(n) === marker) + 1
    return records(numbers.slice(start, start + size))
  }

  t.test('asks with the token for all that there is, page by page until one is empty', async t => {
    const asked: string[] = []
    const url = await startListener(t, (request, response) => {
      asked.push(`${request.headers['x-auth-token'] as string} ${request.url}`)
      const query = new URL(request.url ?? '', 'http://x').searchParams
      const numbers = query.get('sort_dir') === 'desc' ? [3, 2, 1] : [1, 2, 3]
      const images = after(numbers, { marker: query.get('marker'), size: 2 })
      sendJson(response, 200, { images })
    })
    await using endpoint = await open(`${url}/behind/a/proxy`)
    const before = asked.length
    t.same(ids(await toArray(endpoint.list())), [1, 2, 3].map(idOf))
    const all = 'is_public=None&sort_key=id&sort_dir=asc&limit=1000'
    const path = 'sesame /behind/a/proxy/v1/images/detail'
    t.same(asked.slice(before), [
      `${path}?${all}`,
      `${path}?${all}&marker=${idOf(2)}`,
      `${path}?${all}&marker=${idOf(3)}`,
    ])
  })

  t.test('of a server that does not sort is read in its own order', async t => {
    const url = await listing(t, query =>
      after([2, 3, 1], { marker: query.get('marker'), size: 2 }),
    )
    await using endpoint = await open(url)
    t.equal(endpoint.features.ordered, false)
    t.same(ids(await toArray(endpoint.list())), [2, 3, 1].map(idOf))
  })

  t.test('of a server that knows no sorting is asked for without', async t => {
    const url = await listing(t, query =>
      query.has('sort_key') ? 400 : after([2, 1], { marker: query.get('marker'), size: 2 }),
    )
    await using endpoint = await open(url)
    t.same(ids(await toArray(endpoint.list())), [2, 1].map(idOf))
  })

  for (const numbers of [
    [1, 2],
    [2, 1],
  ]) {
    t.test(
      `of a server that takes no note of the marker is found out: ${numbers.join(', ')}`,
      async t => {
        const url = await listing(t, query =>
          records(query.get('sort_dir') === 'desc' && numbers[0] === 1 ? [2, 1] : numbers),
        )
        await using endpoint = await open(url)
        await t.rejects(toArray(endpoint.list()), {
          code: 'corrupt',
          message: /gives the images before it again: the service takes no note of the marker/,
        })
      },
    )
  }

  t.test('begins anew where the image was deleted after which a page begins', async t => {
    for (const sorted of [true, false]) {
      let deleted = false
      const url = await listing(t, query => {
        const marker = query.get('marker')
        if (marker === idOf(2) && !deleted) {
          deleted = true
          return 400
        }
        const order = sorted ? [1, 2, 3, 4] : [3, 2, 4, 1]
        const there = order.filter(n => !(deleted && n === 2))
        const turned = query.get('sort_dir') === 'desc' && sorted ? there.toReversed() : there
        return after(turned, { marker, size: 2 })
      })
      await using endpoint = await open(url)
      const listed = ids(await toArray(endpoint.list()))
      t.same(listed, (sorted ? [1, 2, 3, 4] : [3, 2, 4, 1]).map(idOf))
    }
  })

  t.test('is found out when it refuses to go on after an image that it lists', async t => {
    const url = await listing(t, query => {
      const marker = query.get('marker')
      if (marker === idOf(4)) return 400
      const order = query.get('sort_dir') === 'desc' ? [6, 5, 4, 3, 2, 1] : [1, 2, 3, 4, 5, 6]
      return after(order, { marker, size: 2 })
    })
    await using endpoint = await open(url)
    await t.rejects(toArray(endpoint.list()), {
      code: 'corrupt',
      message: /the listing has image .*4, and does not go on after it: GET .* 400/,
    })
  })

  t.test('ends where its last image was deleted meanwhile', async t => {
    let deleted = false
    const url = await listing(t, query => {
      const marker = query.get('marker')
      deleted ||= marker === idOf(2)
      if (marker === idOf(2)) return 400
      const there = query.get('sort_dir') === 'desc' ? [2, 1] : [1, 2]
      return after(deleted ? [1] : there, { marker, size: 2 })
    })
    await using endpoint = await open(url)
    t.same(ids(await toArray(endpoint.list())), [1, 2].map(idOf))
  })

  t.test('passes over what was killed or deleted', async t => {
    const states = ['active', 'killed', 'deleted', 'queued', 'pending_delete'] as const
    const images = states.map((status, i) => recordOf(imageOf(i + 1, DATA, { status })))
    const url = await listing(t, query => (query.has('marker') ? [] : images))
    await using endpoint = await open(url)
    t.same(ids(await toArray(endpoint.list())), [1, 4].map(idOf))
  })

  t.test('tells of an image that cannot be understood, and lists the others', async t => {
    const bad = { ...recordOf(IMAGE), size: 'large' }
    const url = await listing(t, query => (query.has('marker') ? [] : [bad, ...records([2])]))
    await using endpoint = await open(url)
    const unreadable: string[] = []
    const listed = await toArray(endpoint.list({ onUnreadable: id => unreadable.push(id) }))
    t.same(ids(listed), [idOf(2)])
    t.same(unreadable, [idOf(1)])
  })

  t.test('that is none is told', async t => {
    const url = await startListener(t, (_, response) => sendJson(response, 200, { servers: [] }))
    await t.rejects(open(url), { code: 'unsupported', message: /no Images API v1/ })
  })

  t.test('takes a size of 0 without a checksum for one that is not known', async t => {
    const record = { ...recordOf(IMAGE), size: 0, checksum: null }
    const url = await startListener(t, (request, response) => {
      if (request.url === `/v1/images/${IMAGE.id}`) return void response.end(DATA)
      const images = request.url?.includes('marker') ? [] : [record]
      sendJson(response, 200, { images })
    })
    await using endpoint = await open(url)
    const [image = IMAGE] = await toArray(endpoint.list())
    t.match(image, { status: 'active', size: null })
    t.ok(DATA.equals(await collect(await (await endpoint.data(image)).open())))
  })
})

t.test('who we are', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const body = { disk_format: 'raw', container_format: 'bare', visibility: 'public' }
  const as = (caller: Readonly<Record<string, string>>) =>
    startListener(t, (request, response) => void forwardAs(caller, server.url, request, response))

  t.test('cannot be told where nothing is public, and counts as an administrator', async t => {
    t.equal((await open(await as(OWNER))).features.ownersCarried, true)
    t.equal((await open(await as(ADMIN))).features.ownersCarried, true)
  })

  t.test('is told by what is listed as not public', async t => {
    await server.upload(await server.create(body, ADMIN), 'abc', ADMIN)
    t.equal((await open(await as(OWNER))).features.ownersCarried, false)
    t.equal((await open(await as(ADMIN))).features.ownersCarried, true)
  })

  t.test('decides what is taken, and the rest is refused field by field', async t => {
    await using endpoint = await open(await as(OWNER))
    const image = { ...IMAGE, owner: 'another', visibility: 'public', minRam: 3 } as const
    const { image: made, refused } = await endpoint.add(image, dataOf(image, [DATA]))
    t.match(refused, [{ field: 'visibility', reason: /403/ }])
    t.match(made, { visibility: 'shared', owner: 'owner', minRam: 3 })
  })
})

t.test('that we are no administrator shows by the first owner who is not taken', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const url = await startListener(
    t,
    (request, response) => void forwardAs(OWNER, server.url, request, response),
  )
  const image = { ...IMAGE, owner: 'another', properties: new Map([['k', 'v']]) }
  t.test('of a new image', async t => {
    await using endpoint = await open(url)
    t.equal(endpoint.features.ownersCarried, true)
    const { image: made, refused } = await endpoint.add(image, dataOf(image, [DATA]))
    t.same(refused, [])
    t.match(made, { owner: 'owner', properties: new Map([['k', 'v']]) })
    t.equal(endpoint.features.ownersCarried, false)
  })
  t.test('of an image that is changed', async t => {
    await using endpoint = await open(url)
    const [present = image] = await toArray(endpoint.list())
    const { image: made, refused } = await endpoint.update(present, { ...image, minRam: 3 })
    t.same(refused, [])
    t.match(made, { owner: 'owner', minRam: 3 })
    t.equal(endpoint.features.ownersCarried, false)
  })
})

t.test('metadata of tens of KiB comes and goes in headers', async t => {
  await using endpoint = await open((await startTestServer(t)).url)
  const long = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => [name, name.repeat(7900)] as const)
  const image = { ...IMAGE, properties: new Map(long) }
  const { image: made, refused } = await endpoint.add(image, dataOf(image, [DATA]))
  t.same(refused, [])
  t.same(made.properties, image.properties)
  t.ok(DATA.equals(await collect(await (await endpoint.data(made)).open())))
})

t.test('headers of a server that capitalises them are understood', async t => {
  const { shown } = await queue(t)
  t.match(shown, { status: 'queued' })
})

t.test('an upload that the target breaks off', async t => {
  for (const { title, status, left, error } of [
    {
      title: 'and kills the image for, is not worth another attempt',
      status: 400,
      left: 'killed',
      error: { code: 'gone', message: /400 no space; .* has killed the image, .* purged/ },
    },
    {
      title: 'and keeps the image queued, is as it says',
      status: 413,
      left: 'queued',
      error: { code: 'over_limit', message: /413 no space$/ },
    },
  ]) {
    t.test(title, async t => {
      const { url } = await queue(t, (request, response) => {
        request.resume()
        sendJson(response, status, { message: 'no space' })
        return left
      })
      await using endpoint = await open(url)
      await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, [DATA])), error)
    })
  }
})

t.test('a record that was killed is deleted by whoever made it', async t => {
  const server = await startTestServer(t)
  await using endpoint = await open(server.url)
  async function* short() {
    yield DATA.subarray(1)
  }
  await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, short())), { code: 'gone' })
  const { headers } = await server.call('HEAD', `/v1/images/${IMAGE.id}`)
  t.equal(headers.get('x-image-meta-status'), 'killed')
  await endpoint.discard(IMAGE.id)
  t.equal((await server.call('GET', `/v2/images/${IMAGE.id}`)).status, 404)
})

t.test('wrong data is removed from the target with its image', async t => {
  const { url, deleted } = await queue(t, (request, response) => {
    request.resume()
    request.on('end', () => sendJson(response, 200, { image: recordOf(IMAGE) }))
    return 'active'
  })
  await using endpoint = await open(url)
  const other = { ...IMAGE, checksum: 'f'.repeat(32) }
  await t.rejects(endpoint.add(other, dataOf(other, [DATA])), {
    code: 'corrupt',
    message: /another MD5; the copy was removed/,
  })
  t.same(deleted, [`/v1/images/${IMAGE.id}`])
})

t.test('an id that was deleted there is told as that', async t => {
  const server = await startTestServer(t)
  await using endpoint = await open(server.url)
  await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
  await server.call('DELETE', `/v1/images/${IMAGE.id}`)
  await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, [DATA])), {
    code: 'duplicate',
    message: /deleted/,
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

function recordOf(image: Image): Record<string, unknown> {
  const { id, name, status, size, checksum } = image
  return {
    id,
    name,
    status,
    size,
    checksum,
    is_public: image.visibility === 'public',
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    properties: Object.fromEntries(image.properties),
  }
}

/** A service, with the header names of real ones, that has one record and whose fate an upload decides. */
async function queue(
  t: Test,
  upload: (request: IncomingMessage, response: ServerResponse) => string = () => 'queued',
): Promise<{ url: string; deleted: string[]; shown: Image }> {
  let status = 'queued'
  const deleted: string[] = []
  const url = await startListener(t, (request, response) => {
    const { method, url: path = '' } = request
    const record = { ...recordOf(IMAGE), status }
    if (method === 'PUT' && request.headers['content-length'] !== '0') {
      status = upload(request, response)
    } else if (method === 'HEAD') {
      const { properties: _, ...attributes }: Record<string, unknown> = record
      const headers = toV1Headers(Object.entries(attributes) as [string, string][], new Map()) // Text will do.
      for (const [name, value] of Object.entries(headers)) {
        response.setHeader(
          name.replaceAll(/\b[a-z]/g, letter => letter.toUpperCase()),
          value,
        )
      }
      response.end()
    } else if (method === 'GET') {
      sendJson(response, 200, { images: [] })
    } else {
      if (method === 'DELETE') deleted.push(path)
      sendJson(response, 200, { image: record })
    }
  })
  await using endpoint = await open(url)
  const { image: shown } = await endpoint.add(IMAGE, null)
  return { url, deleted, shown }
}
