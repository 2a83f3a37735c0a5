import t from 'tap'
import { DEFAULT_FILTER } from '../lib/http/uri-filter.ts'
import { DEFAULT_IMPORTS } from '../lib/server/import-settings.ts'
import { startListener } from './support/listener.ts'
import { startTestServer, type TestServer } from './support/server.ts'

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
    await new Promise(setImmediate)
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
