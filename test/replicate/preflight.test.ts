import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { forwardAs } from '../support/forward.ts'
import { idOf, imageOf } from '../support/images.ts'
import { SERVICE_USER } from '../support/keystone-documents.ts'
import { ENDPOINT_ID, startKeystone } from '../support/keystone.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { ADMIN, type Caller, OWNER, startTestServer, type TestServer } from '../support/server.ts'
import { bodyOf, twoServers } from '../support/two-servers.ts'

const MIB = 1024 ** 2

/** A service whose project has these limits, as `caller` sees it. */
async function limited(
  t: Test,
  limits: Readonly<Record<string, number>>,
  caller: Caller = OWNER,
): Promise<{ readonly url: string; readonly server: TestServer }> {
  const keystone = await startKeystone(t)
  const plenty = { image_size_total: 9, image_stage_total: 9, image_count_uploading: 9 }
  for (const [name, most] of Object.entries({ ...plenty, image_count_total: 9, ...limits }))
    keystone.registeredLimits.set(name, most)
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    useKeystoneLimits: true,
    limits: {
      endpointId: ENDPOINT_ID,
      authUrl: `${keystone.url}/v3`,
      username: SERVICE_USER.name,
      userDomainId: SERVICE_USER.domain,
      password: SERVICE_USER.password,
      systemScope: 'all',
    },
  })
  const url = await startListener(
    t,
    (request, response) => void forwardAs(caller, server.url, request, response),
  )
  return { url, server }
}

/** A service with one image of a pebibyte, of which a few bytes come; and how often it was listed. */
async function huge(t: Test): Promise<{ readonly url: string; readonly listed: () => number }> {
  let listed = 0
  const url = await startListener(t, (request, response) => {
    if (request.url?.endsWith('/file') === true) return void response.end('a few bytes')
    const hidden = request.url?.includes('os_hidden=true') === true
    if (request.url?.startsWith('/v2/images') === true && hidden) listed += 1
    const images = hidden ? [] : [imageToV2({ ...imageOf(1), size: 2 ** 50 })]
    sendJson(response, 200, { images })
  })
  return { url, listed: () => listed }
}

t.test('a disk that has no room for all of it', async t => {
  const { url, listed } = await huge(t)
  const folder = t.testdir()
  const lacks = (target: string) =>
    new RegExp(String.raw`^${target}: 1\.0 PiB of data to be written, and \d+\.\d [KMGT]iB free\n$`)

  t.test('has nothing dumped to it, and the exit status is 4', async t => {
    const before = listed()
    t.match(await run(['dump', url, folder]), {
      status: 4,
      stdout: /^0 images created .*\nnothing was copied: .* --preflight warn\n$/,
      stderr: lacks(`dir:${folder}`),
    })
    t.same(await readdir(folder), [])
    t.equal(listed() - before, 1, 'what does not go is not listed again')
  })

  t.test('is told of by a dry run, and in JSON', async t => {
    const { status, stdout } = await run(['dump', '--dry-run', '--json', url, folder])
    t.equal(status, 4)
    const shortage = { what: 'free_space', needed: 2 ** 50, limit: null, message: /free$/ }
    t.match(JSON.parse(stdout), {
      images: [{ result: 'would_create' }],
      shortages: [shortage],
      stopped: true,
      error: null,
    })
  })

  t.test('is the one that an archive is on, which is not begun', async t => {
    const file = join(folder, 'images.tar')
    t.match(await run(['dump', url, file]), { status: 4, stderr: lacks(`tar:${file}`) })
    t.match(await run(['dump', '--dry-run', url, file]), { status: 4 })
    t.same(await readdir(folder), [])
  })

  t.test('is only warned of when the archive is compressed', async t => {
    const file = join(t.testdir(), 'images.tar.gz')
    t.match(await run(['dump', '--dry-run', url, file]), {
      status: 0,
      stderr: /PiB of data to be written/,
    })
  })

  t.test('--preflight warn tries it all the same, off does not even say so', async t => {
    const words = ['dump', '--attempts', '1', url, t.testdir()]
    t.match(await run([...words, '--preflight', 'warn']), {
      status: 1,
      stderr: /1\.0 PiB of data to be written.*\n.*failed: /,
    })
    t.notMatch((await run([...words, '--preflight', 'off'])).stderr, /to be written/)
  })
})

t.test('a quota', async t => {
  const [one] = await twoServers(t, [])
  for (const n of [1, 2, 3]) {
    await one.create(bodyOf(n))
    await one.upload(idOf(n), Buffer.alloc(MIB))
  }
  const left = (text: string) => new RegExp(`: ${text}\n$`)
  for (const { limits, stderr } of [
    {
      limits: { image_size_total: 2 },
      stderr: left(
        String.raw`3\.0 MiB of data to be copied, and our project has 2\.0 MiB of 2\.0 MiB left \(image_size_total\)`,
      ),
    },
    {
      limits: { image_count_total: 2 },
      stderr: left(
        String.raw`3 images to be created, and our project may have 2 more, of 2 in all \(image_count_total\)`,
      ),
    },
    {
      limits: { image_count_uploading: 2 },
      stderr: left(
        String.raw`3 images to be copied at once, and our project may upload 2 more, of 2 in all \(image_count_uploading\): say less by -j`,
      ),
    },
  ]) {
    t.test(`of ${Object.keys(limits)[0]} that is too small stops the run`, async t => {
      const { url, server } = await limited(t, limits)
      t.match(await run(['livecopy', one.url, url]), { status: 4, stderr })
      t.match(await run(['livecopy', '--dry-run', one.url, url]), { status: 4, stderr })
      const found = await server.call('GET', '/v2/images', { as: OWNER })
      t.match(found.json, { images: { length: 0 } })
    })
  }

  t.test('that suffices does not, nor one of uploads when there are fewer at once', async t => {
    const { url } = await limited(t, {
      image_size_total: 3,
      image_count_total: 3,
      image_count_uploading: 1,
    })
    t.match(await run(['livecopy', '-j', '1', one.url, url]), {
      status: 0,
      stdout: /^3 images created/,
    })
    t.match(await run(['livecopy', one.url, url]), { status: 0, stderr: '' })
  })

  t.test('counts no record that is there already, and waits for its data', async t => {
    const { url } = await limited(t, { image_count_total: 3 })
    await run(['livecopy', '-m', one.url, url])
    t.match(await run(['livecopy', one.url, url]), { status: 0, stdout: /^3 images created/ })
  })

  t.test('of one target of several has that one given up', async t => {
    const [small, large] = [await limited(t, { image_count_total: 2 }), await limited(t, {})]
    for (const dry of [['--dry-run'], []]) {
      const words = ['livecopy', '--json', ...dry, one.url, small.url, large.url]
      const { status, stdout } = await run(words)
      t.equal(status, 1)
      t.match(JSON.parse(stdout), {
        stopped: false,
        targets: [
          { shortages: [{ what: 'image_count_total', needed: 3, available: 2, limit: 2 }] },
          { shortages: [], error: null, totals: { created: 3 } },
        ],
      })
    }
    const both = [small.url, (await limited(t, { image_count_total: 1 })).url]
    t.match(await run(['livecopy', one.url, ...both]), { status: 4, stdout: /nothing was copied/ })
  })

  t.test('has to suffice for what an apply does, not for what it is going to refuse', async t => {
    const [one] = await twoServers(t, [1, 2])
    const { url } = await limited(t, { image_count_total: 1 })
    const plan = join(t.testdir(), 'plan')
    t.match(await run(['livecopy', '--save-plan', plan, one.url, url]), { status: 4 })
    t.match(await run(['apply', plan]), { status: 4, stderr: /2 images to be created/ })
    await one.patch(idOf(2), [{ op: 'replace', path: '/name', value: 'new' }])
    t.match(await run(['apply', plan]), {
      status: 1,
      stdout: /^1 image created .* 1 failed/,
      stderr: /it has changed on/,
    })
  })

  t.test('is an obstacle to an administrator only when it is full', async t => {
    const { url } = await limited(t, { image_count_total: 1 }, ADMIN)
    t.match(await run(['livecopy', one.url, url]), { status: 0, stdout: /^3 images created/ })
    const full = await limited(t, { image_count_total: 0 }, ADMIN)
    t.match(await run(['livecopy', one.url, full.url]), { status: 4 })
  })

  t.test('is not held against what an archive has, which is read once', async t => {
    const file = join(t.testdir(), 'images.tar')
    await run(['dump', one.url, file])
    const { url } = await limited(t, { image_count_total: 2 })
    t.match(await run(['load', '-v', url, file]), {
      status: 1,
      stdout: /2 images created .*1 failed/,
      stderr: /is read once, so that nobody knows whether all of it has room/,
    })
  })
})

t.test('what the target takes', async t => {
  const [one] = await twoServers(t, [])
  for (const [n, format] of [
    [1, 'raw'],
    [2, 'ploop'],
  ] as const) {
    await one.create({ ...bodyOf(n), disk_format: format, visibility: 'community' })
    await one.upload(idOf(n), `data of image ${n}`)
  }

  t.test('an image of a format that it has not is refused, and the others go', async t => {
    const two = await startTestServer(t, { diskFormats: ['raw', 'qcow2'] })
    const why = `image ${idOf(2)}: ${two.url} takes no disk_format 'ploop', only raw, qcow2`
    for (const [dry, stdout] of [
      [['--dry-run'], /^1 image to be created .* 1 failed\n/],
      [[], /^1 image created .* 1 failed\n$/],
    ] as const) {
      const outcome = await run(['livecopy', ...dry, one.url, two.url])
      t.match(outcome, { status: 1, stdout })
      t.ok(outcome.stderr.includes(`${idOf(2)} (image 2): failed: ${why}\n`))
    }
    t.match(await run(['livecopy', '--preflight', 'warn', one.url, two.url]), {
      status: 1,
      stderr: /400/,
    })
  })

  t.test('a visibility that it has not is foretold, and the image goes without it', async t => {
    const two = await startTestServer(t)
    const url = await startListener(t, (request, response) => {
      if (request.url !== '/v2/schemas/image') return void forwardAs({}, two.url, request, response)
      sendJson(response, 200, { properties: { visibility: { enum: ['public', 'private'] } } })
    })
    const { status, stdout, stderr } = await run(['livecopy', '--dry-run', one.url, url])
    t.equal(status, 1)
    t.match(stdout, /2 not taken in full/)
    t.match(stderr, /visibility would be refused: .* takes no visibility 'community', only public/)
  })

  t.test('a service that shows no schema is asked for nothing more', async t => {
    const two = await startTestServer(t)
    const url = await startListener(t, (request, response) => {
      if (!/schemas|usage/.test(request.url ?? ''))
        return void forwardAs({}, two.url, request, response)
      sendJson(response, 403, { message: 'not for you' })
    })
    t.match(await run(['livecopy', one.url, url]), { status: 0, stdout: /^2 images created/ })
  })
})

t.test('a target that refuses the token is given up, and the others are copied to', async t => {
  for (const [path, flags] of [
    ['/v2/info/usage', []],
    ['/v2/schemas/image', []],
    ['/v2/info/usage', ['--dry-run']],
    ['/v2/schemas/image', ['--dry-run']],
    ['/v2/schemas/image', ['--dry-run', '--preflight', 'warn']],
  ] as const) {
    t.test(`at ${[path, ...flags].join(' ')}`, async t => {
      const [one, two] = await twoServers(t, [1, 2])
      const third = await startTestServer(t)
      const url = await startListener(t, (request, response) => {
        if (request.url?.startsWith(path) !== true) {
          return void forwardAs(OWNER, third.url, request, response)
        }
        sendJson(response, 401, {})
      })
      const { status, stdout, stderr } = await run(['livecopy', ...flags, one.url, two.url, url])
      const done = flags.length === 0 ? 'created' : 'to be created'
      t.equal(status, 1, stderr)
      t.match(stdout, new RegExp(`${two.url}: 2 images ${done}`))
      t.match(stdout, new RegExp(`${url}: .* failed, given up`))
      t.match(stdout, '1 target of 2 given up')
      t.match(stderr, new RegExp(`${url}: given up: .*401`))
    })
  }
})

t.test('limits and formats that a service fails to tell are asked for once', async t => {
  const [one, two] = await twoServers(t, [1])
  const asked: string[] = []
  const url = await startListener(t, (request, response) => {
    const path = request.url ?? ''
    if (!path.startsWith('/v2/info/usage') && !path.startsWith('/v2/schemas/image')) {
      return void forwardAs(OWNER, two.url, request, response)
    }
    asked.push(path)
    sendJson(response, 503, {})
  })
  t.match(await run(['livecopy', '-v', one.url, url]), {
    status: 0,
    stdout: /\n1 image created/,
    stderr: new RegExp(`${url}: its quotas are not known: GET .*/v2/info/usage: 503`),
  })
  t.same(asked, ['/v2/info/usage', '/v2/schemas/image'])
})
