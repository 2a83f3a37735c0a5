import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { forwardAs } from '../support/forward.ts'
import { idOf } from '../support/images.ts'
import { startKeystone } from '../support/keystone.ts'
import { DEMO } from '../support/keystone-documents.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { bodyOf, twoServers } from '../support/two-servers.ts'

const MARK = 'glance_replicator_source'
const NORTH = ['--delete', 'delete', '--provenance', 'north']
const ALL = ['--max-delete', '100%']
const UNKNOWN = ['--delete', 'delete', '--delete-unknown']

/** Two servers, the second with marked copies of the first's images. */
async function copied(t: Test, numbers: readonly number[]): Promise<[TestServer, TestServer]> {
  const [one, two] = await twoServers(t, numbers)
  t.match(await run(['livecopy', ...NORTH, one.url, two.url]), { status: 0 })
  return [one, two]
}

/** A front of a server that answers some requests itself: those of which `answer` is not false. */
async function frontOf(
  t: Test,
  server: TestServer,
  answer: (method: string, url: string) => object | Promise<object> | false,
  status = 404,
): Promise<string> {
  return await startListener(t, (request, response) => {
    const own = answer(request.method ?? '', request.url ?? '')
    if (own === false) return void forwardAs({}, server.url, request, response)
    void Promise.resolve(own).then(body => sendJson(response, status, body))
  })
}

async function idsOn(target: TestServer): Promise<readonly string[]> {
  const { json } = await target.call('GET', '/v2/images?sort=id:asc')
  const { images } = json as { images: readonly { id: string }[] } // As the API says.
  return images.map(({ id }) => id)
}

t.test('what inherits the mark of a copy, as a snapshot does, is no copy', async t => {
  const [one, two] = await copied(t, [1, 2])
  const { [MARK]: mark } = await two.show(idOf(1))
  t.equal(mark, `north ${idOf(1)}`)
  await two.create({ ...bodyOf(7), [MARK]: mark })
  const { status, stdout } = await run(['livecopy', ...NORTH, one.url, two.url])
  t.match({ status, stdout }, { status: 0, stdout: /1 only on the target left alone/ })
  t.match(await two.show(idOf(7)), { id: idOf(7) })
})

/** A proxy by which every host is this server. */
async function everywhere(t: Test, server: TestServer): Promise<Readonly<NodeJS.ProcessEnv>> {
  const proxy = await startListener(t, (request, response) => {
    const { pathname, search } = new URL(request.url ?? '')
    request.url = `${pathname}${search}`
    void forwardAs({}, server.url, request, response)
  })
  return { http_proxy: proxy, no_proxy: '127.0.0.1,localhost' }
}

t.test('a source that nothing tells from others has to be named', async t => {
  const [[one, two], dump] = [await twoServers(t, []), t.testdir()]
  const environment = await everywhere(t, one)
  const place = /something else at another time or place: name the source by --provenance/
  const local = ['controller:9292', 'glance.local', '10.1.2.3', '172.20.0.1', '[fd00::1]:9292']
  for (const { source, stderr } of [
    ...local.map(host => ({ source: `http://${host}`, stderr: place })),
    { source: two.url, stderr: place },
    { source: `dir:${dump}`, stderr: place },
    {
      source: 'http://glance.example.org:9292',
      stderr: /nothing says which project of http:\/\/glance.example.org:9292 .* by --provenance/,
    },
  ]) {
    t.test(source, async t => {
      for (const command of ['livecopy', 'compare']) {
        const words = [command, '--delete', 'hide', source, two.url]
        t.match(await run(words, environment), { status: 2, stderr })
      }
      const unknown = ['livecopy', '--delete', 'hide', '--delete-unknown', source, two.url]
      t.match(await run(unknown, environment), { status: 0 }, 'but not where marks do not matter')
    })
  }
})

t.test('a cloud is told from others by its URL and the project of the token', async t => {
  const [one, two] = await twoServers(t, [1])
  const keystone = await startKeystone(t, { regions: { One: 'http://glance.example.org:9292' } })
  const environment = {
    ...(await everywhere(t, one)),
    OS_SOURCE_AUTH_URL: `${keystone.url}/v3`,
    OS_SOURCE_USERNAME: DEMO.name,
    OS_SOURCE_PASSWORD: DEMO.password,
    OS_SOURCE_USER_DOMAIN_NAME: 'Default',
    OS_SOURCE_PROJECT_NAME: 'demo',
    OS_SOURCE_PROJECT_DOMAIN_NAME: 'Default',
  }
  const copy = ['livecopy', '--delete', 'hide', 'http://glance.example.org:9292', two.url]
  t.match(await run(copy, environment), { status: 0, stdout: /1 image created/ })
  const { [MARK]: mark } = await two.show(idOf(1))
  t.match(mark, /^http:\/\/glance\.example\.org:9292 project \S+ 0{8}-/)

  t.test('and a plan is for that project, where it is known', async t => {
    const plan = join(t.testdir(), 'plan')
    t.match(await run([...copy, '--save-plan', plan], environment), { status: 0 })
    t.match(await run(['apply', plan], environment), { status: 0 })
    const text = await readFile(plan, 'utf8')
    await writeFile(plan, text.replace(/"scope":"project [^"]+"/, '"scope":"project another"'))
    t.match(await run(['apply', plan], environment), {
      status: 2,
      stderr:
        /the plan is for the source .* with a token for project another, and ours is for project /,
    })
    await writeFile(plan, text.replace(/"scope":"project [^"]+"/, '"scope":null'))
    t.match(await run(['apply', plan], environment), { status: 0 })
  })
})

t.test(
  'a source without any image that our copies are of is another one: nothing goes',
  async t => {
    const [, two] = await copied(t, [1, 2])
    const [other] = await twoServers(t, [3])
    const words = [...NORTH, ...ALL, other.url, two.url]
    const message =
      /2 images would be deleted, but the source has none of the images that copies from 'north' were made of/
    t.match(await run(['livecopy', ...words]), { status: 1, stderr: message })
    t.same(await idsOn(two), [1, 2, 3].map(idOf))
    t.match(
      await run(['livecopy', ...words, '--filter', 'name="image 1"']),
      { status: 0 },
      'now it has',
    )
  },
)

t.test('a dump that is not whole has lost nothing', async t => {
  const [[one], two, dump] = [await twoServers(t, [1, 2, 3]), await startTestServer(t), t.testdir()]
  await run(['dump', one.url, dump])
  const load = ['load', ...NORTH, two.url, dump]
  t.match(await run(load), { status: 0 })
  for (const name of [idOf(2), `${idOf(2)}.img`]) await rm(join(dump, name))
  const missing = new RegExp(`${idOf(2)}: it is missing, and the manifest has it`)
  t.match(await run(load), {
    status: 1,
    stderr: /not every image of the source could be read: all are left alone/,
  })
  t.same(await idsOn(two), [1, 2, 3].map(idOf))
  t.match(
    await run(['load', two.url, dump]),
    { status: 1, stderr: missing },
    'without --delete too',
  )
  t.match(await run(['compare', `dir:${dump}`, two.url]), { status: 1, stdout: missing })

  t.test('nor where the manifest came back after the listing', async t => {
    const [manifest, file] = [await readFile(join(dump, 'MANIFEST')), join(dump, 'MANIFEST')]
    await rm(file)
    const front = await frontOf(
      t,
      two,
      (method, url) =>
        method === 'GET' && url.startsWith('/v2/images?') && url.includes('os_hidden')
          ? writeFile(file, manifest).then(() => ({ images: [] }))
          : false,
      200,
    )
    const again = await run(['load', ...NORTH, '-j', '1', front, dump])
    t.match(again, { status: 1, stderr: missing })
    t.same(await idsOn(two), [1, 2, 3].map(idOf))
  })
})

t.test(
  'what left the source stays while an image that the target lacks cannot be copied',
  async t => {
    const [one, two] = await copied(t, [1, 2])
    await one.call('DELETE', `/v2/images/${idOf(1)}`)
    await one.create(bodyOf(3))
    await one.upload(idOf(3), 'the successor')
    const words = ['--attempts', '1', ...NORTH, one.url]
    const failing = await frontOf(
      t,
      two,
      (method, url) => method === 'PUT' && url !== '' && {},
      400,
    )
    const message =
      /1 image would be deleted, but 1 image could not be copied, .*: all are left alone/
    t.match(await run(['livecopy', ...words, failing]), { status: 1, stderr: message })
    t.match(await two.show(idOf(1)), { status: 'active' })
    t.match(await run(['livecopy', ...words, two.url]), { status: 0, stdout: /1 deleted/ })

    t.test('also what --strict refuses, and compare says it', async t => {
      const [old, young] = await copied(t, [1, 2])
      await old.call('DELETE', `/v2/images/${idOf(1)}`)
      await old.create({ ...bodyOf(3), tags: ['lost in v1'] })
      await old.upload(idOf(3), 'the successor')
      const strict = ['--strict', '--target-api', '1', ...NORTH, old.url, young.url]
      t.match(await run(['compare', ...strict]), { status: 1, stdout: message })
      t.match(await run(['livecopy', ...strict]), { status: 1, stderr: message })
      t.match(await young.show(idOf(1)), { status: 'active' })
    })
  },
)

t.test('--max-delete is a share of the copies that are selected', async t => {
  const [one, two] = await copied(t, [1, 2, 3, 4, 5, 6])
  for (const n of [1, 2]) await one.call('DELETE', `/v2/images/${idOf(n)}`)
  const dry = ['livecopy', '--dry-run', ...NORTH]
  const chosen = ['--filter', 'name~/[123]/']
  t.match(await run([...dry, ...chosen, one.url, two.url]), {
    status: 1,
    stderr: /2 images would be deleted, more than 50% of 3/,
  })
  t.match(await run([...dry, ...chosen, ...ALL, one.url, two.url]), { status: 0 })
  t.match(await run([...dry, one.url, two.url]), { status: 0, stdout: /2 to be deleted/ })

  t.test('others that both sides have do not count', async t => {
    for (const n of [3, 4, 5]) {
      await two.patch(idOf(n), [{ op: 'remove', path: `/${MARK}` }])
    }
    t.match(await run([...dry, one.url, two.url]), { status: 1, stderr: /more than 50% of 3/ })
  })
})

t.test('compare tells what only the target has as it is listed, and holds none', async t => {
  const one = await startTestServer(t)
  await one.create(bodyOf(1))
  const list = join(t.testdir(), 'list')
  const [pages, size] = [4, 100]
  const bare = { ...bodyOf(2), status: 'queued', visibility: 'private' }
  /** How many of the target's images were told when each page was asked for. */
  const told: number[] = []
  const big = await startListener(t, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://big')
    if (pathname !== '/v2/images') return sendJson(response, 200, { tasks: [] })
    const isProbe = searchParams.get('limit') === '1'
    if (isProbe || searchParams.has('os_hidden')) return sendJson(response, 200, { images: [] })
    void (async () => {
      const text = await readFile(list, 'utf8')
      told.push(text.split('\n').length - 1)
      const page = told.length
      const images = Array.from({ length: size }, (_, n) => ({
        ...bare,
        id: idOf(page * size + n),
      }))
      const next = `/v2/images?marker=${images.at(-1)?.id}`
      sendJson(response, 200, { images, ...(page < pages ? { next } : {}) })
    })()
  })
  const { status, stdout } = await run(['compare', '--combined', list, one.url, big])
  t.match({ status, stdout }, { status: 0, stdout: / 400 only on the target/ })
  // Few are on their way at a time: a page that is asked for ahead, and those between two listings and the file.
  told.forEach((count, page) => t.ok(count > (page - 1.1) * size, `page ${page + 1}: ${count}`))
  t.equal(told.length, pages)
})

t.test('what changes on the target before its turn is decided about anew', async t => {
  const [one, two] = await copied(t, [1, 2, 3, 4, 5, 6])
  for (const n of [1, 2, 3]) await one.call('DELETE', `/v2/images/${idOf(n)}`)
  let isDone = false
  const front = await frontOf(t, one, (_, url) => {
    if (isDone || !url.startsWith('/v2/images/')) return false
    isDone = true
    return Promise.all([
      two.patch(idOf(1), [{ op: 'remove', path: `/${MARK}` }]),
      two.patch(idOf(2), [{ op: 'replace', path: '/protected', value: true }]),
      two.call('DELETE', `/v2/images/${idOf(3)}`),
    ]).then(() => bodyOf(4))
  })
  const outcome = await run(['livecopy', '--json', '--attempts', '1', ...NORTH, front, two.url])
  t.equal(outcome.status, 0)
  t.match(JSON.parse(outcome.stdout), {
    images: [{}, {}, {}, { reason: 'unknown' }, { reason: 'protected' }, { reason: 'gone' }],
    totals: { deleted: 0, kept: 3, failed: 0 },
  })
})

t.test('a source that disowns what it lists is not believed', async t => {
  const [one, two] = await copied(t, [1, 2, 3, 4])
  let asked = 0
  const front = await startListener(t, (request, response) => {
    const url = request.url ?? ''
    if (url.startsWith('/v2/images/')) {
      asked += 1
      return sendJson(response, 404, {})
    }
    if (!url.startsWith('/v2/images?') || url.includes('os_hidden'))
      return void forwardAs({}, one.url, request, response)
    void idsOn(one).then(ids => {
      const images = ids.slice(0, 3).map(id => ({ ...bodyOf(1), status: 'queued', id }))
      return sendJson(response, 200, { images })
    })
  })
  t.match(await run(['livecopy', ...NORTH, front, two.url]), {
    status: 1,
    stderr: /lists image .* and has none of that id when it is asked .*: all are left alone/,
  })
  t.same(await idsOn(two), [1, 2, 3, 4].map(idOf))
  t.equal(asked, 2, 'and it is asked for nothing else')
})

t.test('the source is not asked for what is not removed anyway', async t => {
  const asked: string[] = []
  const spy = async (server: TestServer) =>
    await frontOf(t, server, (_, url) => {
      if (url.startsWith('/v2/images/')) asked.push(url)
      return false
    })
  const two = await startTestServer(t)
  for (let n = 10; n < 60; n += 1) await two.create(bodyOf(n))
  const empty = await spy(await startTestServer(t))
  t.match(await run(['livecopy', ...UNKNOWN, empty, two.url]), { status: 1, stderr: /lists none/ })
  t.same(asked, [])
  const one = await spy((await twoServers(t, [1]))[0])
  t.match(await run(['livecopy', ...UNKNOWN, '--max-delete', '2', '-j', '1', one, two.url]), {
    status: 1,
    stderr: /up to 50 images would be deleted, more than 2: all are left alone/,
  })
  t.ok(asked.filter(url => !url.endsWith('/file')).length < 8, 'nor for more than are too many')
})

t.test('a token that is refused while images are removed ends that', async t => {
  const [one, two] = await twoServers(t, [1])
  await run(['livecopy', one.url, two.url])
  for (let n = 10; n < 30; n += 1) await two.create(bodyOf(n))
  let refused = 0
  const front = await frontOf(
    t,
    two,
    method => {
      if (method !== 'DELETE') return false
      refused += 1
      return {}
    },
    401,
  )
  const words = [...UNKNOWN, ...ALL, '-j', '2', one.url]
  const outcome = await run(['livecopy', '--json', ...words, front])
  t.equal(outcome.status, 3)
  t.ok(refused <= 2)
  t.match(JSON.parse(outcome.stdout), {
    totals: { deleted: 0 },
    error: { code: 'unauthenticated' },
  })

  t.test('and gives up only that target of several', async t => {
    const third = await startTestServer(t)
    await third.create(bodyOf(7))
    const { status, stdout } = await run(['livecopy', ...words, front, third.url])
    t.match({ status, stdout }, { status: 1, stdout: /given up\n.* 1 deleted, .*\n1 target of 2/ })
  })
})

t.test('what the target has and nobody can read is neither missing nor ours', async t => {
  const [one, two] = await twoServers(t, [1, 2])
  await run(['livecopy', one.url, two.url])
  const odd = await startListener(t, (request, response) => {
    const url = request.url ?? ''
    const isHidden = url.includes('os_hidden')
    if (!url.startsWith('/v2/images?') || isHidden)
      return void forwardAs({}, two.url, request, response)
    const others = [2, 5].map(n => ({ ...bodyOf(n), size: 'much' }))
    void two.show(idOf(1)).then(first => sendJson(response, 200, { images: [first, ...others] }))
  })
  const { status, stdout } = await run(['compare', '--combined', '-', one.url, odd])
  t.match({ status, stdout }, { status: 1, stdout: `= ${idOf(1)}\n! ${idOf(2)}\n! ${idOf(5)}\n` })
  const copy = await run(['livecopy', '--json', ...UNKNOWN, one.url, odd])
  t.equal(copy.status, 1)
  t.match(JSON.parse(copy.stdout), {
    images: [
      { id: idOf(1), result: 'same' },
      { id: idOf(2), result: 'failed', error: { code: 'corrupt' } },
      { id: idOf(5), result: 'kept', reason: 'unreadable' },
    ],
  })
})

t.test('an id that a source makes up forges no line of a list', async t => {
  const two = await startTestServer(t)
  const hostile = await startListener(t, (request, response) => {
    const isList = request.url?.startsWith('/v2/images?') === true
    const isHidden = request.url?.includes('os_hidden') === true
    const images = [{ ...bodyOf(1), id: `x\n= ${idOf(1)}` }]
    sendJson(response, 200, isList ? { images: isHidden ? [] : images } : { tasks: [] })
  })
  const { stdout } = await run(['compare', '--combined', '-', hostile, two.url])
  t.notMatch(stdout, /^=/m)
  const file = join(t.testdir(), 'errors')
  await run(['compare', '--error', file, hostile, two.url])
  t.equal((await readFile(file, 'utf8')).trimEnd().split('\n').length, 1)
})

t.test(
  'an image without data on the source is in none of the lists, whatever the target has',
  async t => {
    const [one, two] = await twoServers(t, [])
    for (const server of [one, two]) await server.create(bodyOf(1))
    await two.upload(idOf(1), 'data')
    const { stdout, stderr } = await run(['compare', '--combined', '-', one.url, two.url])
    t.equal(stdout, '')
    t.match(stderr, /0 the same, 1 without data/)
  },
)

t.test('removing many images from a dump writes the manifest anew once', async t => {
  const numbers = Array.from({ length: 40 }, (_, n) => n + 1)
  const [one] = await twoServers(t, numbers)
  const dump = t.testdir()
  const words = ['dump', ...NORTH, ...ALL, one.url, dump]
  await run(words)
  for (const n of numbers.slice(1)) await one.call('DELETE', `/v2/images/${idOf(n)}`)
  t.match(await run(words), { status: 0, stdout: /39 deleted/ })
  const manifest = await readFile(join(dump, 'MANIFEST'), 'utf8')
  t.match(manifest, /^\{[^\n]*\}\n$/)
  t.match(await run(['verify', dump]), { status: 0, stdout: /^1 image ok/m })

  t.test('and a line of one who was killed meanwhile says that the image is gone', async t => {
    await run(['dump', (await twoServers(t, [50]))[0].url, dump])
    const file = join(dump, 'MANIFEST')
    const gone = `${JSON.stringify({ id: idOf(50), gone: true })}\n`
    await writeFile(file, `${await readFile(file, 'utf8')}${gone}`)
    for (const name of [idOf(50), `${idOf(50)}.img`]) await rm(join(dump, name))
    t.match(await run(['verify', dump]), { status: 0, stdout: /^1 image ok/m })
    const two = await startTestServer(t)
    t.match(await run(['load', two.url, dump]), { status: 0, stdout: /1 image created/ })
  })
})
