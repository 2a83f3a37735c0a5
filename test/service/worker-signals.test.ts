import { existsSync, readFileSync, renameSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { open } from 'node:fs/promises'
import t from 'tap'
import { runCommand, startProgram } from '../support/command.ts'
import { dialUpload, next } from '../support/connection.ts'
import {
  childrenOf,
  isAlive,
  startService,
  type TestService,
  untilGone,
} from '../support/service.ts'
import { ask, CLOSING, create, untilRefused, untilSaving } from '../support/service-requests.ts'
import { soon } from '../support/soon.ts'

t.test('SIGHUP', async t => {
  const service = await startService(t, ['workers = 2', 'image_tag_quota = 1'])
  const id = await create(service)
  const socket = await dialUpload(service, id, 'Content-Length: 9')
  socket.write('some')
  await untilSaving(service, id)

  await t.test(
    'has new workers take over with a new configuration, and no request fails',
    async t => {
      const before = service.workers()
      const traffic = keepAsking(service)
      service.configure('workers = 1', 'image_tag_quota = 2')
      service.kill('SIGHUP')
      await service.until(/the configuration was read anew/)
      const asked = await traffic.end()
      t.ok(asked.count > 0)
      t.same(asked.failures, [])
      const body = JSON.stringify({ tags: ['one', 'two'] })
      const anew = new Agent({ keepAlive: false })
      t.equal(await ask(service, anew, 'POST', '/v2/images', body), 201, 'two tags are allowed now')
      const now = service.workers().filter(pid => !before.includes(pid))
      t.equal(now.length, 1)
    },
  )

  await t.test('an upload that is under way goes on with the worker that has it', async t => {
    socket.write(' data')
    t.match(await next(socket), /^HTTP\/1\.1 204 /)
    socket.destroy()
    while (service.workers().length > 1) await soon()
  })

  for (const [title, lines, message] of [
    ['with a setting that is wrong', ['workers = some'], /glance\.conf, line 4: .*workers/],
    [
      'with a policy file that is wrong',
      ['workers = 1', '[oslo_policy]', 'policy_file = none'],
      /none/,
    ],
    [
      'with another place of images',
      ['workers = 1', 'image_cache_dir = /tmp'],
      /image_cache_dir cannot change/,
    ],
    ['without workers', ['workers = 0'], /workers cannot change while the service runs/],
  ] as const) {
    await t.test(`${title} changes nothing`, async t => {
      const before = service.workers()
      service.configure(...lines)
      service.kill('SIGHUP')
      await service.until(new RegExp(`the configuration stays as it was: .*${message.source}`))
      t.equal((await fetch(`${service.url}/v2/images`, { headers: CLOSING })).status, 200)
      t.same(service.workers(), before)
    })
  }
  service.kill('SIGTERM')
  t.match(await service.outcome, { status: 0 })
})

t.test('SIGHUP opens the log file anew, which logrotate has moved', async t => {
  const service = await startService(t, ['workers = 0'])
  renameSync(join(service.folder, 'log'), join(service.folder, 'log.1'))
  service.kill('SIGHUP')
  await service.until(/the configuration was read anew/)
  service.kill('SIGTERM')
  t.match(await service.outcome, { status: 0 })
  t.notMatch(readFileSync(join(service.folder, 'log.1'), 'utf8'), 'read anew')
})

t.test('SIGHUP without a configuration opens the log file anew, and no more', async t => {
  const folder = t.testdir()
  const file = join(folder, 'log')
  const words = ['serve', '--port', '0', '--data-dir', join(folder, 'data'), '--log-file', file]
  await using running = await startProgram(words)
  await running.firstLine()
  renameSync(file, `${file}.1`)
  running.kill('SIGHUP')
  while (!existsSync(file)) await soon()
  running.kill('SIGTERM')
  t.match(await running.outcome, { status: 0 })
})

t.test('SIGHUP while the service stops is nothing to do, and an upload ends', async t => {
  const service = await startService(t, ['workers = 1'])
  const id = await create(service)
  const socket = await dialUpload(service, id, 'Content-Length: 9')
  socket.write('some')
  await untilSaving(service, id)
  service.kill('SIGTERM')
  await untilRefused(service)
  service.kill('SIGHUP')
  socket.write(' data')
  t.match(await next(socket), /^HTTP\/1\.1 204 /)
  socket.destroy()
  t.match(await service.outcome, { status: 0 })
  t.notMatch(service.log(), /configuration/)
})

t.test('SIGHUP while the service starts is done when it runs', async t => {
  const folder = t.testdir({ 'policy.json': '{}' })
  const policy = join(folder, 'held')
  await runCommand('mkfifo', [policy])
  const service = await startService(
    t,
    ['workers = 1', '[oslo_policy]', `policy_file = ${policy}`],
    {
      folder,
      onStarted: async pid => {
        while (childrenOf(pid).length === 0) await soon()
        process.kill(pid, 'SIGHUP')
        const held = await open(policy, 'w') // The worker reads it.
        renameSync(join(folder, 'policy.json'), policy)
        await held.write('{}')
        await held.close()
      },
    },
  )
  await service.until(/the configuration was read anew/)
})

t.test('several SIGHUP at once are two at the most', async t => {
  const service = await startService(t, ['workers = 1'])
  for (let i = 0; i < 20; i += 1) service.kill('SIGHUP')
  await service.until(/the configuration was read anew/)
  service.kill('SIGTERM')
  t.match(await service.outcome, { status: 0 })
  const reloads = service.log().match(/the configuration was read anew/g)
  t.ok((reloads ?? []).length <= 2)
})

t.test('a second SIGTERM ends everything at once', async t => {
  const service = await startService(t, ['workers = 1'])
  const id = await create(service)
  const socket = await dialUpload(service, id, 'Content-Length: 9')
  socket.on('error', () => {})
  socket.write('some')
  await untilSaving(service, id)
  const workers = service.workers()
  service.kill('SIGTERM')
  await untilRefused(service)
  service.kill('SIGTERM')
  t.match(await service.outcome, { status: 143 })
  await untilGone(workers)
  socket.destroy()
})

t.test('graceful_shutdown_timeout: an upload that takes longer is cut off', async t => {
  const service = await startService(t, ['workers = 1', 'graceful_shutdown_timeout = 1'])
  const id = await create(service)
  const socket = await dialUpload(service, id, 'Content-Length: 9')
  socket.on('error', () => {})
  socket.write('some')
  await untilSaving(service, id)
  service.kill('SIGTERM')
  t.match(await service.outcome, { status: 0 })
  socket.destroy()
})

t.test('LP 978130: no worker outlives a parent that is killed', async t => {
  const service = await startService(t, ['workers = 2'])
  const workers = service.workers()
  t.equal(workers.length, 2)
  const id = await create(service)
  const socket = await dialUpload(service, id, 'Content-Length: 9')
  socket.on('error', () => {})
  socket.write('some')
  await untilSaving(service, id)
  service.kill('SIGKILL')
  await service.outcome
  await untilGone(workers)
  socket.destroy()
})

t.test('workers that cannot live end the service, and it says so', async t => {
  const service = await startService(t, ['workers = 1'])
  const killed = new Set<number>()
  void (async () => {
    while (isAlive(service.pid)) {
      for (const pid of service.workers()) {
        if (!killed.has(pid)) process.kill(pid, 'SIGKILL')
        killed.add(pid)
      }
      await soon()
    }
  })()
  t.match(await service.outcome, {
    status: 3,
    stderr: /workers end as soon as they are started, 6 in a row: worker \d+ .*SIGKILL/,
  })
})

/** Asks again and again, on connections that are kept and on others, and tells what failed. */
function keepAsking(service: TestService) {
  const over = new AbortController()
  let count = 0
  const failures: unknown[] = []
  const agents = [new Agent({ keepAlive: true, maxSockets: 2 }), new Agent({ keepAlive: false })]
  const loops = agents.map(async agent => {
    while (!over.signal.aborted) {
      try {
        const status = await ask(service, agent, 'GET', '/v2/images')
        if (status !== 200) failures.push(status)
      } catch (error) {
        failures.push(error)
      }
      count += 1
    }
    agent.destroy()
  })
  return {
    end: async () => {
      over.abort()
      await Promise.all(loops)
      return { count, failures }
    },
  }
}
