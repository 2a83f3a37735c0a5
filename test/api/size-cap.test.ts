import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { IMPORT_METHODS } from '../../lib/image/import.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { filesIn } from '../support/files.ts'
import { startListener } from '../support/listener.ts'
import { ADMIN, type Answer, OWNER, startTestServer, type TestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const CAP = 100_000
/** Images that are filled without a task that tells of it. */
const COPYING = new Set<string>()
const OCTETS = { 'content-type': 'application/octet-stream' }
const JSON_PATCH = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
const V1_RAW = { 'x-image-meta-disk_format': 'raw', 'x-image-meta-container_format': 'bare' }

/** Where the data is that is not sent, `?chunked` without its size, and what a client says so to. */
interface Elsewhere {
  readonly url: string
  readonly catalog: string
}

/** One way in: what the client is told of data that is too much, and what the image is afterwards. */
interface Way {
  readonly title: string
  readonly refusal: number
  readonly afterwards: 'absent' | 'queued' | 'killed'
  send(server: TestServer, id: string, data: Buffer, elsewhere: Elsewhere): Promise<number>
}

/** Sends a body with its size, or in chunks without. */
async function sendBody(
  server: TestServer,
  method: string,
  path: string,
  data: Buffer,
  { isChunked, headers = {} }: { isChunked: boolean; headers?: Record<string, string> },
): Promise<number> {
  const length = isChunked ? {} : { 'content-length': String(data.length) }
  const sent = request(server.url + path, {
    method,
    agent: false,
    headers: { ...OWNER, ...OCTETS, ...length, ...headers },
  })
  sent.on('error', () => {}) // An answer may come before all is sent.
  for (let at = 0; at < data.length; at += 30_000) sent.write(data.subarray(at, at + 30_000))
  sent.end()
  const [answer] = (await once(sent, 'response')) as [
    NodeJS.ReadableStream & { statusCode?: number },
  ] // As documented.
  answer.resume()
  return answer.statusCode ?? 0
}

const create = (server: TestServer, id: string) =>
  server.create({ id, disk_format: 'raw', container_format: 'bare' })

const importing = async (
  server: TestServer,
  id: string,
  method: object,
  catalog = '[]',
): Promise<number> => {
  const { status } = await server.call('POST', `/v2/images/${id}/import`, {
    as: OWNER,
    headers: { 'x-auth-token': 'token', 'x-service-catalog': catalog },
    body: { method },
  })
  return status
}

const v1 = async (server: TestServer, id: string, headers: Record<string, string>) =>
  (
    await server.call('POST', '/v1/images', {
      as: OWNER,
      headers: { ...V1_RAW, 'x-image-meta-id': id, ...headers },
    })
  ).status

const sized = (isChunked: boolean) => (isChunked ? 'in chunks' : 'of declared size')

const WAYS: readonly Way[] = [
  ...[false, true].flatMap((isChunked): Way[] => [
    {
      title: `v2 PUT file ${sized(isChunked)}`,
      refusal: 413,
      afterwards: 'queued',
      send: async (server, id, data) => {
        await create(server, id)
        return sendBody(server, 'PUT', `/v2/images/${id}/file`, data, { isChunked })
      },
    },
    {
      title: `v2 stage ${sized(isChunked)}, and import by glance-direct`,
      refusal: 413,
      afterwards: 'queued',
      send: async (server, id, data) => {
        await create(server, id)
        const path = `/v2/images/${id}/stage`
        const status = await sendBody(server, 'PUT', path, data, { isChunked })
        return status === 204 ? importing(server, id, { name: 'glance-direct' }) : status
      },
    },
    {
      title: `v1 POST ${sized(isChunked)}`,
      // As Glance: what says beforehand that it is too much is a bad request.
      refusal: isChunked ? 413 : 400,
      afterwards: isChunked ? 'killed' : 'absent',
      send: (server, id, data) => {
        const headers = { ...V1_RAW, 'x-image-meta-id': id }
        return sendBody(server, 'POST', '/v1/images', data, { isChunked, headers })
      },
    },
    {
      title: `v1 PUT ${sized(isChunked)}`,
      refusal: isChunked ? 413 : 400,
      afterwards: isChunked ? 'killed' : 'queued',
      send: async (server, id, data) => {
        await create(server, id)
        return sendBody(server, 'PUT', `/v1/images/${id}`, data, { isChunked })
      },
    },
    {
      title: `v1 copy_from ${sized(isChunked)}`,
      refusal: isChunked ? 201 : 413,
      afterwards: isChunked ? 'killed' : 'absent',
      send: (server, id, _data, { url }) =>
        v1(server, id, { 'x-glance-api-copy-from': isChunked ? `${url}?chunked` : url }),
    },
    {
      title: `import by web-download ${sized(isChunked)}`,
      refusal: 202,
      afterwards: 'queued',
      send: async (server, id, _data, { url }) => {
        await create(server, id)
        const uri = isChunked ? `${url}?chunked` : url
        return importing(server, id, { name: 'web-download', uri })
      },
    },
  ]),
  {
    title: 'import by glance-download',
    refusal: 202,
    afterwards: 'queued',
    send: async (server, id, _data, { catalog }) => {
      await create(server, id)
      const method = { name: 'glance-download', glance_region: 'North', glance_image_id: REMOTE }
      return importing(server, id, method, catalog)
    },
  },
  {
    title: 'v1 location',
    refusal: 413,
    afterwards: 'absent',
    send: (server, id, _data, { url }) => v1(server, id, { 'x-image-meta-location': url }),
  },
  {
    title: 'v2 location by PATCH',
    refusal: 413,
    afterwards: 'queued',
    send: async (server, id, _data, { url }) => {
      await create(server, id)
      const body = [{ op: 'add', path: '/locations/-', value: { url, metadata: {} } }]
      const asked = { as: OWNER, headers: JSON_PATCH, body }
      return (await server.call('PATCH', `/v2/images/${id}`, asked)).status
    },
  },
  {
    title: 'v2 location by POST',
    refusal: 202,
    afterwards: 'queued',
    send: async (server, id, _data, { url }) => {
      await create(server, id)
      const asked = { as: OWNER, body: { url } }
      return (await server.call('POST', `/v2/images/${id}/locations`, asked)).status
    },
  },
]

const REMOTE = '4d1a6c1e-0000-4000-8000-00000000000d'

const settings = (folder: string) =>
  ({
    auth: 'trusted_headers',
    showMultipleLocations: true,
    imports: {
      ...DEFAULT_IMPORTS,
      methods: IMPORT_METHODS,
      filter: { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] },
    },
    dataDir: folder,
    stagingDir: join(folder, 'staging'),
    enabledBackends: [
      { id: 'one', type: 'file', datadir: join(folder, 'one') },
      { id: 'two', type: 'file', datadir: join(folder, 'two') },
      { id: 'web', type: 'http' },
    ],
    defaultBackend: 'one',
  }) as const

/** Data to be fetched: plain, and as the image of another region. */
async function serve(t: Test, data: Buffer): Promise<Elsewhere> {
  const base = await startListener(t, ({ url = '', method }, response) => {
    if (url === `/v2/images/${REMOTE}`) {
      const document = { status: 'active', disk_format: 'raw', container_format: 'bare' }
      return void response.end(JSON.stringify({ id: REMOTE, size: data.length, ...document }))
    }
    if (!url.endsWith('?chunked')) response.setHeader('content-length', data.length)
    else response.flushHeaders()
    response.end(method === 'HEAD' ? '' : data)
  })
  const endpoints = [{ region: 'North', publicURL: base }]
  return { url: `${base}/image`, catalog: JSON.stringify([{ type: 'image', endpoints }]) }
}

/** The image once nobody is at work on it any more. */
async function atRest(server: TestServer, id: string): Promise<Answer['json']> {
  for (;;) {
    const { json: listed } = await server.call('GET', `/v2/images/${id}/tasks`, { as: ADMIN })
    const tasks = [listed['tasks'] ?? []].flat() as { status?: string }[] // A list, as documented.
    const isOver = tasks.every(task => task.status === 'success' || task.status === 'failure')
    const { status, json } = await server.call('GET', `/v2/images/${id}`, { as: OWNER })
    if (status === 404) return { status: 'absent' }
    const isWaiting = json['status'] === 'queued' && COPYING.has(id)
    if (isOver && json['status'] !== 'saving' && !isWaiting) return json
    await soon()
  }
}

t.test('LP 1038994: image_size_cap holds for every way in', async t => {
  const folder = t.testdir()
  const server = await startTestServer(t, { ...settings(folder), imageSizeCap: CAP })
  const whole = Buffer.alloc(CAP, 'w')
  const over = Buffer.alloc(CAP + 1, 'o')
  const stored = { whole: await serve(t, whole), over: await serve(t, over) }
  const files = () => ['one', 'two', 'staging'].flatMap(name => filesIn(join(folder, name)))

  for (const { title, refusal, afterwards, send } of WAYS) {
    t.test(`${title}: exactly the cap is taken`, async t => {
      const id = randomUUID()
      if (title.includes('copy_from')) COPYING.add(id)
      const status = await send(server, id, whole, stored.whole)
      t.ok(status < 300, `${status}`)
      t.match(await atRest(server, id), { status: 'active', size: CAP })
      t.equal((await server.call('GET', `/v2/images/${id}/file`, { as: OWNER })).text.length, CAP)
      t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
    })

    t.test(`${title}: a byte more is refused, and nothing of it is left`, async t => {
      const id = randomUUID()
      if (title.includes('copy_from')) COPYING.add(id)
      t.equal(await send(server, id, over, stored.over), refusal)
      const image = await atRest(server, id)
      t.equal(image['status'], afterwards)
      t.strictSame(image['locations'] ?? [], [])
      t.strictSame(files(), [])
    })
  }
})

t.test('an image from before image_size_cap was lowered', async t => {
  const folder = t.testdir()
  const database = { dataApi: 'sqlite' } as const
  const id = randomUUID()
  const before = await startTestServer(t, { ...settings(folder), ...database })
  await create(before, id)
  t.equal((await before.upload(id, 'x'.repeat(CAP + 1))).status, 204)
  await before[Symbol.asyncDispose]()

  const server = await startTestServer(t, { ...settings(folder), ...database, imageSizeCap: CAP })
  const body = { method: { name: 'copy-image' }, stores: ['two'] }
  const path = `/v2/images/${id}`
  t.equal((await server.call('POST', `${path}/import`, { as: ADMIN, body })).status, 202)
  t.match(await atRest(server, id), {
    status: 'active',
    stores: 'one',
    os_glance_failed_import: 'two',
  })
  t.strictSame(filesIn(join(folder, 'two')), [], 'is copied nowhere')
  t.equal(
    (await server.call('GET', `${path}/file`, { as: OWNER })).text.length,
    CAP + 1,
    'and kept',
  )
})
