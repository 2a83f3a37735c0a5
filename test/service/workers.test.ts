import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { startServer } from '../../lib/server/start.ts'
import { Respawning } from '../../lib/server/workers/respawning.ts'
import { runCommand, runProgram } from '../support/command.ts'
import { dialUpload, rest } from '../support/connection.ts'
import { filesIn } from '../support/files.ts'
import { lhaOf } from '../support/lha.ts'
import { isAlive, startService, untilGone } from '../support/service.ts'
import {
  ask,
  CLOSING,
  create,
  put,
  untilRefused,
  untilSaving,
  untilStatus,
} from '../support/service-requests.ts'
import { soon } from '../support/soon.ts'

t.test('two workers share a service', async t => {
  const service = await startService(t, ['workers = 2'])
  t.equal(service.workers().length, 2)

  await t.test('an image that one has is there for the other', async t => {
    const id = await create(service)
    t.equal((await put(service, id, 'some data')).status, 204)
    for (let i = 0; i < 4; i += 1) {
      // Each time another connection, and with it the other worker.
      const answer = await fetch(`${service.url}/v2/images/${id}/file`, {
        headers: { connection: 'close' },
      })
      t.equal(await answer.text(), 'some data')
    }
  })

  await t.test('each answers /healthcheck', async t => {
    for (let i = 0; i < 4; i += 1) {
      const answer = await fetch(`${service.url}/healthcheck`, { headers: { connection: 'close' } })
      t.equal(await answer.text(), 'OK')
    }
  })

  await t.test('a second service is kept away from their data', async t => {
    t.match(
      await runProgram(['serve', '--port', '0', '--data-dir', join(service.folder, 'data')]),
      {
        status: 3,
        stderr: new RegExp(`is in use by another service \\(process ${service.pid}\\)`),
      },
    )
  })

  await t.test('one that is killed is replaced, and the service goes on', async t => {
    const [victim = 0] = service.workers()
    process.kill(victim, 'SIGKILL')
    await service.until(new RegExp(`worker ${victim} has ended \\(SIGKILL\\): another takes its`))
    t.equal((await fetch(`${service.url}/v2/images`, { headers: CLOSING })).status, 200)
    while (service.workers().length < 2) await soon()
    t.notOk(service.workers().includes(victim))
  })

  await t.test('an image whose upload one had that is killed waits for its data again', async t => {
    const id = await create(service)
    const socket = await dialUpload(service, id, 'Content-Length: 9')
    socket.on('error', () => {})
    socket.write('some')
    await untilSaving(service, id)
    for (const pid of service.workers()) process.kill(pid, 'SIGKILL')
    await untilStatus(service, id, 'queued')
    t.equal((await put(service, id, 'some data')).status, 204)
  })

  await t.test('what one that is killed had written or was to delete is gone', async t => {
    const images = join(service.folder, 'data', 'images')
    const before = filesIn(images)
    const ids = [await create(service), await create(service), await create(service)]
    for (const id of ids) {
      const socket = await dialUpload(service, id, 'Content-Length: 9')
      socket.on('error', () => {})
      socket.write('some')
      await untilSaving(service, id)
    }
    const partsOf = () => filesIn(images).filter(name => !before.includes(name))
    while (partsOf().length < ids.length) await soon()
    const url = `${service.url}/v2/images/${ids[2]}`
    t.equal((await fetch(url, { method: 'DELETE', headers: CLOSING })).status, 204)
    for (const pid of service.workers()) process.kill(pid, 'SIGKILL')
    for (const id of ids.slice(0, 2)) await untilStatus(service, id, 'queued')
    while (partsOf().length > 0) await soon()
  })

  await t.test('SIGTERM lets an upload finish, and ends all of them', async t => {
    const id = await create(service)
    const socket = await dialUpload(service, id, 'Content-Length: 9')
    socket.write('some')
    await untilSaving(service, id)
    const workers = service.workers()
    service.kill('SIGTERM')
    await untilRefused(service)
    socket.write(' data')
    t.match(await rest(socket), /^HTTP\/1\.1 204 /)
    t.match(await service.outcome, { status: 0, stdout: /stopped\n$/ })
    t.notOk(workers.some(isAlive))
  })
})

t.test('what is in the memory of one process is refused to several', async t => {
  for (const [settings, message] of [
    [{ dataApi: 'simple', store: 'file' }, /data_api is simple.*workers has to be 0, not 2/],
    [{ dataDir: t.testdir(), store: 'memory' }, /store memory is in memory.*workers has to be 0/],
  ] as const) {
    await t.rejects(startServer({ ...settings, workers: 2, bindPort: 0 }), {
      code: 'usage',
      message,
    })
  }
})

t.test('three processes write to one SQLite database, and nobody is refused', async t => {
  const service = await startService(t, ['workers = 3'])
  const agent = new Agent({ keepAlive: false })
  const statuses = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const body = JSON.stringify({ name: `image ${i}`, tags: ['a', 'b', 'c'] })
      return await ask(service, agent, 'POST', '/v2/images', body)
    }),
  )
  t.same(new Set(statuses), new Set([201]))
  const { images } = (await (await fetch(`${service.url}/v2/images?limit=100`)).json()) as {
    images: object[]
  }
  t.equal(images.length, 60)
  service.kill('SIGTERM')
  await service.outcome
  t.equal(service.log().includes('locked'), false)
})

t.test('a worker that is told to end finishes its upload, and others have what comes', async t => {
  const service = await startService(t, ['workers = 1'])
  const [leaving = 0] = service.workers()
  const id = await create(service)
  const socket = await dialUpload(service, id, 'Content-Length: 9')
  socket.write('some')
  await untilSaving(service, id)
  process.kill(leaving, 'SIGTERM')
  await service.until(new RegExp(`worker ${leaving} was told to end: another takes its place`))
  for (let i = 0; i < 4; i += 1) {
    t.equal((await fetch(`${service.url}/v2/images`, { headers: CLOSING })).status, 200)
  }
  t.ok(isAlive(leaving))
  socket.write(' data')
  t.match(await rest(socket), /^HTTP\/1\.1 204 /)
  await untilGone([leaving])
  service.kill('SIGTERM')
  t.match(await service.outcome, { status: 0 })
})

t.test('lha ends with the worker that it unpacks for, though that is killed', async t => {
  const programs = t.testdir({ lha: '#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 3600\n' })
  chmodSync(join(programs, 'lha'), 0o755)
  const folder = join(programs, 'service')
  mkdirSync(folder)
  const environment = { PATH: `${programs}:${process.env['PATH']}` }
  const plugins = ['[image_import_opts]', 'image_import_plugins = [image_decompression]']
  const service = await startService(t, ['workers = 1', ...plugins], { folder, environment })
  const id = await create(service)
  const call = async (method: string, path: string, type: string, body: Uint8Array | string) => {
    const headers = { 'content-type': type, ...CLOSING }
    return await fetch(`${service.url}/v2/images/${id}/${path}`, { method, headers, body })
  }
  await call('PUT', 'stage', 'application/octet-stream', lhaOf('some data'))
  const method = JSON.stringify({ method: { name: 'glance-direct' } })
  t.equal((await call('POST', 'import', 'application/json', method)).status, 202)
  const pidFile = join(programs, 'lha.pid')
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '') await soon()
  const lha = Number(readFileSync(pidFile, 'utf8'))
  t.ok(isAlive(lha))
  for (const worker of service.workers()) process.kill(worker, 'SIGKILL')
  await untilGone([lha])
})

t.test('SIGTERM does not wait for workers of a new configuration that never come', async t => {
  const service = await startService(t, ['workers = 1'])
  const policy = join(service.folder, 'nobody-writes')
  await runCommand('mkfifo', [policy])
  service.configure('workers = 1', '[oslo_policy]', `policy_file = ${policy}`)
  service.kill('SIGHUP')
  while (service.workers().length < 2) await soon()
  const workers = service.workers()
  service.kill('SIGTERM')
  t.match(await service.outcome, { status: 0 })
  await untilGone(workers)
})

t.test('a worker that ends is replaced', async t => {
  const SHORT = 9000
  const LONG = 10_000
  for (const { title, lives, pauses } of [
    {
      title: 'five times in a row when it cannot live, each time later',
      lives: [SHORT, SHORT, SHORT, SHORT, SHORT, SHORT],
      pauses: [0, 100, 200, 400, 800, null],
    },
    {
      title: 'however many end at once that could',
      lives: [LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG],
      pauses: [0, 0, 0, 0, 0, 0, 0, 0],
    },
    {
      title: 'as at first after one that could live',
      lives: [SHORT, SHORT, LONG, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT],
      pauses: [0, 100, 0, 0, 100, 200, 400, 800, null],
    },
  ]) {
    t.test(title, async t => {
      const respawning = new Respawning()
      t.same(
        lives.map(livedMs => respawning.ended(livedMs)),
        pauses,
      )
    })
  }
})
