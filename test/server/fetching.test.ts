import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { whileBeating } from '../../lib/server/import/heartbeat.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { startServer } from '../../lib/server/start.ts'
import { dial, dialUpload, untilStatus } from '../support/connection.ts'
import { startListener } from '../support/listener.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const SETTINGS = {
  imports: {
    ...DEFAULT_IMPORTS,
    filter: { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] },
  },
  showMultipleLocations: true,
  enabledBackends: [
    { id: 'main', type: 'memory' },
    { id: 'web', type: 'http' },
  ],
  defaultBackend: 'main',
} as const

/** Bytes: more than what connections hold on their way. */
const SIZE = 64 * 1024 * 1024

async function importFrom(server: TestServer, uri: string): Promise<string> {
  const id = await server.create()
  const body = { method: { name: 'web-download', uri } }
  t.equal((await server.call('POST', `/v2/images/${id}/import`, { body })).status, 202)
  return id
}

/** The task of the image, once it has ended. */
async function ended(server: TestServer, id: string) {
  for (;;) {
    const { json } = await server.call('GET', `/v2/images/${id}/tasks`)
    const [task] = json['tasks'] as Readonly<Record<string, unknown>>[]
    if (task?.['status'] === 'success' || task?.['status'] === 'failure') return task
    await soon()
  }
}

t.test('a server that breaks off in the middle of the data', async t => {
  const base = await startListener(t, ({ method }, response) => {
    response.writeHead(200, { 'content-length': '20' })
    if (method === 'HEAD') response.end()
    else response.write('data', () => response.destroy())
  })
  // Nobody is told of it as of an error that was not foreseen.
  const server = await startTestServer(t, SETTINGS)

  t.test('fails an import, whose task names the connection', async t => {
    const id = await importFrom(server, `${base}/image`)
    t.match(await ended(server, id), { status: 'failure', message: /connection reset/ })
    t.match(await server.show(id), { status: 'queued', size: null })
  })

  t.test('breaks a download off', async t => {
    const id = await server.create()
    const location = { url: `${base}/image`, metadata: {} }
    const added = await server.patch(id, [{ op: 'add', path: '/locations/-', value: location }])
    t.equal(added.status, 200)
    await t.rejects(server.call('GET', `/v2/images/${id}/file`))
  })
})

t.test('one patch looks at no more URLs than an image may have', async t => {
  const asked: string[] = []
  const base = await startListener(t, ({ method, url = '' }, response) => {
    asked.push(url)
    response.writeHead(200, { 'content-length': '4' }).end(method === 'HEAD' ? '' : 'data')
  })
  const server = await startTestServer(t, SETTINGS)
  const add = (n: number) => {
    const value = { url: `${base}/${n}`, metadata: {} }
    return { op: 'add', path: '/locations/-', value }
  }
  const remove = { op: 'remove', path: '/locations/1' }
  const id = await server.create()
  t.equal((await server.patch(id, [add(0)])).status, 200)
  asked.length = 0

  const many = Array.from({ length: 500 }, (_, n) => [add(n + 1), remove]).flat()
  const refused = await server.patch(id, many)
  t.equal(refused.status, 413)
  t.same(asked, [])
  t.equal((await server.patch(id, [add(1), remove, add(2), remove, add(3)])).status, 200)
})

t.test('an image that is deleted stops its download', async t => {
  const started: ServerResponse[] = []
  const base = await startListener(t, (_request, response) => {
    started.push(response)
    const goOn = () => response.write('data') && setImmediate(goOn)
    goOn()
    response.on('drain', goOn)
  })
  let skipped = 0
  let isDeleted = false
  // From then on a minute passes whenever somebody looks at the clock.
  const now = () => new Date(Date.now() + (skipped += isDeleted ? 60_000 : 0))
  const settings = { ...SETTINGS, bindPort: 0, dataApi: 'simple', store: 'memory' } as const
  await using server = await startServer(settings, { now })
  const call = (method: string, path: string, body: unknown) =>
    fetch(`${server.url}/v2/images${path}`, { method, body: body ? JSON.stringify(body) : null })
  const image = await call('POST', '', { disk_format: 'raw', container_format: 'bare' })
  const { id } = (await image.json()) as { readonly id: string }
  await call('POST', `/${id}/import`, { method: { name: 'web-download', uri: `${base}/image` } })
  while (started.length === 0) await soon()
  const closed = Promise.all(started.map(response => once(response, 'close')))
  t.equal((await call('DELETE', `/${id}`, null)).status, 204)
  isDeleted = true
  t.equal((await closed).length, 1)
})

t.test('a client that falls silent', async t => {
  let answered: ServerResponse | undefined
  const base = await startListener(t, ({ method }, response) => {
    response.writeHead(200, { 'content-length': SIZE })
    if (method === 'HEAD') response.end()
    else (answered = response).end(Buffer.alloc(SIZE))
  })
  const server = await startTestServer(t, { ...SETTINGS, clientSocketTimeoutMs: 100 })

  t.test('in the middle of its data is cut off, and the image is queued', async () => {
    const id = await server.create()
    const socket = await dialUpload(server, id, 'Transfer-Encoding: chunked')
    socket.write('3\r\nabc\r\n')
    await untilStatus(server, id, 'saving')
    await once(socket.resume(), 'close')
    await untilStatus(server, id, 'queued')
  })

  t.test('and takes no more of what it asked for is cut off', async t => {
    const id = await server.create()
    const location = { url: `${base}/image`, metadata: {} }
    await server.patch(id, [{ op: 'add', path: '/locations/-', value: location }])
    const socket = await dial(server, `GET /v2/images/${id}/file HTTP/1.1`)
    await once(socket, 'readable')
    // That goes for where the data came from, too.
    if (answered !== undefined) await once(answered, 'close')
    t.ok(socket.bytesRead < SIZE)
    socket.destroy()
  })
})

t.test('what takes long', async t => {
  const { signal } = new AbortController()

  t.test('is accompanied by beats', async t => {
    let beats = 0
    let enough = () => {}
    const work = () => new Promise<string>(resolve => (enough = () => resolve('done')))
    const beat = async () => {
      beats += 1
      if (beats === 3) enough()
    }
    t.equal(await whileBeating(work, beat, { signal, ms: 1 }), 'done')
    t.equal(beats, 3)
  })

  t.test('is told when a beat fails', async t => {
    const gone = new Error('gone')
    const work = async (stop: AbortSignal) => {
      await once(stop, 'abort')
      stop.throwIfAborted()
    }
    await t.rejects(
      whileBeating(work, async () => Promise.reject(gone), { signal, ms: 1 }),
      gone,
    )
  })
})
