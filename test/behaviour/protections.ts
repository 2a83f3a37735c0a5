import type { SettingName } from './settings.ts'
import { create, OCTETS, patch, type Row, type Scenario, V21, type Who } from './table.ts'

const RAW = { disk_format: 'raw', container_format: 'bare' }

type Operation = 'created' | 'shown' | 'updated' | 'deleted'

/** Who of owner and administrator may do what; by the prefix of the property. */
type Rights = Readonly<Record<'owner' | 'admin', readonly Operation[]>>

const ALL: readonly Operation[] = ['created', 'shown', 'updated', 'deleted']

const BY_POLICIES: Readonly<Record<string, Rights>> = {
  x_all_: { owner: ALL, admin: ALL },
  x_none_: { owner: [], admin: [] },
  x_admin_: { owner: [], admin: ALL },
  x_shown_: { owner: ['shown'], admin: ALL },
  x_given_: { owner: ['created', 'shown'], admin: ALL },
  x_unheard_: { owner: [], admin: [] },
}

const BY_ROLES: Readonly<Record<string, Rights>> = {
  ...BY_POLICIES,
  x_kept_: { owner: ['created', 'shown', 'updated'], admin: ['created', 'shown', 'updated'] },
  x_blind_: { owner: ['created', 'updated', 'deleted'], admin: ALL },
}

/** What each may do with a property that is there, and one that is not: four requests of each. */
function rightsOf([prefix, rights]: readonly [string, Rights]): Row[] {
  return (['owner', 'admin'] as const).flatMap((as): Row[] => {
    const may = (operation: Operation) => rights[as].includes(operation)
    const name = `${prefix}${as}`
    const change = (op: string, path: string, title: string, status: number, rest = {}) =>
      patch('image', [{ op, path: `/${path}`, ...(op !== 'remove' && { value: 'v' }) }], {
        title: `${name}: ${title} by the ${as}`,
        as,
        status,
        ...rest,
      })
    const unseen = may('shown') ? 403 : 409
    const isThere = may('created')
    return [
      change('add', name, 'is added', isThere ? 200 : 403),
      change(
        'replace',
        name,
        'is replaced',
        isThere ? (may('shown') ? (may('updated') ? 200 : 403) : 409) : 409,
      ),
      {
        title: `${name}: is shown to the ${as}`,
        as,
        ask: 'GET /v2/images/{image}',
        status: 200,
        ...(isThere && may('shown') ? { shows: { [name]: 'v' } } : { lacks: [name] }),
      },
      change(
        'remove',
        name,
        'is removed',
        isThere && may('shown') ? (may('deleted') ? 200 : unseen) : 409,
      ),
      {
        title: `${name}: is there from the beginning by the ${as}`,
        as,
        ask: 'POST /v2/images',
        body: { ...RAW, [name]: 'v' },
        status: may('created') ? 201 : 403,
      },
    ]
  })
}

const scenario = (setting: SettingName, rights: Readonly<Record<string, Rights>>): Scenario => ({
  name: `properties ${setting}`,
  setting,
  rows: [create('image'), ...Object.entries(rights).flatMap(rightsOf)],
})

const row = (title: string, ask: string, status: number, rest: Partial<Row> = {}): Row => {
  return { title, ask, status, ...rest }
}

const made = (title: string, fields: object, status: number, rest: Partial<Row> = {}): Row => ({
  title,
  ask: 'POST /v2/images',
  body: fields,
  status,
  ...rest,
})

const NOBODY: Who = 'nobody'

/** What somebody without a name is refused, and why. */
const ANONYMOUS: readonly (readonly [ask: string, status: number, body?: unknown])[] = [
  ['POST /v2/images', 403, {}],
  ['PATCH /v2/images/{public}', 403, []],
  ['DELETE /v2/images/{public}', 403],
  ['PUT /v2/images/{public}/tags/a', 403],
  ['DELETE /v2/images/{public}/tags/a', 403],
  ['POST /v2/images/{public}/actions/deactivate', 403],
  ['POST /v2/images/{public}/actions/reactivate', 403],
  ['POST /v2/images/{public}/members', 403, { member: 'x' }],
  ['GET /v2/images/{public}/members', 403],
  ['POST /v2/images/{public}/import', 403, { method: { name: 'glance-direct' } }],
  ['GET /v2/images/{private}', 404],
  ['GET /v2/images/{shared}', 404],
  ['GET /v2/images/{private}/file', 404],
  ['GET /v2/images/{nope}', 404],
  ['GET /v2/tasks', 403],
  ['POST /v2/metadefs/namespaces', 403, { namespace: 'x' }],
  ['GET /v2/cache', 403],
]

const ANONYMOUSLY: readonly string[] = [
  'GET /v2/images',
  'GET /v2/images/{public}',
  'GET /v2/images/{community}',
  'GET /v2/images/{public}/tasks',
  'GET /v2/schemas/image',
  'GET /v2/info/import',
  'GET /v2/metadefs/namespaces',
  'GET /v2/metadefs/resource_types',
]

export const PROTECTIONS: readonly Scenario[] = [
  scenario('protected by roles', BY_ROLES),
  scenario('protected by policies', BY_POLICIES),
  {
    name: 'unseen properties',
    setting: 'protected by roles',
    rows: [
      create('image', { ...RAW, x_blind_a: '1', x_kept_a: '1', x_all_a: '1' }),
      row('an administrator sees them', 'GET /v2/images/{image}', 200, {
        as: 'admin',
        shows: { x_blind_a: '1' },
      }),
      row('the owner does not', 'GET /v2/images/{image}', 200, { lacks: ['x_blind_a'] }),
      row('nor in a list', 'GET /v2/images', 200),
      row('and finds nothing by them', 'GET /v2/images?x_blind_a=1', 200, { lists: [] }),
      create('given', { ...RAW, owner: 'owner', x_admin_a: '1' }, 'admin'),
      row('nor by those that others have made', 'GET /v2/images?x_admin_a=1', 200, { lists: [] }),
      row('which others find', 'GET /v2/images?x_admin_a=1', 200, {
        as: 'admin',
        lists: ['given'],
      }),
      patch('image', [{ op: 'add', path: '/x_all_a', value: '2' }], {
        title: 'a change of others',
      }),
      row('leaves them as they are', 'GET /v2/images/{image}', 200, {
        as: 'admin',
        shows: { x_blind_a: '1', x_all_a: '2' },
      }),
      patch(
        'image',
        [
          { op: 'add', path: '/x_all_b', value: '2' },
          { op: 'add', path: '/x_admin_b', value: '2' },
        ],
        { title: 'one that is forbidden undoes all', status: 403 },
      ),
      row('as it was', 'GET /v2/images/{image}', 200, { lacks: ['x_all_b', 'x_admin_b'] }),
      made('names are looked at from their beginning', { my_x_all_: '1' }, 403),
      made('a property of the schema is protected as any', { os_version: '1' }, 403),
      made('what every image has is not', { name: 'image', min_ram: 1 }, 201),
    ],
  },
  {
    name: 'formats and schemas of a deployer',
    setting: 'protected by roles',
    rows: [
      made('a format of its own', { disk_format: 'novel', container_format: 'crate' }, 201),
      made('none that it has not', { disk_format: 'vhd' }, 400),
      made('nor such a container', { container_format: 'ova' }, 400),
      made('no format in capitals', { disk_format: 'RAW' }, 400),
      row('its schema says so', 'GET /v2/schemas/image', 200),
      row('that of images too', 'GET /v2/schemas/images', 200),
      made('a property as it has to be', { rack: 'a', instance_uuid: '0123abcd' }, 201),
      made('or null', { rack: null }, 201),
      made('not otherwise', { rack: 'c' }, 400),
      made('nor of another form', { instance_uuid: 'x' }, 400),
      made('nor a number', { rack: 1 }, 400),
      create('image', RAW),
      patch('image', [{ op: 'add', path: '/rack', value: 'b' }], { title: 'in a patch too' }),
      patch('image', [{ op: 'add', path: '/rack', value: 'd' }], {
        title: 'where others are wrong',
        status: 400,
      }),
      patch('image', [{ op: 'replace', path: '/disk_format', value: 'novel' }], {
        title: 'a format too',
      }),
      patch('image', [{ op: 'replace', path: '/disk_format', value: 'iso' }], {
        title: 'if there is one',
        status: 400,
      }),
      patch('image', [{ op: 'remove', path: '/rack' }], { title: 'it is removed as any' }),
    ],
  },
  {
    name: 'who has no name',
    setting: 'protected by policies',
    rows: [
      create('public', { ...RAW, visibility: 'public' }, 'admin'),
      create('community', { ...RAW, visibility: 'community' }, 'admin'),
      create('shared', RAW, 'admin'),
      create('private', { ...RAW, visibility: 'private' }, 'admin'),
      ...ANONYMOUSLY.map(ask => row(`may ask: ${ask}`, ask, 200, { as: NOBODY })),
      ...ANONYMOUS.map(([ask, status, body]) =>
        row(`may not: ${ask}`, ask, status, {
          as: NOBODY,
          headers: ask.startsWith('PATCH') ? V21 : {},
          ...(body !== undefined && { body }),
        }),
      ),
      row('sees what is public', 'GET /v2/images', 200, { as: NOBODY, lists: ['public'] }),
      row('sees nothing else', 'GET /v2/images?visibility=private', 200, { as: NOBODY, lists: [] }),
      row('who is not confirmed has none', 'GET /v2/images', 200, {
        headers: { 'x-identity-status': 'Invalid' },
        lists: ['public'],
      }),
      row('reads nothing either', 'GET /v2/images/{public}/file', 403, { as: NOBODY }),
      row('puts nothing', 'PUT /v2/images/{public}/file', 403, {
        as: NOBODY,
        headers: OCTETS,
        body: 'data',
      }),
    ],
  },
  {
    name: 'rules of a deployer',
    setting: 'protected by policies',
    rows: [
      create('image'),
      row('an owner uploads nothing', 'PUT /v2/images/{image}/file', 403, {
        headers: OCTETS,
        body: 'data',
      }),
      row('a stranger finds nothing to upload to', 'PUT /v2/images/{image}/file', 404, {
        as: 'stranger',
        headers: OCTETS,
        body: 'data',
      }),
      row('an administrator does', 'PUT /v2/images/{image}/file', 204, {
        as: 'admin',
        headers: OCTETS,
        body: 'data',
      }),
      row('an owner deactivates nothing', 'POST /v2/images/{image}/actions/deactivate', 403),
      row('an administrator deactivates it', 'POST /v2/images/{image}/actions/deactivate', 204, {
        as: 'admin',
      }),
      row('the owner may make it active', 'POST /v2/images/{image}/actions/reactivate', 204),
      row('a member is let in', 'POST /v2/images/{image}/members', 200, {
        body: { member: 'member' },
      }),
      row('and not out', 'DELETE /v2/images/{image}/members/member', 403),
      row('but by administrators', 'DELETE /v2/images/{image}/members/member', 204, {
        as: 'admin',
      }),
      patch('image', [{ op: 'replace', path: '/visibility', value: 'community' }], {
        title: 'communities are made by others',
        status: 403,
      }),
      made('from the beginning too', { visibility: 'community' }, 403),
      patch('image', [{ op: 'replace', path: '/name', value: 'x' }], {
        title: 'who is barred changes nothing',
        headers: { ...V21, 'x-roles': 'member,barred' },
        status: 403,
      }),
      row('nor a tag', 'PUT /v2/images/{image}/tags/a', 403, {
        headers: { 'x-roles': 'member,barred' },
      }),
      made('who has no role makes nothing', {}, 403, { headers: { 'x-roles': '' } }),
      row('and reads nothing', 'GET /v2/images/{image}/file', 403, { headers: { 'x-roles': '' } }),
      row('but looks', 'GET /v2/images/{image}', 200, { headers: { 'x-roles': '' } }),
    ],
  },
]
