import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { untilStatus } from '../support/connection.ts'
import { forwardAs } from '../support/forward.ts'
import { bytesOf, idOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Stored, startUnruly } from '../support/unruly.ts'

const IMAGES: readonly Stored[] = [1, 2, 3].map(n => {
  const data = bytesOf(n, 1_500_000 * n)
  return { image: imageOf(n, data), data }
})

async function servers(t: Test, count: number): Promise<readonly TestServer[]> {
  return await Promise.all(Array.from({ length: count }, async () => await startTestServer(t)))
}

t.test('each image is read once from the source, and is on all targets then', async t => {
  const source = await startUnruly(t, IMAGES)
  const targets = await servers(t, 3)
  const urls = targets.map(({ url }) => url)
  const { status, stdout, stderr } = await run(['livecopy', source.url, ...urls])
  t.equal(status, 0)
  t.equal(
    stdout,
    urls
      .map(url => `${url}: 3 images created (8.6 MiB), 0 updated, 0 the same, 0 failed\n`)
      .join(''),
  )
  t.match(stderr, `${idOf(1)} (image 1) on ${urls[1]}: created, 1.4 MiB\n`)
  t.strictSame(source.asked.toSorted(), ['1', '2', '3'])
  for (const url of urls) t.match(await run(['compare', source.url, url]), { status: 0 })
})

t.test('what is chosen, and changed on its way, is so for all targets', async t => {
  const source = await startUnruly(t, IMAGES)
  const urls = (await servers(t, 2)).map(({ url }) => url)
  const chosen = ['--newest', '1', '--filter', 'name~/[12]$/', '--set', 'os_distro=debian']
  const { status, stdout } = await run(['livecopy', '--json', ...chosen, source.url, ...urls])
  t.equal(status, 0)
  t.match(JSON.parse(stdout), { totals: { created: 2, failed: 0 }, cut_short: false })
  t.equal(source.asked.length, 1)
  for (const url of urls) {
    t.match(await run(['compare', ...chosen, source.url, url]), { status: 0 })
    t.match(await run(['size', '--filter', 'os_distro=debian', url]), {
      stdout: / across 1 images$/m,
    })
  }
})

t.test('ids that are taken are those of one target', async t => {
  const source = await startUnruly(t, IMAGES)
  const [one, two] = await servers(t, 2)
  const urls = [source.url, one?.url ?? '', two?.url ?? '']
  await two?.create({ id: idOf(2) })
  await two?.call('DELETE', `/v2/images/${idOf(2)}`)
  const map = join(t.testdir(), 'ids')
  for (const words of [
    ['--id-map', map],
    ['--on-conflict', 'new-id', '--id-map', map],
  ]) {
    t.match(await run(['livecopy', ...words, ...urls]), {
      status: 2,
      stderr: /--id-map: a map of ids is for one target: copy to each in a run of its own/,
    })
  }
  await t.rejects(access(map), 'and none is made')
  const skipped = await run(['livecopy', '--on-conflict', 'skip', '--json', ...urls])
  t.equal(skipped.status, 0, skipped.stderr)
  t.match(JSON.parse(skipped.stdout), {
    totals: { created: 5, conflict: 1 },
    targets: [{ totals: { created: 3 } }, { totals: { created: 2, conflict: 1 } }],
  })
})

t.test('projects are mapped on each target, before anything is copied to any', async t => {
  const [from, one, two] = await servers(t, 3)
  if (from === undefined || one === undefined || two === undefined) return
  const [A, B, X, Y] = ['a', 'b', '1', '2'].map(digit => digit.repeat(32))
  for (const [n, owner] of [A, B].entries()) {
    const formats = { disk_format: 'raw', container_format: 'bare', visibility: 'shared' }
    await from.create({ id: idOf(n + 1), owner, ...formats }, {})
    await from.upload(idOf(n + 1), `data ${n}`, {})
    await from.call('POST', `/v2/images/${idOf(n + 1)}/members`, { body: { member: A } })
  }
  const file = join(t.testdir(), 'projects')
  const options = ['--members', '--map-projects', file]
  const words = [...options, from.url, one.url, two.url]
  await writeFile(file, `${A}: ${X}\n`)
  t.match(await run(['livecopy', ...words]), {
    status: 1,
    stdout: [one, two]
      .map(({ url }) => `${url}: 1 project of the source not mapped, nothing was done: complete`)
      .map(line => `${line} the file, or say --unmapped skip or drop\n`)
      .join(''),
    stderr: `${two.url}: project ${B} owns 1 image, and ${file} does not name it: nothing is copied`,
  })
  for (const { url } of [one, two]) {
    t.match(await run(['size', url]), { stdout: / across 0 images$/m })
  }
  await writeFile(file, `${A}: ${X}\n${B}: ${Y}\n`)
  t.match(await run(['livecopy', ...words]), { status: 0 })
  for (const target of [one, two]) {
    t.match(await target.show(idOf(2)), { owner: Y })
    const { json } = await target.call('GET', `/v2/images/${idOf(2)}/members`)
    t.match(json, { members: [{ member_id: X }] })
    t.match(await run(['compare', ...options, from.url, target.url]), { status: 0 })
  }
})

t.test('an archive, which is read once, is copied to all targets', async t => {
  const source = await startUnruly(t, IMAGES)
  const urls = (await servers(t, 2)).map(({ url }) => url)
  const archive = join(t.testdir(), 'images.tar')
  t.match(await run(['dump', source.url, archive]), { status: 0 })
  const words = ['livecopy', '--order', 'size', `tar:${archive}`, ...urls]
  const { status, stdout, stderr } = await run(words)
  t.equal(status, 0, stderr)
  t.match(stdout, /^.*: 3 images created .*\n.*: 3 images created .*\n$/)
  for (const url of urls) t.match(await run(['compare', source.url, url]), { status: 0 })
})

t.test('names that no image has are told once for all targets', async t => {
  const source = await startUnruly(t, IMAGES)
  const urls = (await servers(t, 2)).map(({ url }) => url)
  const names = join(t.testdir({ names: 'image 1\nno such image\n' }), 'names')
  const words = ['livecopy', '--json', '--images-from', names, source.url, ...urls]
  const { status, stdout } = await run(words)
  t.equal(status, 1)
  t.match(JSON.parse(stdout), { totals: { created: 2 }, not_found: ['no such image'] })
})

t.test('what a target has already is not read for it', async t => {
  const source = await startUnruly(t, IMAGES)
  const [one, two] = await servers(t, 2)
  const urls = [one?.url ?? '', two?.url ?? '']
  source.serve(IMAGES.slice(0, 2))
  await run(['livecopy', source.url, urls[0] ?? ''])
  source.serve(IMAGES)
  const before = source.asked.length
  const rehearsed = await run(['livecopy', '--dry-run', '--json', source.url, ...urls])
  t.match(JSON.parse(rehearsed.stdout), {
    dry_run: true,
    totals: { created: 4, same: 2 },
    targets: [
      { target: urls[0], totals: { created: 1, same: 2 }, error: null },
      { target: urls[1], totals: { created: 3, same: 0 }, error: null },
    ],
  })
  t.equal(source.asked.length, before, 'a dry run reads nothing')
  const { status, stdout } = await run(['livecopy', '--json', source.url, ...urls])
  t.equal(status, 0)
  t.match(JSON.parse(stdout), {
    images: [{ target: urls[0], id: idOf(1), result: 'same' }],
    totals: { created: 4, same: 2, failed: 0 },
    lost: { images: 0 },
    error: null,
  })
  t.strictSame(source.asked.slice(before).toSorted(), ['1', '2', '3'])
})

t.test('a source that breaks off is read on once, for all', async t => {
  const source = await startUnruly(t, IMAGES.slice(2), asked =>
    asked === 1 ? { cutAfter: 2_000_000 } : {},
  )
  const targets = await servers(t, 2)
  const { status, stderr } = await run(['livecopy', source.url, ...targets.map(({ url }) => url)])
  t.match({ status, stderr }, { status: 0, stderr: /goes on at 1\.9 MiB after/ })
  t.strictSame(source.asked, ['3', '3 bytes=2000000-'])
})

t.test('a target that cannot be reached is given up, and the others have it all', async t => {
  const source = await startUnruly(t, IMAGES)
  const [one] = await servers(t, 1)
  const gone = 'http://127.0.0.1:1'
  const { status, stdout, stderr } = await run(['livecopy', source.url, gone, one?.url ?? ''])
  t.equal(status, 1)
  t.match(stderr, /127\.0\.0\.1:1\/versions: connection refused/)
  t.match(stdout, /^http:\/\/127\.0\.0\.1:1: 0 images created .*, given up$/m)
  t.match(stdout, /^http:.*: 3 images created .*, 0 failed$/m)
  t.match(stdout, /^1 target of 2 given up$/m)
  t.match(await run(['livecopy', source.url, gone, 'http://127.0.0.1:2']), { status: 3 })
})

t.test('a target whose listing breaks off is given up, and the others have it all', async t => {
  const source = await startUnruly(t, IMAGES)
  const [one] = await servers(t, 1)
  const odd = await startListener(t, (request, response) => {
    const isFirst = request.url?.includes('limit=1') === true && !request.url.includes('limit=1000')
    response.writeHead(isFirst ? 200 : 403, { 'content-type': 'application/json' })
    response.end('{"images": []}')
  })
  const { status, stdout, stderr } = await run(['livecopy', source.url, odd, one?.url ?? ''])
  t.match({ status, stderr }, { status: 1, stderr: `${odd}: given up: GET ` })
  t.match(stdout, /^http:.*: 3 images created .*, 0 failed$/m)
})

t.test(
  'a target that answers nothing any more is given up, and the others have it all',
  async t => {
    const images = [1, 2, 3, 4, 5, 6].map(n => {
      const data = bytesOf(n, 1000 * n)
      return { image: imageOf(n, data), data }
    })
    const words = ['livecopy', '-j', '1', '--attempts', '1']
    const given = /: given up: 2 images in a row failed, the last with: P/
    await t.test('after more images in a row than are copied at once', async t => {
      const source = await startUnruly(t, images)
      const [one] = await servers(t, 1)
      let asked = 0
      const dead = await startListener(t, (request, response) => {
        if (request.method === 'GET') return sendJson(response, 200, { images: [] })
        asked += 1
        request.destroy()
      })
      const { status, stdout, stderr } = await run([...words, source.url, dead, one?.url ?? ''])
      t.match({ status, stdout, stderr }, { status: 1, stderr: given })
      t.match(stdout, /: 0 images created .*, given up$/m)
      t.match(stdout, /: 6 images created .*, 0 failed$/m)
      t.equal(asked, 2)
    })
    await t.test('but not for what the source does not give', async t => {
      const source = await startUnruly(t, images, () => ({ status: 503 }))
      const urls = (await servers(t, 2)).map(({ url }) => url)
      const { status, stdout, stderr } = await run([...words, source.url, ...urls])
      t.match({ status, stderr }, { status: 1 })
      t.notMatch(stderr, /given up/)
      t.match(stdout, /: 0 images created .*, 6 failed\n.*: 0 images created .*, 6 failed\n/)
    })
  },
)

t.test('a target that breaks off an upload tries again alone, and the others go on', async t => {
  const source = await startUnruly(t, IMAGES.slice(2))
  const [one, two] = await servers(t, 2)
  let broken = 0
  const front = await startListener(t, (request, response) => {
    if (request.method === 'PUT' && (broken += 1) === 1) return void request.destroy()
    if (request.method === 'PUT') response.writeContinue()
    void forwardAs({}, two?.url ?? '', request, response)
  })
  const { status, stderr } = await run(['livecopy', source.url, one?.url ?? '', front])
  t.equal(status, 0)
  t.match(stderr, new RegExp(`on ${front}: attempt 2 after: PUT`))
  t.notMatch(stderr, new RegExp(`on ${one?.url}: attempt`))
  for (const server of [one, two]) t.match(await server?.show(idOf(3)), { status: 'active' })
})

t.test('a slow target does not hold a fast one up, up to a bound', async t => {
  const source = await startUnruly(t, IMAGES.slice(2))
  const [fast, slow] = await servers(t, 2)
  if (fast === undefined || slow === undefined) return
  const front = await startListener(t, (request, response) => {
    void (async () => {
      if (request.method === 'PUT') {
        // Not a byte is taken before the fast one has them all.
        await untilStatus(fast, idOf(3), 'active')
        response.writeContinue()
      }
      await forwardAs({}, slow.url, request, response)
    })()
  })
  t.match(await run(['livecopy', source.url, fast.url, front]), { status: 0 })
  t.strictSame(source.asked, ['3'])
  t.match(await slow.show(idOf(3)), { status: 'active' })
})

t.test('the same target twice is an error', async t => {
  t.match(await run(['livecopy', 'one', 'two', 'two']), { status: 2, stderr: /'two' is named/ })
  const source = await startUnruly(t, IMAGES)
  const [one] = await servers(t, 1)
  const url = one?.url ?? ''
  t.match(await run(['livecopy', source.url, url, `${url}/`]), {
    status: 2,
    stderr: `'${url}/' is named as a target twice: it is ${url}`,
  })
  t.strictSame(source.asked, [])
})
