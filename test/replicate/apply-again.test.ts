import { access, readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { forwardAs } from '../support/forward.ts'
import { idOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { planned, set } from '../support/saved-plans.ts'
import { run } from '../support/program.ts'
import { OWNER, startTestServer, type TestServer } from '../support/server.ts'
import { bodyOf, twoServers } from '../support/two-servers.ts'

const MEMBERS = `/v2/images/${idOf(1)}/members`

/** Whom the image is shared with on a server. */
const membersOf = async (server: TestServer) =>
  (
    (await server.call('GET', MEMBERS)).json as {
      readonly members: readonly { readonly member_id: string; readonly status: string }[]
    }
  ).members.map(({ member_id, status }) => `${member_id} ${status}`)

/** A plan that is only about members of an image which both have, and which `friend` is a member of. */
const ofMembers = async (t: Test, change: (one: TestServer) => Promise<unknown>) =>
  await planned(
    t,
    [1],
    async (one, two) => {
      await one.patch(idOf(1), set('visibility', 'shared'))
      await one.call('POST', MEMBERS, { body: { member: 'friend' } })
      await run(['livecopy', '--members', one.url, two.url])
      await change(one)
    },
    ['--members'],
  )

t.test('what a member says to an image is carried out as planned', async t => {
  const { plan, two } = await ofMembers(
    t,
    async one => await one.call('PUT', `${MEMBERS}/friend`, { body: { status: 'accepted' } }),
  )
  t.match(await run(['apply', plan]), { status: 0, stderr: /updated: members/ })
  t.same(await membersOf(two), ['friend accepted'])
  t.match(await run(['apply', plan]), { status: 0, stdout: /1 the same/ })
})

t.test('nobody is let at an image that is not what it was when the plan was made', async t => {
  for (const [title, change, why] of [
    [
      'that was made private on the source',
      async one => await one.patch(idOf(1), set('visibility', 'private')),
      'it has changed on',
    ],
    [
      'that the source has lost',
      async one => await one.call('DELETE', `/v2/images/${idOf(1)}`),
      'has lost it',
    ],
    [
      'that was deactivated there',
      async one => await one.call('POST', `/v2/images/${idOf(1)}/actions/deactivate`),
      'its status was active and is deactivated',
    ],
    [
      'that was renamed on the target',
      async (_, two) => await two.patch(idOf(1), set('name', 'x')),
      'it has changed on',
    ],
  ] as const satisfies readonly (readonly [
    string,
    (one: TestServer, two: TestServer) => Promise<unknown>,
    string,
  ])[]) {
    t.test(title, async t => {
      const { plan, one, two } = await ofMembers(
        t,
        async one => await one.call('POST', MEMBERS, { body: { member: 'stranger' } }),
      )
      await change(one, two)
      t.match(await run(['apply', plan]), {
        status: 1,
        stderr: new RegExp(`image ${idOf(1)}: .*${why}.* since the plan was made`),
      })
      t.same(await membersOf(two), ['friend pending'])
    })
  }
})

t.test('new ids', async t => {
  const folder = t.testdir()
  const ids = join(folder, 'ids')
  const { plan, two } = await planned(
    t,
    [1, 3],
    async (one, two) => {
      await one.patch(idOf(1), [{ op: 'add', path: '/kernel_id', value: idOf(3) }])
      await two.create(bodyOf(3))
      await two.upload(idOf(3), 'another image of this id')
    },
    ['--on-conflict', 'new-id', '--id-map', ids],
    folder,
  )

  t.test('are not given out by apply --dry-run', async t => {
    t.match(await run(['apply', '--dry-run', plan]), {
      status: 0,
      stdout: /^2 images to be created/,
      stderr: new RegExp(`${idOf(3)} .image 3.: would be created`),
    })
    await t.rejects(access(ids), { code: 'ENOENT' })
  })

  t.test('that others follow are known again, also when that was done only in part', async t => {
    t.match(await run(['apply', plan]), { status: 0, stdout: /^2 images created/ })
    const { target } = JSON.parse(await readFile(ids, 'utf8')) as { readonly target: string }
    t.match(await two.show(idOf(1)), { kernel_id: target })
    t.match(await run(['apply', plan]), { status: 0, stdout: /2 the same, 0 failed/ })
    await two.patch(idOf(1), set('kernel_id', idOf(3)))
    t.match(await run(['apply', plan]), { status: 0, stderr: /updated: kernel_id/ })
    t.match(await two.show(idOf(1)), { kernel_id: target })
  })
})

t.test('what the plan leaves out does not follow new ids, and is told of', async t => {
  const folder = t.testdir()
  const { plan, two } = await planned(
    t,
    [1, 3],
    async (one, two) => {
      await run(['livecopy', '--filter', 'name=image?1', one.url, two.url])
      await one.patch(idOf(1), set('name', 'new'))
      await two.patch(idOf(1), [{ op: 'add', path: '/kernel_id', value: idOf(3) }])
      await two.create(bodyOf(3))
      await two.upload(idOf(3), 'another image of this id')
    },
    ['--on-conflict', 'new-id', '--id-map', join(folder, 'ids'), '-D', 'kernel_id'],
    folder,
  )
  t.match(await run(['apply', '-v', plan]), {
    status: 0,
    stdout: /not carried, left out by --dontreplicate: kernel_id/,
  })
  t.match(await two.show(idOf(1)), { name: 'new', kernel_id: idOf(3) })
})

t.test('properties that a service adds to all images are no reason to fail', async t => {
  const { plan, two } = await planned(t, [1])
  await run(['apply', plan])
  await two.patch(idOf(1), [{ op: 'add', path: '/scanned', value: 'yes' }])
  t.match(await run(['apply', plan]), { status: 0, stdout: /1 the same/ })
  t.match(await two.show(idOf(1)), { scanned: 'yes' })
})

t.test('what a service did not take, or somebody changed, is told, and left as it is', async t => {
  for (const visibility of ['private', 'public']) {
    t.test(visibility, async t => {
      const { plan, two } = await planned(t, [1], async one => {
        await one.patch(idOf(1), [
          ...set('visibility', visibility),
          { op: 'add', path: '/x', value: 'y' },
          ...set('tags', ['a']),
        ])
      })
      await run(['apply', plan])
      await two.patch(idOf(1), [{ op: 'remove', path: '/x' }, ...set('tags', [])])
      t.match(await run(['apply', plan]), {
        status: 1,
        stderr: new RegExp(
          `${two.url} has it with another tags, x, which it did not take, or somebody changed since`,
        ),
      })
      t.match(await two.show(idOf(1)), { tags: [] })
    })
  }
})

t.test('an image that cannot be asked for is one that failed, and the others are done', async t => {
  /** A server in front of another, which may fail where one image is asked for. */
  const before = async (t: Test, server: TestServer) => {
    let fails = false
    const isAsked = ({ method, url }: IncomingMessage) =>
      method === 'GET' && url === `/v2/images/${idOf(2)}`
    const url = await startListener(t, (request, response) => {
      if (fails && isAsked(request)) return sendJson(response, 403, {})
      // Limits have everything counted that is to be done.
      if (request.url?.startsWith('/v2/info/usage') !== true) {
        return void forwardAs(OWNER, server.url, request, response)
      }
      sendJson(response, 200, { usage: { image_count_total: { usage: 0, limit: 99 } } })
    })
    return { url, fail: () => (fails = true) }
  }
  for (const side of ['source', 'target'] as const) {
    t.test(`on the ${side}`, async t => {
      const [one, two] = await twoServers(t, [1, 2, 3])
      const ends = { source: await before(t, one), target: await before(t, two) }
      const plan = join(t.testdir(), 'plan')
      await run(['livecopy', '--save-plan', plan, ends.source.url, ends.target.url])
      ends[side].fail()
      for (const [words, stdout] of [
        [['--dry-run'], /^2 images to be created .*1 failed/],
        [[], /^2 images created .*1 failed/],
      ] as const) {
        t.match(await run(['apply', ...words, plan]), { status: 1, stdout })
      }
    })
  }

  t.test('but what a dump has half of it is written anew', async t => {
    const one = await startTestServer(t)
    await one.create(bodyOf(1))
    await one.upload(idOf(1), 'data')
    const folder = t.testdir({ dump: {} })
    const [dump, plan] = [join(folder, 'dump'), join(folder, 'plan')]
    await run(['dump', '--save-plan', plan, one.url, dump])
    await run(['apply', plan])
    await writeFile(join(dump, idOf(1)), 'no metadata')
    t.match(await run(['apply', plan]), { status: 0, stdout: /^1 image created/ })
    t.match(await run(['verify', dump]), { status: 0 })
  })
})

t.test(
  'what fails is told by its own id, also where that is the id of the copy of another',
  async t => {
    const folder = t.testdir()
    const ids = join(folder, 'ids')
    const { plan, one } = await planned(
      t,
      [1, 3],
      async (_, two) => {
        await two.create({ ...bodyOf(1), id: idOf(3) })
        await writeFile(ids, `{"source":"${idOf(1)}","target":"${idOf(3)}"}\n`)
      },
      ['--on-conflict', 'new-id', '--id-map', ids],
      folder,
    )
    await one.patch(idOf(3), set('name', 'new'))
    const { status, stderr } = await run(['apply', plan])
    t.equal(status, 1)
    t.match(
      stderr,
      `${idOf(3)} (image 3): failed: image ${idOf(3)}: it has changed on ${one.url}: `,
    )
  },
)

t.test('a plan that is carried out twice at once is done once, and nothing fails', async t => {
  const [one, two] = await twoServers(t, [1])
  const plan = join(t.testdir(), 'plan')
  let isFirst = true
  let other: Promise<unknown> | undefined
  const url = await startListener(t, (request, response) => {
    const answer = () => void forwardAs({}, one.url, request, response)
    if (request.url?.endsWith('/file') !== true || !isFirst) return answer()
    isFirst = false
    other = run(['apply', plan]).finally(answer)
  })
  t.match(await run(['livecopy', '--save-plan', plan, url, two.url]), { status: 0 })
  t.match(await run(['apply', plan]), { status: 0, stdout: /^1 image created .* 0 failed/ })
  t.match(await other, { status: 0, stdout: /^1 image created .* 0 failed/ })
  t.match(await run(['compare', one.url, two.url]), { status: 0 })
})
