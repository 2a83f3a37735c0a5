import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startServer } from '../../lib/server/start.ts'
import { run } from '../support/program.ts'

/** A service with images `a` and `b`, of which `a` was downloaded, that has stopped again. */
async function made(t: Test, settings = '') {
  const folder = t.testdir()
  const [dataDir, cacheDir] = [join(folder, 'data'), join(folder, 'cache')]
  await using server = await startServer({ dataDir, imageCacheDir: cacheDir, bindPort: 0 })
  const create = async (data: string) => {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ disk_format: 'raw', container_format: 'bare' })
    const created = await fetch(`${server.url}/v2/images`, { method: 'POST', headers, body })
    const { id } = (await created.json()) as { readonly id: string } // As the API says.
    await fetch(`${server.url}/v2/images/${id}/file`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: data,
    })
    return id
  }
  const [a, b] = [await create('some data'), await create('other data')]
  await (await fetch(`${server.url}/v2/images/${a}/file`)).text()
  while (!existsSync(join(cacheDir, a))) await fetch(`${server.url}/v2/cache`)
  const config = join(folder, 'glance-api.conf')
  writeFileSync(
    config,
    `[DEFAULT]\ndata_dir = ${dataDir}\nimage_cache_dir = ${cacheDir}\n${settings}`,
  )
  const cache = (...words: string[]) => run(['cache', ...words, '--config', config])
  return { a, b, cache, cacheDir }
}

t.test('cache list', async t => {
  const { a, b, cache } = await made(t)
  const { status, stdout } = await cache('list')
  t.equal(status, 0)
  const lines = stdout.split('\n')
  t.equal(lines[0], 'Found 1 cached images...')
  t.match(lines[1], /^\+-{38}\+-{28}\+-{28}\+-{6}\+-{6}\+$/)
  t.match(
    lines[2],
    /^\| {18}ID {18}\| {4}Last Accessed \(UTC\) {5}\| {4}Last Modified \(UTC\) {5}\| Size \| Hits \|$/,
  )
  t.ok(lines[4]?.startsWith(`| ${a} | 20`))
  t.ok(lines[4]?.endsWith(' |    9 |    0 |'))
  t.match(lines.slice(6), ['No queued images.', ''])
  await cache('queue', b)
  t.match((await cache('list')).stdout, `Found 1 queued images...\n+${'-'.repeat(38)}+\n`)
  t.match(JSON.parse((await cache('list', '--json')).stdout), {
    cached: [{ imageId: a, size: 9, hits: 0 }],
    queued: [b],
  })
})

t.test('cache queue and cache prefetch', async t => {
  const { a, b, cache, cacheDir } = await made(t)
  t.match(await cache('queue', b), { status: 0, stdout: `Queued image ${b} for caching\n` })
  for (const id of [a, b]) {
    const stdout = `Image ${id} is cached, on its way or queued already\n`
    t.match(await cache('queue', id), { status: 0, stdout })
  }
  t.match(await cache('queue', '../x'), {
    status: 2,
    stderr: "image ID '../x' is not a valid UUID",
  })
  const none = randomUUID()
  await cache('queue', none)
  t.match(await cache('prefetch'), {
    status: 0,
    stdout: new RegExp(`${b}: cached\n${none}: skipped\n1 image cached, 1 skipped, 0 failed\n`),
  })
  t.ok(existsSync(join(cacheDir, b)))
  t.match((await cache('list')).stdout, /^Found 2 [^]*No queued images/)

  t.test('what cannot be had stays in the queue', async t => {
    const { b, cache, cacheDir } = await made(t)
    await cache('queue', b)
    writeFileSync(join(cacheDir, 'incomplete', b), 'half')
    t.match(await cache('prefetch'), {
      status: 1,
      stdout: '0 images cached, 0 skipped, 1 failed\n',
      stderr: /another service is at it/,
    })
    t.match(JSON.parse((await cache('list', '--json')).stdout), { queued: [b] })
  })
})

t.test('cache delete', async t => {
  const { a, b, cache, cacheDir } = await made(t)
  await cache('queue', b)
  t.match(await cache('delete', a), { status: 2, stderr: /give --force/ })
  t.match(await cache('delete'), { status: 2, stderr: /give the id of an image, or/ })
  t.match(await cache('delete', a, '--all-cached'), { status: 2 })
  t.match(await cache('delete', a, '--force'), {
    status: 0,
    stdout: 'Deleted 1 cached images and 0 queued images\n',
  })
  t.notOk(existsSync(join(cacheDir, a)))
  t.match(await cache('delete', '--all-cached', '--all-queued', '-f'), {
    status: 0,
    stdout: 'Deleted 0 cached images and 1 queued images\n',
  })
})

t.test('cache prune and cache clean', async t => {
  const { a, cache, cacheDir } = await made(t, 'image_cache_max_size = 8\n')
  t.match(await cache('prune'), { status: 0, stdout: '1 image pruned (9.0 B)\n' })
  t.notOk(existsSync(join(cacheDir, a)))
  mkdirSync(join(cacheDir, 'incomplete'), { recursive: true })
  const stalled = join(cacheDir, 'incomplete', a)
  writeFileSync(stalled, 'half')
  utimesSync(stalled, 0, 0)
  t.match(await cache('clean'), { status: 0, stdout: '1 file removed\n' })
  t.notOk(existsSync(stalled))
})

t.test('a service without a cache has none to look after', async t => {
  t.match(await run(['cache', 'list', '--data-dir', t.testdir()]), {
    status: 2,
    stderr: 'image_cache_dir is not set: the service has no image cache',
  })
})
