import type { Row, Scenario, Who } from './table.ts'
import { make, RAW } from './v1-table.ts'

const PATH = '/v1/images/{image}/members'

const put = (member: string, title: string, rest: Partial<Row> = {}): Row => {
  return { title, ask: `PUT ${PATH}/${member}`, status: 204, ...rest }
}
const replace = (title: string, body: unknown, rest: Partial<Row> = {}): Row => {
  return { title, ask: `PUT ${PATH}`, body, status: 204, ...rest }
}
const remove = (member: string, title: string, rest: Partial<Row> = {}): Row => {
  return { title, ask: `DELETE ${PATH}/${member}`, status: 204, ...rest }
}
const members = (title: string, all: Readonly<Record<string, boolean>>, as: Who = 'owner'): Row => {
  const rows = Object.entries(all).map(([member_id, can_share]) => ({ member_id, can_share }))
  return { title, as, ask: `GET ${PATH}`, status: 200, shows: { members: rows } }
}
const shared = (title: string, project: string, images: unknown, as: Who = 'owner'): Row => {
  const ask = `GET /v1/shared-images/${project}`
  return { title, as, ask, status: 200, shows: { shared_images: images } }
}
const sharing = (canShare: unknown) => ({ member: { can_share: canShare } })

/** Bodies that say nothing of whether a member may share. */
const SILENT: readonly (readonly [string, unknown])[] = [
  ['an empty object', {}],
  ['an empty list', []],
  ['something else', { can_share: true }],
  ['an empty member', { member: {} }],
]
const NO_MEMBER: readonly (readonly [string, unknown])[] = [
  ['text', 'text'],
  ['a number', '5'],
  ['null', 'null'],
  ['a member that is null', { member: null }],
  ['a member that is text', { member: 'can_share' }],
]
const NO_MEMBERS: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['text', 'text'],
  ['an empty object', {}],
  ['a list', ['member']],
  ['null', { memberships: null }],
  ['no list', { memberships: 'member' }],
  ['members that are text', { memberships: ['member'] }],
  ['members without an id', { memberships: [{ can_share: true }] }],
  ['members with a number', { memberships: [{ member_id: 5 }] }],
  ['members with an empty id', { memberships: [{ member_id: '' }] }],
]

export const V1_MEMBERS: readonly Scenario[] = [
  {
    name: 'v1: the members of an image',
    rows: [
      make('image'),
      members('are none at first', {}),
      put('member', 'are added'),
      put('member', 'are added again'),
      members('may not share', { member: false }),
      put('member', 'may when that is said', { body: sharing(true) }),
      ...SILENT.map(([title, body]) => put('member', `${title} leaves it at that`, { body })),
      members('may share then', { member: true }),
      ...NO_MEMBER.map(([title, body]) =>
        put('member', `${title} is refused`, { body, status: 400 }),
      ),
      ...([0, '', null, [], {}] as const).map(no =>
        put('member', `may not share by ${JSON.stringify(no)}`, { body: sharing(no) }),
      ),
      members('may not share any more', { member: false }),
      put('member', 'may share by what is something', { body: sharing('false') }),
      put('other', 'are added by a member that may share', { as: 'member' }),
      put('%F0%9F%98%80', 'are of the first plane', { status: 400 }),
      members('are all shown to the owner', { member: true, other: false }),
      members('and to administrators', { member: true, other: false }, 'admin'),
      members('but to a member only itself', { member: true }, 'member'),
      { title: 'and to a stranger none', as: 'stranger', ask: `GET ${PATH}`, status: 404 },
      put('x', 'are not added by a stranger', { as: 'stranger', status: 404 }),
      put('x', 'nor by nobody', { as: 'nobody', status: 401 }),
      put('x', 'are added by an administrator', { as: 'admin' }),
      remove('x', 'are removed'),
      remove('x', 'once', { status: 404 }),
      remove('other', 'are not removed by a stranger', { as: 'stranger', status: 404 }),
      { title: 'see the image', as: 'member', ask: 'HEAD /v1/images/{image}', status: 200 },
      {
        title: 'are in v2 as well, and have not accepted it',
        ask: 'GET /v2/images/{image}/members',
        status: 200,
        shows: {
          members: [
            { member_id: 'member', status: 'pending' },
            { member_id: 'other', status: 'pending' },
          ],
        },
      },
      shared(
        'are told what is shared with them',
        'member',
        [{ image_id: '{image}', can_share: true }],
        'member',
      ),
      shared('the owner may ask that as well', 'member', [{ image_id: '{image}' }]),
      shared('and an administrator', 'member', [{ image_id: '{image}' }], 'admin'),
      shared('but others are told nothing', 'member', [], 'stranger'),
      shared('of nobody there is nothing to tell', 'nobody', []),
      put('member', 'may not share again', { body: sharing(false) }),
      put('third', 'add nobody then', { as: 'member', status: 404 }),
      replace('are replaced', {
        memberships: [{ member_id: 'other' }, { member_id: 'new', can_share: true }],
      }),
      members('are only those then', { other: false, new: true }),
      replace('keep what is not said', {
        memberships: [{ member_id: 'new' }, { member_id: 'new' }],
      }),
      members('so that one may share still', { new: true }),
      replace('may be one alone', { member_id: 'one', can_share: true }),
      members('who is the only one', { one: true }),
      ...NO_MEMBERS.map(([title, body]) =>
        replace(`${title} is no list of members`, body, { status: 400 }),
      ),
      replace(
        'are not replaced by a stranger',
        { memberships: [] },
        { as: 'stranger', status: 404 },
      ),
      replace('are replaced by none', { memberships: [] }),
      members('who are none', {}),
      replace(
        'are no more than there may be',
        { memberships: Array.from({ length: 129 }, (_, n) => ({ member_id: `m${n}` })) },
        { status: 413 },
      ),
      replace('are as many as there may be', {
        memberships: Array.from({ length: 128 }, (_, n) => ({ member_id: `m${n}` })),
      }),
      put('more', 'are not one more', { status: 413 }),
      make('public', { ...RAW, is_public: 'True' }, { as: 'admin' }),
      {
        title: 'may be of a public image',
        as: 'admin',
        ask: 'PUT /v1/images/{public}/members/member',
        status: 204,
      },
      {
        title: 'but others who see it add none',
        ask: 'PUT /v1/images/{public}/members/x',
        status: 404,
      },
      { title: 'of no image are none', ask: 'GET /v1/images/nope/members', status: 404 },
      { title: 'and none is added', ask: 'PUT /v1/images/nope/members/x', status: 404 },
      { title: 'the image is deleted', ask: 'DELETE /v1/images/{image}', status: 200 },
      { title: 'and has no members', as: 'admin', ask: `GET ${PATH}`, status: 404 },
      put('x', 'nor gets any', { as: 'admin', status: 404 }),
      shared('nor tells any of it', 'm1', [], 'admin'),
    ],
  },
]
