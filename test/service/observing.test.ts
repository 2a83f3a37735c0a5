import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from 'node:net'
import t from 'tap'
import { startServer } from '../../lib/server/start.ts'
import type { Exchange } from '../../lib/server/http/exchange.ts'
import { runProgram } from '../support/command.ts'
import { startTestServer, OWNER } from '../support/server.ts'
import { startService, type TestService } from '../support/service.ts'
import { CLOSING, create, put } from '../support/service-requests.ts'
import { soon } from '../support/soon.ts'

/** A port that nobody has, or had a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

async function scrape(port: number): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
}

/** The sum of a family's values of which the labels match. */
function valueOf(text: string, series: RegExp): number {
  const lines = text.split('\n').filter(line => series.test(line))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

t.test('/metrics adds up what all workers did', async t => {
  const port = await freePort()
  const service = await startService(t, ['workers = 2', `metrics_bind_port = ${port}`])
  const id = await create(service)
  await put(service, id, 'some data')
  for (let i = 0; i < 4; i += 1) await download(service, id)
  const text = await scrape(port)

  t.equal(valueOf(text, /^glance_api_workers /), 2)
  const file = 'route="/v2/images/:id/file"'
  t.equal(valueOf(text, new RegExp(`requests_total.method="GET",${file},status="200". `)), 4)
  t.equal(valueOf(text, new RegExp(`requests_total.method="PUT",${file},status="204". `)), 1)
  t.ok(valueOf(text, /^glance_api_received_bytes_total /) > 9)
  t.ok(valueOf(text, /^glance_api_sent_bytes_total /) > 36)
  t.equal(valueOf(text, /^glance_api_uploads_in_flight /), 0)
  t.equal(valueOf(text, /^glance_api_downloads_in_flight /), 0)
  t.equal(valueOf(text, /^glance_api_store_seconds_count\{store="file",operation="open"\} /), 4)
  t.ok(valueOf(text, /^glance_api_database_seconds_count\{operation="transaction"\} /) > 0)
  t.notMatch(text, id, 'no label is of a client’s choosing')

  await t.test('in the format of Prometheus', async t => {
    for (const line of text.trimEnd().split('\n')) {
      t.match(
        line,
        /^(?:# HELP \w+ .*|# TYPE \w+ (?:counter|gauge|histogram)|\w+(?:\{(?:\w+="[^"]*",?)+\})? [\d.e+-]+)$/,
      )
    }
    t.match(await fetch(`http://127.0.0.1:${port}/metrics`), { status: 200 })
    t.match(await fetch(`http://127.0.0.1:${port}/v2/images`), { status: 404 })
    t.match(
      await fetch(`${service.url}/metrics`, { headers: CLOSING }),
      { status: 300 },
      'not there',
    )
  })

  await t.test('also what workers did that have left, at no time twice', async t => {
    const told = new Set<number>()
    for (let times = 1; times <= 2; times += 1) {
      service.kill('SIGHUP')
      await service.until(/the configuration was read anew/, times)
      let later = ''
      do {
        later = await scrape(port)
        told.add(valueOf(later, new RegExp(`requests_total.method="GET",${file},status="200". `)))
      } while (valueOf(later, /^glance_api_workers /) > 2)
    }
    t.same([...told], [4])
  })

  await t.test('and how often one was replaced', async t => {
    const [victim = 0] = service.workers()
    process.kill(victim, 'SIGKILL')
    while (valueOf(await scrape(port), /^glance_api_worker_restarts_total /) < 1) await soon()
    t.pass()
  })
})

t.test('one process has metrics as well, of its cache too', async t => {
  const port = await freePort()
  const folder = t.testdir()
  const server = await startTestServer(t, { metricsBindPort: port, imageCacheDir: folder })
  const id = await server.create()
  await server.upload(id, 'some data')
  let text = ''
  // The copy is there a moment after the first download.
  while (valueOf(text, /^glance_api_cache_requests_total\{result="hit"\} /) === 0) {
    await server.call('GET', `/v2/images/${id}/file`)
    text = await scrape(port)
  }
  t.ok(valueOf(text, /^glance_api_cache_requests_total\{result="miss"\} /) > 0)
})

t.test('an address for metrics that is taken is refused', async t => {
  const server = await startTestServer(t)
  const settings = { bindPort: 0, dataApi: 'simple', store: 'memory' } as const
  await t.rejects(startServer({ ...settings, metricsBindPort: server.port }), {
    code: 'unavailable',
    message: /cannot listen at .*EADDRINUSE/,
  })
  const folder = t.testdir()
  const lines = ['bind_port = 0', 'workers = 1', `metrics_bind_port = ${server.port}`]
  writeFileSync(join(folder, 'glance.conf'), lines.join('\n'))
  const words = ['--config', join(folder, 'glance.conf'), '--data-dir', join(folder, 'data')]
  t.match(
    await runProgram(['serve', ...words]),
    { status: 3, stderr: /cannot listen at .*EADDRINUSE/ },
    'and no worker is left',
  )
})

t.test('each request is told of', async t => {
  const exchanges: Exchange[] = []
  const onExchange = (exchange: Exchange) => exchanges.push(exchange)
  const server = await startServer(
    { bindPort: 0, dataApi: 'simple', store: 'memory', auth: 'trusted_headers' },
    { onExchange },
  )
  t.teardown(() => server[Symbol.asyncDispose]())
  const headers = { ...OWNER, 'x-openstack-request-id': 'req-mine' }
  const answer = await fetch(`${server.url}/v2/images?limit=1`, { headers })
  const { length } = await answer.text()
  while (exchanges.length === 0) await soon()
  t.match(exchanges, [
    {
      requestId: 'req-mine',
      user: 'user of owner',
      project: 'owner',
      client: '127.0.0.1',
      method: 'GET',
      route: '/v2/images',
      path: '/v2/images?limit=1',
      status: 200,
      length,
    },
  ])
})

t.test('serve -v logs a line for each request, of any worker', async t => {
  for (const { format, id, line } of [
    {
      format: 'text',
      id: 'mine] "x\u009b',
      line: /INFO \[req-mine\\u\{5d\}\\u\{20\}\\u\{22\}x\\u\{9b\} - -\] 127\.0\.0\.1 "GET \/v2\/images HTTP\/1\.1" 200 \d+ \d+\.\d{6}$/,
    },
    {
      format: 'json',
      id: 'mine',
      line: /"level":"info".*"request_id":"req-mine".*"method":"GET","path":"\/v2\/images","status":200,"length":\d+,"seconds":/,
    },
  ]) {
    await t.test(`as ${format}`, async t => {
      const words = ['-v', '--log-format', format]
      const service = await startService(t, ['workers = 1'], { words })
      const headers = { ...CLOSING, 'x-openstack-request-id': `req-${id}` }
      await fetch(`${service.url}/v2/images`, { headers })
      await service.until(line)
      t.notMatch(readFileSync(join(service.folder, 'log'), 'utf8'), 'undefined')
      service.kill('SIGTERM')
      await service.outcome
    })
  }
})

async function download(service: TestService, id: string): Promise<void> {
  const answer = await fetch(`${service.url}/v2/images/${id}/file`, { headers: CLOSING })
  await answer.text()
}
