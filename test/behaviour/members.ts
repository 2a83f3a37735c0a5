import { create, numbered, patch, type Row, type Scenario, type Who } from './table.ts'

const PATH = '/v2/images/{image}/members'
const MEMBER = {
  member_id: 'member',
  image_id: '{image}',
  status: 'pending',
  created_at: '<time>',
  updated_at: '<time>',
  schema: '/v2/schemas/member',
}

const add = (title: string, body: unknown, expected: Partial<Row> = {}): Row => {
  return { title, ask: `POST ${PATH}`, body, status: 200, ...expected }
}
const get = (title: string, member: string, expected: Partial<Row> = {}): Row => {
  return { title, ask: `GET ${PATH}/${member}`, status: 200, ...expected }
}
const put = (title: string, body: unknown, expected: Partial<Row> = {}): Row => {
  return { title, as: 'member', ask: `PUT ${PATH}/member`, body, status: 200, ...expected }
}
const visibility = (value: string, as: Who = 'owner') =>
  patch('image', [{ op: 'replace', path: '/visibility', value }], {
    title: `the image becomes ${value}`,
    as,
  })

const NO_MEMBERS: readonly (readonly [string, unknown])[] = [
  ['nothing', {}],
  ['a list', []],
  ['a list of members', ['member']],
  ['an empty member', { member: '' }],
  ['null', { member: null }],
  ['something else', { members: 'x' }],
]
const NO_STATUSES: readonly (readonly [string, unknown])[] = [
  ['nothing', {}],
  ['a list', []],
  ['an empty status', { status: '' }],
  ['null', { status: null }],
  ['a number', { status: 5 }],
  ['one that there is not', { status: 'foo' }],
  ['one in capitals', { status: 'Accepted' }],
  ['something else', { state: 'accepted' }],
]

export const MEMBERS: readonly Scenario[] = [
  {
    name: 'members',
    rows: numbered([
      create('image'),
      {
        title: 'at first there are none',
        ask: `GET ${PATH}`,
        status: 200,
        shows: { members: [], schema: '/v2/schemas/members' },
      },
      ...NO_MEMBERS.map(([title, body]) => add(`${title} is no member`, body, { status: 400 })),
      add('a stranger shares nothing', { member: 'x' }, { as: 'stranger', status: 404 }),
      add('a member is added', { member: 'member' }, { shows: MEMBER }),
      add('once', { member: 'member' }, { status: 409 }),
      add('a member does not share', { member: 'x' }, { as: 'member', status: 403 }),
      add(
        'an administrator does',
        { member: 'other' },
        { as: 'admin', shows: { member_id: 'other' } },
      ),
      {
        title: 'the owner sees all',
        ask: `GET ${PATH}`,
        status: 200,
        shows: { members: [{ member_id: 'member' }, { member_id: 'other' }] },
      },
      {
        title: 'as administrators do',
        as: 'admin',
        ask: `GET ${PATH}`,
        status: 200,
        shows: { members: [{ member_id: 'member' }, { member_id: 'other' }] },
      },
      {
        title: 'a member sees itself',
        as: 'member',
        ask: `GET ${PATH}`,
        status: 200,
        shows: { members: [MEMBER] },
      },
      { title: 'a stranger no image', as: 'stranger', ask: `GET ${PATH}`, status: 404 },
      get('the owner sees one', 'member', { shows: MEMBER }),
      get('a member sees its own', 'member', { as: 'member', shows: MEMBER }),
      get('an administrator sees it', 'member', { as: 'admin', shows: MEMBER }),
      get('a member sees no other', 'other', { as: 'member', status: 404 }),
      get('a stranger none', 'member', { as: 'stranger', status: 404 }),
      get('there is no other', 'nope', { status: 404 }),
      ...NO_STATUSES.map(([title, body]) => put(`${title} is no status`, body, { status: 400 })),
      ...['accepted', 'rejected', 'pending', 'accepted'].map((status, at) =>
        put(`${at}: the member says ${status}`, { status }, { shows: { ...MEMBER, status } }),
      ),
      put('the owner says nothing', { status: 'accepted' }, { as: 'owner', status: 403 }),
      put('nor does a stranger', { status: 'accepted' }, { as: 'stranger', status: 404 }),
      put(
        'an administrator may',
        { status: 'rejected' },
        { as: 'admin', shows: { status: 'rejected' } },
      ),
      put(
        'for others there is nothing to say',
        { status: 'accepted' },
        {
          ask: `PUT ${PATH}/other`,
          status: 404,
        },
      ),
      put('for nobody either', { status: 'accepted' }, { ask: `PUT ${PATH}/nope`, status: 404 }),
      visibility('private'),
      { title: 'only shared images have members', ask: `GET ${PATH}`, status: 403 },
      add('or take any', { member: 'z' }, { status: 403 }),
      { title: 'or lose any', ask: `DELETE ${PATH}/member`, status: 403 },
      get('or show them', 'member', { status: 404 }),
      {
        title: 'the member sees nothing',
        as: 'member',
        ask: 'GET /v2/images/{image}',
        status: 404,
      },
      visibility('shared'),
      get('members survive that', 'member', { shows: { status: 'rejected' } }),
      { title: 'a member stays', as: 'member', ask: `DELETE ${PATH}/member`, status: 403 },
      { title: 'for strangers too', as: 'stranger', ask: `DELETE ${PATH}/member`, status: 404 },
      { title: 'the owner ends it', ask: `DELETE ${PATH}/member`, status: 204 },
      { title: 'once', ask: `DELETE ${PATH}/member`, status: 404 },
      { title: 'no such member', ask: `DELETE ${PATH}/nope`, status: 404 },
      { title: 'it sees nothing', as: 'member', ask: 'GET /v2/images/{image}', status: 404 },
      add('it comes back', { member: 'member' }, { title: 'it comes back', shows: MEMBER }),
      {
        title: 'no such image to share',
        ask: 'POST /v2/images/nope/members',
        body: { member: 'x' },
        status: 404,
      },
      { title: 'or to ask', ask: 'GET /v2/images/nope/members/member', status: 404 },
      { title: 'or to end', ask: 'DELETE /v2/images/nope/members/member', status: 404 },
      visibility('public', 'admin'),
      {
        title: 'a public image has no members',
        as: 'stranger',
        ask: `GET ${PATH}`,
        status: 403,
      },
    ]),
  },
  {
    name: 'too many members',
    rows: [
      create('image'),
      ...Array.from({ length: 128 }, (_, at) => add(`member ${at + 1}`, { member: `m${at}` })),
      add('128 are enough', { member: 'more' }, { status: 413 }),
    ],
  },
]
