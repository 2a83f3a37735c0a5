import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import type { Task } from '../../lib/image/task.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { serveFiles } from '../support/files.ts'
import { ADMIN, type Answer, MEMBER, OWNER, startTestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const idsIn = ({ json }: Answer) => (json['tasks'] as { readonly id: string }[]).map(({ id }) => id)

t.test('the old API of tasks, opened to everybody by the policy', async t => {
  const folder = t.testdir({ 'policy.yaml': 'tasks_api_access: ""' })
  const policyFile = join(folder, 'policy.yaml')
  const server = await startTestServer(t, { auth: 'trusted_headers', policyFile })
  const post = async (as = OWNER) => {
    const body = { type: 'api_image_import', input: { uri: 'http://user:secret@a.example/' } }
    return String((await server.call('POST', '/v2/tasks', { as, body })).json['id'])
  }
  const get = (path: string, as = OWNER) => server.call('GET', `/v2/tasks${path}`, { as })
  const mine = await post()
  const others = await post(MEMBER)

  t.test('lists to each project its own tasks, and all to administrators', async t => {
    t.same(idsIn(await get('')), [mine])
    t.same(idsIn(await get('', MEMBER)), [others])
    t.same(idsIn(await get('?sort_key=owner', ADMIN)), [mine, others])
    t.same(idsIn(await get('', { ...OWNER, 'x-project-id': '' })), [])
  })

  t.test('shows no task of another project', async t => {
    t.equal((await get(`/${mine}`)).status, 200)
    const { status, text } = await get(`/${others}`)
    t.equal(status, 403)
    t.notMatch(text, 'secret')
    t.equal((await get(`/${others}`, ADMIN)).status, 200)
  })

  t.test('goes on after no task of another project, and after none without an id', async t => {
    t.same(idsIn(await get(`?marker=${mine}`)), [])
    t.equal((await get(`?marker=${others}`)).status, 403)
    t.equal((await get('?marker=')).status, 400)
    t.equal((await get(`?marker=${randomUUID()}`)).status, 400)
  })
})

t.test(
  'of a request id that is longer than a database has room for, the task has the beginning',
  async t => {
    const server = await startTestServer(t, { maxRequestIdLength: 0 })
    const headers = { 'x-openstack-request-id': `req-${'a'.repeat(300)}` }
    const body = { type: 'api_image_import', input: {} }
    const made = await server.call('POST', '/v2/tasks', { headers, body })
    t.match(made, { status: 201, json: { request_id: `req-${'a'.repeat(251)}` } }, made.text)
    t.equal(made.headers.get('x-openstack-request-id'), headers['x-openstack-request-id'])
  },
)

t.test('an image of the old API is held to the formats that are configured', async t => {
  const base = await serveFiles(t, { '/image': 'data' })
  const filter = { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] }
  const imports = { ...DEFAULT_IMPORTS, filter }
  const server = await startTestServer(t, { imports, diskFormats: ['special'] })
  const run = async (format: string) => {
    const input = {
      import_from: `${base}/image`,
      import_from_format: format,
      image_properties: { disk_format: format, container_format: 'bare' },
    }
    const { json } = await server.call('POST', '/v2/tasks', { body: { type: 'import', input } })
    for (;;) {
      const task = await server.call('GET', String(json['self']))
      if (/success|failure/.test(String(task.json['status']))) return task.json
      await soon()
    }
  }
  t.match(await run('special'), { status: 'success' })
  t.match(await run('raw'), { status: 'failure', message: /disk_format/ })
})

t.test('the tasks of an image', async t => {
  const dataDir = t.testdir()
  const settings = { dataApi: 'sqlite', dataDir } as const
  const first = await startTestServer(t, settings)
  const imageId = await first.create()
  await first[Symbol.asyncDispose]()
  const connection = `sqlite:///${join(dataDir, 'glance.sqlite')}`
  const taskOf = (expiresAt: Date | null): Task => ({
    id: randomUUID(),
    type: 'api_image_import',
    status: expiresAt === null ? 'pending' : 'failure',
    owner: null,
    imageId,
    requestId: null,
    userId: null,
    input: {},
    result: null,
    message: '',
    createdAt: new Date(expiresAt ?? Date.now()),
    updatedAt: new Date(),
    expiresAt,
  })
  const expired = Array.from({ length: 1000 }, () => taskOf(new Date('2020-01-01')))
  const current = Array.from({ length: 1001 }, () => taskOf(null))
  {
    await using database = await openDatabase({ dataApi: 'sqlite', connection })
    await database.transaction(async ({ tasks }) => {
      for (const task of [...expired, ...current]) await tasks.insert(task)
    })
  }

  t.test('are all there, however many there were before them', async t => {
    const server = await startTestServer(t, settings)
    const answer = await server.call('GET', `/v2/images/${imageId}/tasks`)
    t.same(new Set(idsIn(answer)), new Set(current.map(({ id }) => id)))
    await server[Symbol.asyncDispose]()
  })

  t.test('are forgotten when they have expired, whoever looks', async t => {
    await using database = await openDatabase({ dataApi: 'sqlite', connection })
    t.equal(await database.tasks.find(expired[0]?.id ?? ''), undefined)
    t.ok(await database.tasks.find(current[0]?.id ?? ''))
  })
})
