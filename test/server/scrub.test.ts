import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { readConfig } from '../../lib/server/config.ts'
import { FakeClock } from '../support/clock.ts'
import { startProgram } from '../support/command.ts'
import { filesIn, serveFiles } from '../support/files.ts'
import { type Ends, run } from '../support/program.ts'
import { ADMIN, OWNER, startTestServer, type TestServer } from '../support/server.ts'

const NOW = '2026-11-23T12:00:00.000Z'
const HOUR = 3_600_000

/** A service that delays deletion, in a folder with its configuration. */
async function start(t: Test, more = '', now = () => new Date(NOW)) {
  const folder = t.testdir()
  const config = join(folder, 'glance-api.conf')
  const write = (more: string) =>
    writeFileSync(
      config,
      `auth = trusted_headers
data_dir = ${folder}
enabled_backends = one:file, two:file, web:http
delayed_delete = true
show_multiple_locations = true
${more}
[glance_store]
default_backend = one
[one]
filesystem_store_datadir = ${folder}/one
[two]
filesystem_store_datadir = ${folder}/two
`,
    )
  write(more)
  const settings = await readConfig(config)
  const server = await startTestServer(t, { dataApi: 'sqlite', ...settings }, undefined, now)
  /** Runs `scrub` so long after what the service does. */
  const scrub = (laterMs = 0, words: readonly string[] = [], ends: Ends = {}) => {
    const clock = new FakeClock(new Date(Date.parse(NOW) + laterMs).toISOString())
    return run(['scrub', '--config', config, ...words], {}, { clock, ...ends })
  }
  const statusOf = async (id: string) => {
    await using database = await openDatabase({
      dataApi: 'sqlite',
      connection: `sqlite:///${folder}/glance.sqlite`,
    })
    return await database.images.find(id, { deleted: true })
  }
  return { server, folder, write, scrub, statusOf, files: () => filesOf(folder) }
}

function filesOf(folder: string): readonly string[] {
  return ['one', 'two'].flatMap(store => filesIn(join(folder, store)).map(id => `${store} ${id}`))
}

interface Done {
  readonly totals: Readonly<Record<string, number>>
}

function sum(totals: readonly Done['totals'][], name: string): number {
  return totals.reduce((all, one) => all + (one[name] ?? Number.NaN), 0)
}

async function uploaded(server: TestServer, store = 'one'): Promise<string> {
  const id = await server.create({ name: 'old', disk_format: 'raw', container_format: 'bare' })
  await server.upload(id, 'data', OWNER, { 'x-image-meta-store': store })
  return id
}

async function deleted(server: TestServer, store?: string): Promise<string> {
  const id = await uploaded(server, store)
  await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
  return id
}

t.test('scrub', async t => {
  t.test('deletes what waits, and then the image, beside the service', async t => {
    const { server, scrub, statusOf, files } = await start(t)
    const kept = await uploaded(server)
    const ids = [await deleted(server), await deleted(server, 'two')].toSorted()
    t.match(await scrub(), {
      status: 0,
      stdout: `${ids.map(id => `${id} (old): deleted, with its data at 1 place\n`).join('')}2 images deleted, data at 2 places, 0 failed\n`,
      stderr: '',
    })
    t.strictSame(files(), [`one ${kept}`])
    const after = await statusOf(ids[0] ?? '')
    t.match(after, { status: 'deleted', locations: [], deletedAt: new Date(NOW) })
    const again = await scrub(0, ['--json'])
    t.same(JSON.parse(again.stdout), {
      images: [],
      totals: { deleted: 0, places: 0, restored: 0, failed: 0 },
    })
    const { status } = await server.call('POST', '/v2/images', { as: ADMIN, body: { id: ids[0] } })
    t.equal(status, 409, 'the id stays taken')
  })

  t.test('lets it be for scrub_time', async t => {
    const { server, scrub, files } = await start(t, 'scrub_time = 3600\nscrub_pool_size = 4')
    const ids = [await deleted(server), await deleted(server), await deleted(server)]
    t.match(await scrub(HOUR - 1), { status: 0, stdout: '0 images deleted' })
    t.equal(files().length, ids.length)
    t.match(await scrub(HOUR), { status: 0, stdout: '3 images deleted' })
    t.strictSame(files(), [])
  })

  t.test('deletes copies that were taken from an image that lives on', async t => {
    const { server, scrub, statusOf, files } = await start(t)
    const id = await uploaded(server)
    const body = { method: { name: 'copy-image' }, stores: ['two'] }
    await server.call('POST', `/v2/images/${id}/import`, { as: ADMIN, body })
    // Its lock is the last that goes.
    for (let image = await server.show(id, ADMIN); ; image = await server.show(id, ADMIN)) {
      if (image['stores'] === 'one,two' && !('os_glance_import_task' in image)) break
    }
    await server.call('DELETE', `/v2/stores/two/${id}`, { as: ADMIN })
    const before = await server.show(id)
    const { stdout } = await scrub()
    t.match(stdout, `${id} (old): its data at 1 place that it is no longer at is deleted\n`)
    t.strictSame(files(), [`one ${id}`])
    t.same(await server.show(id), before, 'nobody sees anything of it')
    t.match(await statusOf(id), { status: 'active', removedLocations: [] })
  })

  t.test('lets be what others keep', async t => {
    const source = await serveFiles(t, { '/image': 'data' })
    const { server, scrub, statusOf } = await start(
      t,
      '[import_filtering_opts]\nallowed_hosts = [127.0.0.1]\nallowed_ports = []',
    )
    const id = await server.create(undefined, ADMIN)
    const value = { url: `${source}/image`, metadata: {} }
    await server.patch(id, [{ op: 'add', path: '/locations/-', value }], ADMIN)
    await server.call('DELETE', `/v2/images/${id}`, { as: ADMIN })
    t.match(await statusOf(id), { status: 'pending_delete' })
    t.match(await scrub(), { status: 0, stdout: '1 image deleted' })
    t.equal(await (await fetch(`${source}/image`)).text(), 'data')
  })

  t.test('goes on with what another was killed at', async t => {
    const { server, folder, scrub, statusOf } = await start(t)
    const id = await deleted(server)
    rmSync(join(folder, 'one', id))
    t.match(await scrub(), { status: 0, stdout: '1 image deleted, data at 1 place' })
    t.match(await statusOf(id), { status: 'deleted' })
  })

  t.test('tells what it cannot delete, does the rest, and tries again', async t => {
    const { server, folder, scrub, statusOf } = await start(t)
    const [stuck, other] = [await deleted(server), await deleted(server, 'two')]
    const path = join(folder, 'one', stuck)
    rmSync(path)
    mkdirSync(path) // Which is no file.
    const found = await scrub(0, ['--json'])
    t.equal(found.status, 1)
    t.match(found.stderr, new RegExp(`^${stuck} \\(old\\): `))
    t.match(JSON.parse(found.stdout), {
      images: [stuck, other]
        .toSorted()
        .map(id => ({ id, status: id === stuck ? 'failed' : 'deleted' })),
      totals: { deleted: 1, places: 1, failed: 1 },
    })
    t.match(await statusOf(stuck), { status: 'pending_delete' })
    rmSync(path, { recursive: true })
    t.match(await scrub(), { status: 0, stdout: '1 image deleted' })
  })

  t.test('deletes nothing of stores that the configuration does not know', async t => {
    const { server, folder, scrub, statusOf, files } = await start(t)
    const id = await deleted(server, 'two')
    const config = join(folder, 'other.conf')
    writeFileSync(
      config,
      `data_dir = ${folder}\n[glance_store]\nfilesystem_store_datadir = ${folder}/else`,
    )
    const found = await run(['scrub', '--config', config])
    t.match(found, { status: 1, stderr: /deletes only what is in its own folders/ })
    t.strictSame(files(), [`two ${id}`])
    t.match(await statusOf(id), { status: 'pending_delete' })
    t.match(await scrub(), { status: 0 })
  })

  t.test('makes an image active again, while it has its data', async t => {
    const { server, scrub, folder } = await start(t)
    const [id, gone] = [await deleted(server), await deleted(server)]
    t.match(await scrub(0, ['--restore', id]), { status: 0, stdout: `${id}: active again\n` })
    t.equal((await server.call('GET', `/v2/images/${id}/file`, { as: OWNER })).text, 'data')
    rmSync(join(folder, 'one', gone))
    t.match(await scrub(0, ['--restore', gone]), { status: 3, stderr: /deleted already/ })
    const again = await scrub(0, ['--restore', id])
    t.match(again, { status: 3, stderr: /no image .* waits to be deleted/ })
  })

  t.test('goes on until it is stopped, and is alone', async t => {
    const { server, scrub, files } = await start(t, 'wakeup_time = 60')
    const clock = new FakeClock(NOW)
    const stop = new AbortController()
    const stdout = new PassThrough()
    const first = await deleted(server)
    const ended = scrub(0, ['--daemon'], { clock, signal: stop.signal, stdout })
    await clock.waitedFor(60_000)
    t.match(String(stdout.read()), `${first} (old): deleted`)
    t.match(await scrub(), { status: 75, stderr: /another scrubber is at work in .*process \d+/ })
    const second = await deleted(server)
    t.strictSame(files(), [`one ${second}`])
    const readable = once(stdout, 'readable')
    clock.advance(60_000)
    await readable
    t.match(String(stdout.read()), `${second} (old): deleted`)
    t.strictSame(files(), [])
    stop.abort(new Error('enough'))
    t.match(await ended, { status: 0 })
    t.match(await scrub(), { status: 0 })
  })

  t.test('does with another, by a lock of its own, what there is to be done once', async t => {
    const { server, folder, statusOf, files } = await start(t, 'scrub_pool_size = 3')
    const kept = await uploaded(server)
    const gone: string[] = []
    for (let i = 0; i < 12; i += 1) gone.push(await deleted(server, i % 2 === 0 ? 'one' : 'two'))
    const names = Array.from(
      { length: 20 },
      (_, i) => `${String(i).padStart(8, '0')}${gone[0]?.slice(8)}`,
    )
    for (const name of names) {
      writeFileSync(join(folder, 'one', name), 'data')
      utimesSync(join(folder, 'one', name), new Date(NOW), new Date(NOW))
    }
    const both = async (...words: readonly string[]) => {
      const runs = ['a', 'b'].map(async name => {
        // As on another host, which has the same database and the same stores.
        const config = join(folder, `${name}.conf`)
        const text = readFileSync(join(folder, 'glance-api.conf'), 'utf8')
        mkdirSync(join(folder, name), { recursive: true })
        const [first, ...rest] = text.split('[glance_store]')
        writeFileSync(
          config,
          `${first?.replace(/data_dir = .*/, `data_dir = ${folder}/${name}`)}
[database]
connection = sqlite:///${folder}/glance.sqlite
[glance_store]${rest.join('')}`,
        )
        const clock = new FakeClock(NOW)
        return await run(['scrub', '--json', '--config', config, ...words], {}, { clock })
      })
      const ended = await Promise.all(runs)
      for (const { status, stderr } of ended) t.match({ status, stderr }, { status: 0, stderr: '' })
      return ended.map(({ stdout }) => (JSON.parse(stdout) as Done).totals) // As documented.
    }
    const scrubbed = await both()
    t.equal(sum(scrubbed, 'deleted'), gone.length)
    t.equal(sum(scrubbed, 'places'), gone.length)
    for (const id of gone) t.match(await statusOf(id), { status: 'deleted', locations: [] })
    const searched = await both('--delete-orphans', 'one', '--min-age', '0')
    t.equal(sum(searched, 'removed'), names.length)
    t.strictSame(files(), [`one ${kept}`])
  })

  t.test('is killed in the middle, and the next does the rest', async t => {
    const { server, folder, statusOf, files } = await start(t, '', () => new Date())
    const kept = await uploaded(server)
    const gone: string[] = []
    for (let i = 0; i < 30; i += 1) gone.push(await deleted(server))
    const words = ['scrub', '--config', join(folder, 'glance-api.conf')]
    await using killed = await startProgram(words)
    await killed.firstLine()
    killed.kill('SIGKILL')
    await killed.outcome
    t.match(await run(words), { status: 0, stderr: '' })
    t.strictSame(files(), [`one ${kept}`])
    for (const id of gone) t.match(await statusOf(id), { status: 'deleted', locations: [] })
  })

  t.test('is refused where nothing can be scrubbed', async t => {
    const folder = t.testdir({ 'a.conf': 'data_api = simple' })
    const simple = await run(['scrub', '--config', join(folder, 'a.conf')])
    t.match(simple, { status: 2, stderr: /only in the memory of its service/ })
    const nothing = await run(['scrub', '--data-dir', join(folder, 'none')])
    t.not(nothing.status, 0)
  })

  t.test('tells of images whose data is in the memory of the service', async t => {
    const folder = t.testdir()
    const server = await startTestServer(t, {
      dataApi: 'sqlite',
      dataDir: folder,
      enabledBackends: [{ id: 'one', type: 'memory' }],
      defaultBackend: 'one',
      delayedDelete: true,
    })
    await deleted(server)
    const config = join(folder, 'a.conf')
    writeFileSync(config, 'enabled_backends = one:memory\n[glance_store]\ndefault_backend = one')
    const found = await run(['scrub', '--config', config, '--data-dir', folder])
    t.match(found, { status: 1, stderr: /is in the memory of the service/ })
  })
})
