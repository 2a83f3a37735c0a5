import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { idOf } from './support/images.ts'
import { run } from './support/program.ts'
import { startTestServer, type TestServer } from './support/server.ts'

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
  t.match(await run(['livecopy', '--unmapped', 'drop', ...words]), { status: 0 })
  t.same(await membersOf(two), ['q1 accepted'])
  await writeFile(file, `p1: q1\np2: q2\n${owner}: ${owner}\n`)
  t.match(await run(['livecopy', ...words]), { status: 0 })
  t.same(await membersOf(two), ['q1 accepted', 'q2 pending'])
  t.match(await run(['compare', ...words]), { status: 0 })
})

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
