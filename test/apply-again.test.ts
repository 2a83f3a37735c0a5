import t, { type Test } from 'tap'
import { idOf } from './support/images.ts'
import { planned, set } from './support/saved-plans.ts'
import { run } from './support/program.ts'
import type { TestServer } from './support/server.ts'

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
