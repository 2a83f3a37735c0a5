import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { forwardAs } from '../support/forward.ts'
import { idOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { linesOf } from '../support/saved-plans.ts'
import { type Caller, startTestServer, type TestServer } from '../support/server.ts'

const NOBODY = {}
const [SHARED, PRIVATE] = [idOf(1), idOf(2)]

t.test('members of shared images and what they said to that are carried', async t => {
  const { one, two } = await sharing(t)
  const words = ['--members', one.url, two.url]
  t.match(await run(['livecopy', one.url, two.url]), { status: 0 })
  t.same(await membersOf(two), [], 'only where that is asked for')
  t.match(await run(['compare', ...words]), {
    status: 1,
    stdout: `${SHARED} (shared): members is ["p1 accepted","p2 pending"] on the source, [] on the target\n`,
  })
  t.match(await run(['livecopy', ...words]), {
    status: 0,
    stderr: `${SHARED} (shared): updated: members\n`,
  })
  t.same(await membersOf(two), ['p1 accepted', 'p2 pending'])
  t.match(await run(['compare', ...words]), { status: 0, stdout: /0 different, 2 the same/ })

  await one.call('DELETE', `/v2/images/${SHARED}/members/p1`)
  await share(one, 'p3', 'rejected')
  t.match(await run(['livecopy', ...words]), { status: 0 })
  t.same(await membersOf(two), ['p2 pending', 'p3 rejected'])

  const three = await startTestServer(t)
  t.match(await run(['livecopy', '--members', one.url, three.url]), { status: 0 })
  t.same(await membersOf(three), ['p2 pending', 'p3 rejected'], 'of a new image as well')
})

t.test('by v1 there are members, and whether they may share further, and nothing else', async t => {
  const { one, two } = await sharing(t)
  const older = ['--members', '--source-api', '1', one.url]
  t.match(await run(['livecopy', ...older, two.url]), { status: 0 })
  t.same(await membersOf(two), ['p1 pending', 'p2 pending'])
  t.match(await run(['compare', ...older, two.url]), { status: 0 })
  await one.call('PUT', `/v1/images/${SHARED}/members/p2`, {
    headers: { 'content-type': 'application/json' },
    body: { member: { can_share: true } },
  })
  const both = [...older, '--target-api', '1', two.url]
  t.match(await run(['compare', ...both]), {
    status: 1,
    stdout: /members is \["p1","p2 may share"\] on the source, \["p1","p2"\] on the target/,
  })
  t.match(await run(['livecopy', ...both]), { status: 0 })
  t.match((await two.call('GET', `/v1/images/${SHARED}/members`)).json, {
    members: [
      { member_id: 'p1', can_share: false },
      { member_id: 'p2', can_share: true },
    ],
  })
  t.match(await run(['compare', ...both]), { status: 0 })
})

t.test('members are the projects that --map-projects says', async t => {
  const { one, two } = await sharing(t)
  const owner = String((await one.show(SHARED, NOBODY))['owner'])
  const file = join(t.testdir(), 'projects')
  const words = ['--members', '--map-projects', file, one.url, two.url]
  await writeFile(file, `p1: q1\n${owner}: ${owner}\n`)
  t.match(await run(['livecopy', ...words]), {
    status: 1,
    stderr: /^project p2 is a member of 1 image, and .*projects does not name it: nothing/,
  })
  t.match(await run(['livecopy', '--unmapped', 'skip', ...words]), {
    status: 0,
    stdout: /^1 image created .* 1 of projects that are not mapped/,
  })
  const dropping = ['livecopy', '--unmapped', 'drop']
  const plan = `${file}.plan`
  for (const rehearsed of [['--dry-run'], ['--save-plan', plan]]) {
    t.match(await run([...dropping, ...rehearsed, ...words]), {
      status: 0,
      stdout: /^1 image to be created /,
      stderr: new RegExp(
        `^project p2 is a member of 1 image, and ${file} does not name it: no image is shared with it\n` +
          `${SHARED} \\(shared\\): would be created, `,
      ),
    })
  }
  t.match((await linesOf(plan))[1], { members: [{ project: 'q1', status: 'accepted' }] })
  t.match(await run(['apply', plan]), { status: 0, stdout: /^1 image created / })
  t.same(await membersOf(two), ['q1 accepted'])
  t.match(await run([...dropping, ...words]), {
    status: 0,
    stdout: /^0 images created .* 0 updated/,
  })
  t.same(await membersOf(two), ['q1 accepted'])
  await writeFile(file, `p1: q1\np2: q2\n${owner}: ${owner}\n`)
  t.match(await run(['livecopy', ...words]), { status: 0 })
  t.same(await membersOf(two), ['q1 accepted', 'q2 pending'])
  t.match(await run(['compare', ...words]), { status: 0 })
})

for (const { title, dump } of [
  { title: 'a directory', dump: 'images' },
  { title: 'an archive', dump: 'images.tar' },
]) {
  t.test(`a dump keeps members, in ${title}`, async t => {
    const { one, two } = await sharing(t)
    const path = join(t.testdir({ images: {} }), dump)
    t.match(await run(['dump', '--members', one.url, path]), { status: 0 })
    const address = dump === 'images' ? `dir:${path}` : `tar:${path}`
    t.match(await run(['verify', path]), { status: 0 })
    t.match(await run(['compare', '--members', one.url, address]), {
      status: 0,
      stdout: /0 different, 2 the same/,
    })
    t.match(await run(['load', two.url, path]), { status: 0 })
    t.same(await membersOf(two), [], 'and they are loaded only where that is asked for')
    t.match(await run(['compare', '--members', address, two.url]), {
      status: 1,
      stdout: /members is \["p1 accepted","p2 pending"\] on the source, \[\] on the target/,
    })
    t.match(await run(['load', '--members', two.url, path]), {
      status: 0,
      stderr: `${SHARED} (shared): updated: members\n`,
    })
    t.same(await membersOf(two), ['p1 accepted', 'p2 pending'])
    t.match(await run(['compare', '--members', address, two.url]), { status: 0 })

    const three = await startTestServer(t)
    const map = `${path}.projects`
    await writeFile(map, `p1: q1\np2: q2\n${'o'.repeat(32)}: ${'o'.repeat(32)}\n`)
    const words = ['--members', '--map-projects', map, three.url, path]
    t.match(await run(['load', ...words]), { status: 0 })
    t.same(await membersOf(three), ['q1 accepted', 'q2 pending'], 'as the map says')
  })

  t.test(`a dump without members says nothing of them, in ${title}`, async t => {
    const { one, two } = await sharing(t)
    t.match(await run(['livecopy', '--members', one.url, two.url]), { status: 0 })
    const path = join(t.testdir({ images: {} }), dump)
    t.match(await run(['dump', one.url, path]), { status: 0 })
    t.match(await run(['load', '--members', two.url, path]), { status: 0 })
    t.same(await membersOf(two), ['p1 accepted', 'p2 pending'], 'those that are there stay')
  })

  t.test(`that an image has no members is kept too, in ${title}`, async t => {
    const { one, two } = await sharing(t)
    t.match(await run(['livecopy', '--members', one.url, two.url]), { status: 0 })
    for (const project of ['p1', 'p2']) {
      await one.call('DELETE', `/v2/images/${SHARED}/members/${project}`)
    }
    const path = join(t.testdir({ images: {} }), dump)
    t.match(await run(['dump', '--members', one.url, path]), { status: 0 })
    t.match(await run(['load', '--members', two.url, path]), { status: 0 })
    t.same(await membersOf(two), [])
  })
}

t.test('the members of a dump are brought up to date, and stay when other things are', async t => {
  const { one } = await sharing(t)
  const folder = t.testdir()
  const metadata = async () =>
    JSON.parse(await readFile(join(folder, SHARED), 'utf8')) as Record<string, unknown>
  t.match(await run(['dump', one.url, folder]), { status: 0 })
  t.notOk('os_glance_members' in (await metadata()))
  t.match(await run(['dump', '--members', one.url, folder]), {
    status: 0,
    stderr: `${SHARED} (shared): updated: members\n`,
  })
  const members = [
    { member_id: 'p1', status: 'accepted' },
    { member_id: 'p2', status: 'pending' },
  ]
  t.same((await metadata())['os_glance_members'], members)
  t.match(await run(['dump', '--members', one.url, folder]), { stdout: /2 the same/ })
  await one.patch(SHARED, [{ op: 'replace', path: '/name', value: 'another' }], NOBODY)
  t.match(await run(['dump', one.url, folder]), { stdout: /1 updated/ })
  t.match(await metadata(), { name: 'another', os_glance_members: members })
  t.match(await run(['verify', folder]), { status: 0 })

  await writeFile(
    join(folder, SHARED),
    JSON.stringify({ ...(await metadata()), os_glance_members: 'p1' }),
  )
  t.match(await run(['compare', '--members', `dir:${folder}`, one.url]), {
    stdout: /members: .*os_glance_members: p1 is no list of members/,
  })
})

t.test('members of several projects that are one on the target are that one', async t => {
  const { one, two } = await sharing(t)
  const owner = String((await one.show(SHARED, NOBODY))['owner'])
  const file = join(t.testdir(), 'projects')
  await writeFile(file, `p1: q\np2: q\n${owner}: ${owner}\n`)
  const words = ['--members', '--map-projects', file, one.url, two.url]
  t.match(await run(['livecopy', ...words]), { status: 0 })
  t.same(await membersOf(two), ['q accepted'])
  t.match(await run(['compare', ...words]), { status: 0, stdout: /2 the same/ })
})

t.test('a target that fails while members are written', async t => {
  for (const [title, answers, members] of [
    ['once is asked again', [503], ['p1 accepted', 'p2 pending']],
    ['for good has the image, and none of its members', [503, 503, 503], []],
  ] as const) {
    t.test(title, async t => {
      const { one, two } = await sharing(t)
      const failing = [...answers]
      const url = await startListener(t, (request, response) => {
        const isMember = request.method === 'POST' && request.url?.endsWith('/members') === true
        const status = isMember ? failing.shift() : undefined
        if (status === undefined) return void forwardAs({}, two.url, request, response)
        request.resume()
        sendJson(response, status, { message: 'busy' })
      })
      const outcome = await run(['livecopy', '--attempts', '3', '--members', one.url, url])
      t.match(outcome, { stdout: /^2 images created .* 0 failed/ })
      if (members.length === 0) t.match(outcome.stderr, /members .*503 busy/)
      t.same(await membersOf(two), members)
    })
  }
})

t.test('members that the source does not show stay on the target', async t => {
  const one = await startTestServer(t, { auth: 'trusted_headers' })
  const two = await startTestServer(t)
  const owner = 'o'.repeat(32)
  const [us, admin] = [callerOf('us', 'member'), callerOf('ops', 'admin')]
  const formats = { disk_format: 'raw', container_format: 'bare', owner, visibility: 'shared' }
  await one.create({ id: SHARED, name: 'shared', ...formats }, admin)
  await one.upload(SHARED, 'data of shared', admin)
  const path = `/v2/images/${SHARED}/members`
  for (const member of ['us', 'p1']) {
    await one.call('POST', path, { headers: admin, body: { member } })
  }
  let caller = admin
  let isDenied = false
  const url = await startListener(t, (request, response) => {
    if (isDenied && request.url === path) return sendJson(response, 403, { message: 'not you' })
    void forwardAs(caller, one.url, request, response)
  })
  const words = ['livecopy', '--members', url, two.url]
  t.match(await run(words), { status: 0 })
  t.same(await membersOf(two), ['p1 pending', 'us pending'])

  t.test('because we are among them and see only ourselves, which is told', async t => {
    caller = us
    t.match(await run(words), {
      status: 0,
      stderr: /no administrator there .* none is removed/,
      stdout: /1 the same/,
    })
    t.same(await membersOf(two), ['p1 pending', 'us pending'])
  })

  for (const dump of ['images', 'images.tar']) {
    t.test(`and are not written into ${dump}, where they would be taken for all`, async t => {
      caller = us
      const folder = join(t.testdir({ images: {} }), dump)
      t.match(await run(['dump', '--members', url, folder]), { status: 0 })
      t.match(await run(['load', '--members', two.url, folder]), {
        status: 0,
        stdout: /1 the same/,
      })
      t.same(await membersOf(two), ['p1 pending', 'us pending'])
    })
  }

  t.test('because it shows none: then the image fails', async t => {
    isDenied = true
    t.match(await run(words), { status: 1, stderr: /members: GET .*: 403 not you/ })
    t.same(await membersOf(two), ['p1 pending', 'us pending'])
  })

  t.test('and go when an administrator sees that they have gone', async t => {
    caller = admin
    isDenied = false
    await one.call('DELETE', `${path}/p1`, { headers: admin })
    t.match(await run(words), { status: 0, stderr: /updated: members/ })
    t.same(await membersOf(two), ['us pending'])
  })
})

function callerOf(project: string, role: string): Caller {
  return {
    'x-identity-status': 'Confirmed',
    'x-user-id': `user of ${project}`,
    'x-project-id': project,
    'x-roles': role,
  }
}

/** Two services, the first with an image that is shared with p1, who accepted, and p2. */
async function sharing(t: Test) {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  for (const [id, visibility] of [
    [SHARED, 'shared'],
    [PRIVATE, 'private'],
  ]) {
    const formats = { disk_format: 'raw', container_format: 'bare' }
    const owner = { owner: 'o'.repeat(32) }
    await one.create({ id, name: visibility, visibility, ...formats, ...owner }, NOBODY)
    await one.upload(String(id), `data of ${visibility}`, NOBODY)
  }
  await share(one, 'p1', 'accepted')
  await share(one, 'p2')
  return { one, two }
}

async function share(server: TestServer, member: string, status?: string) {
  await server.call('POST', `/v2/images/${SHARED}/members`, { body: { member } })
  if (status === undefined) return
  await server.call('PUT', `/v2/images/${SHARED}/members/${member}`, { body: { status } })
}

async function membersOf(server: TestServer): Promise<string[]> {
  const { json } = await server.call('GET', `/v2/images/${SHARED}/members`)
  const members = json['members'] as { member_id: string; status: string }[] // As the API has it.
  return members.map(({ member_id, status }) => `${member_id} ${status}`).toSorted()
}
