import t from 'tap'
import type { Visibility } from '../../lib/image/image.ts'
import { PATCH_MEDIA_TYPE } from '../../lib/wire/v2-patch.ts'
import {
  ADMIN,
  type Caller,
  MEMBER,
  OWNER,
  startTestServer,
  STRANGER,
  type TestServer,
} from '../support/server.ts'

// Keystone gives who is a member the role of a reader as well. Case makes no difference.
const owner: Caller = { ...OWNER, 'x-roles': 'Member,READER' }
const member: Caller = { ...MEMBER, 'x-roles': 'member,reader' }
const stranger: Caller = { ...STRANGER, 'x-roles': 'member, reader' }
const reader: Caller = { ...OWNER, 'x-roles': 'reader' }
const roleless: Caller = { ...OWNER, 'x-roles': 'something' }
const anonymous: Caller = {}
const PEOPLE = { owner, member, stranger, admin: ADMIN, anonymous }

interface Request {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Caller
}

const ACTIONS = {
  show: { method: 'GET', path: '' },
  download: { method: 'GET', path: '/file' },
  patch: {
    method: 'PATCH',
    path: '',
    body: [{ op: 'add', path: '/x', value: 'y' }],
    headers: { 'content-type': PATCH_MEDIA_TYPE },
  },
  publicize: {
    method: 'PATCH',
    path: '',
    body: [{ op: 'replace', path: '/visibility', value: 'public' }],
    headers: { 'content-type': PATCH_MEDIA_TYPE },
  },
  // There is data already, which is found out only once it is known that it could be sent.
  upload: {
    method: 'PUT',
    path: '/file',
    body: 'data',
    headers: { 'content-type': 'application/octet-stream' },
  },
  tag: { method: 'PUT', path: '/tags/x' },
  deactivate: { method: 'POST', path: '/actions/deactivate' },
  'list members': { method: 'GET', path: '/members' },
  'show a member': { method: 'GET', path: '/members/member' },
  'add a member': { method: 'POST', path: '/members', body: { member: 'third' } },
  'accept as a member': { method: 'PUT', path: '/members/member', body: { status: 'accepted' } },
  'remove a member': { method: 'DELETE', path: '/members/member' },
  delete: { method: 'DELETE', path: '' },
} as const satisfies Record<string, Request>
type Action = keyof typeof ACTIONS

/** What the owner, a member, a stranger, an administrator and an anonymous caller are answered. As Glance 25.1. */
const ANSWERS: Readonly<Record<Action, Readonly<Record<Visibility, string>>>> = {
  show: {
    public: '200 200 200 200 200',
    community: '200 200 200 200 200',
    shared: '200 200 404 200 404',
    private: '200 404 404 200 404',
  },
  download: {
    public: '200 200 200 200 200',
    community: '200 200 200 200 200',
    shared: '200 200 404 200 404',
    private: '200 404 404 200 404',
  },
  patch: {
    public: '200 403 403 200 403',
    community: '200 403 403 200 403',
    shared: '200 403 404 200 403',
    private: '200 404 404 200 403',
  },
  publicize: {
    public: '403 403 403 200 403',
    community: '403 403 403 200 403',
    shared: '403 403 404 200 403',
    private: '403 404 404 200 403',
  },
  upload: {
    public: '409 403 403 409 403',
    community: '409 403 403 409 403',
    shared: '409 403 404 409 403',
    private: '409 404 404 409 403',
  },
  tag: {
    public: '204 403 403 204 403',
    community: '204 403 403 204 403',
    shared: '204 403 404 204 403',
    private: '204 404 404 204 403',
  },
  deactivate: {
    public: '204 403 403 204 403',
    community: '204 403 403 204 403',
    shared: '204 403 404 204 403',
    private: '204 404 404 204 403',
  },
  'list members': {
    public: '403 403 403 403 403',
    community: '403 403 403 403 403',
    shared: '200 200 404 200 404',
    private: '403 404 404 403 404',
  },
  'show a member': {
    public: '404 404 404 404 404',
    community: '404 404 404 404 404',
    shared: '200 200 404 200 404',
    private: '404 404 404 404 404',
  },
  'add a member': {
    public: '403 403 403 403 403',
    community: '403 403 403 403 403',
    shared: '200 403 404 200 403',
    private: '403 404 404 403 403',
  },
  'accept as a member': {
    public: '403 403 403 403 403',
    community: '403 403 403 403 403',
    shared: '403 200 404 200 403',
    private: '403 404 404 403 403',
  },
  'remove a member': {
    public: '403 403 403 403 403',
    community: '403 403 403 403 403',
    shared: '204 403 404 204 403',
    private: '403 404 404 403 403',
  },
  delete: {
    public: '204 403 403 204 403',
    community: '204 403 403 204 403',
    shared: '204 403 404 204 403',
    private: '204 404 404 204 403',
  },
}

/** Whether a listing shows an image to the same five: `d` by default, `a` only with `visibility=all`, `-` never. */
const LISTINGS: Readonly<Record<Visibility, string>> = {
  public: 'd d d d d',
  community: 'd a a a a',
  shared: 'd d - d -',
  private: 'd - - d -',
}

const VISIBILITIES = Object.keys(LISTINGS) as Visibility[] // They are its keys.
const names = Object.keys(PEOPLE).join(', ')

for (const enforceNewDefaults of [false, true]) {
  const rules = enforceNewDefaults ? 'by the new defaults' : 'by default'
  t.test(`who may do what with an image, ${rules}`, async t => {
    const server = await startTestServer(t, {
      auth: 'trusted_headers',
      allowAnonymousAccess: !enforceNewDefaults,
      enforceNewDefaults,
    })
    // By the new defaults an anonymous caller may do nothing at all: see below.
    const people = Object.values(PEOPLE).slice(0, enforceNewDefaults ? 4 : 5)
    // One image for each visibility does, until somebody has changed it.
    const images = new Map<Visibility, string>()
    const imageOf = async (visibility: Visibility) => {
      const id = images.get(visibility) ?? (await seed(server, visibility))
      images.set(visibility, id)
      return id
    }
    for (const action of Object.keys(ANSWERS) as Action[]) {
      for (const visibility of VISIBILITIES) {
        const expected = ANSWERS[action][visibility].split(' ').slice(0, people.length).join(' ')
        t.test(`${action}, when ${visibility}: ${names} get ${expected}`, async t => {
          const found: number[] = []
          for (const as of people) {
            const status = await attempt(server, ACTIONS[action], await imageOf(visibility), as)
            found.push(status)
            if (ACTIONS[action].method !== 'GET' && status < 400) images.delete(visibility)
          }
          t.equal(found.join(' '), expected)
        })
      }
    }
    for (const visibility of VISIBILITIES) {
      t.test(`list, when ${visibility}: ${names} see it ${LISTINGS[visibility]}`, async t => {
        const id = await imageOf(visibility)
        const found: string[] = []
        for (const as of people) {
          const usual = await isListed(server, '', id, as)
          const ever = await isListed(server, '&visibility=all', id, as)
          found.push(usual ? 'd' : ever ? 'a' : '-')
        }
        const expected = LISTINGS[visibility].split(' ').slice(0, people.length).join(' ')
        t.equal(found.join(' '), expected)
      })
    }
  })
}

t.test('by the new defaults', async t => {
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    allowAnonymousAccess: true,
    enforceNewDefaults: true,
  })
  const callers = { reader, roleless, anonymous }
  for (const [who, action, status] of [
    ['reader', 'show', 200],
    ['reader', 'download', 403],
    ['reader', 'patch', 403],
    ['reader', 'upload', 403],
    ['reader', 'delete', 403],
    ['reader', 'list members', 200],
    ['reader', 'add a member', 403],
    ['roleless', 'show', 404],
    ['roleless', 'download', 404],
    ['roleless', 'patch', 404],
    ['roleless', 'delete', 404],
    ['roleless', 'list members', 404],
    ['anonymous', 'show', 404],
    ['anonymous', 'download', 404],
    ['anonymous', 'delete', 403],
  ] as const) {
    t.test(`a ${who} caller who wants to ${action} gets ${status}`, async t => {
      const id = await seed(server, 'shared')
      t.equal(await attempt(server, ACTIONS[action], id, callers[who]), status)
    })
  }

  t.test('listing takes the role of a reader', async t => {
    const list = (as: Caller) => server.call('GET', '/v2/images', { as })
    t.equal((await list(reader)).status, 200)
    t.match(await list(roleless), {
      status: 403,
      json: { message: /^You are not authorized to complete get_images action\./ },
    })
    t.equal((await list(anonymous)).status, 403)
  })

  t.test('creating takes the role of a member', async t => {
    const create = (as: Caller) => server.call('POST', '/v2/images', { as, body: {} })
    t.equal((await create(owner)).status, 201)
    t.match(await create(reader), {
      status: 403,
      json: { message: /^You are not authorized to complete add_image action\./ },
    })
  })
})

t.test('a refusal says why', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers', allowAnonymousAccess: true })
  const id = await seed(server, 'community')
  for (const [action, as, message] of [
    ['patch', stranger, 'You do not own this image'],
    ['delete', stranger, 'You do not own this image'],
    ['deactivate', stranger, 'You do not own this image'],
    ['upload', stranger, `Not allowed to upload image data for image ${id}`],
    ['tag', stranger, `Not allowed to update tags for image ${id}.`],
    ['publicize', owner, 'You are not authorized to complete publicize_image action.'],
    ['delete', anonymous, 'Read-only access'],
  ] as const) {
    t.test(`${action}: ${message}`, async t => {
      const { method, path, ...rest }: Request = ACTIONS[action]
      const { json } = await server.call(method, `/v2/images/${id}${path}`, { as, ...rest })
      t.equal(json['message'], `${message}<br /><br />\n\n\n`)
    })
  }
  t.test('of tasks as well', async t => {
    const { status, json } = await server.call('GET', '/v2/tasks', { as: owner })
    t.equal(status, 403)
    t.match(json['message'], 'You are not authorized to complete tasks_api_access action.')
  })
})

/** An image with data and a member that has accepted. */
async function seed(server: TestServer, visibility: Visibility): Promise<string> {
  const id = await server.create(undefined, owner)
  await server.upload(id, 'data', owner)
  await server.call('POST', `/v2/images/${id}/members`, { as: owner, body: { member: 'member' } })
  const body = { status: 'accepted' }
  await server.call('PUT', `/v2/images/${id}/members/member`, { as: member, body })
  await server.patch(id, [{ op: 'replace', path: '/visibility', value: visibility }], ADMIN)
  return id
}

async function attempt(
  server: TestServer,
  { method, path, ...rest }: Request,
  id: string,
  as: Caller,
): Promise<number> {
  return (await server.call(method, `/v2/images/${id}${path}`, { as, ...rest })).status
}

async function isListed(
  server: TestServer,
  query: string,
  id: string,
  as: Caller,
): Promise<boolean> {
  const { json } = await server.call('GET', `/v2/images?id=${id}${query}`, { as })
  return (json['images'] as unknown[]).length === 1 // Images are a list.
}
