import { create, OCTETS, patch, type Row, type Scenario, upload } from './table.ts'

const RAW = { disk_format: 'raw', container_format: 'bare' }

const add = (name: string, title: string, fields: Readonly<Record<string, unknown>>, rest = {}) =>
  patch(
    name,
    Object.entries(fields).map(([key, value]) => ({ op: 'add', path: `/${key}`, value })),
    { title, ...rest },
  )

const refused = (title: string, body: object): Row => ({
  title,
  ask: 'POST /v2/images',
  body,
  status: 413,
})

const tag = (name: string, status: number, title: string): Row => {
  return { title, ask: `PUT /v2/images/{image}/tags/${name}`, status }
}

const member = (name: string, status: number, title: string): Row => ({
  title,
  ask: 'POST /v2/images/{image}/members',
  body: { member: name },
  status,
})

const file = (name: string, title: string, data: string, status: number, rest = {}): Row => ({
  ...upload(name, data),
  title,
  status,
  ...rest,
})

const stage = (name: string, title: string, data: string, status: number): Row => ({
  title,
  ask: `PUT /v2/images/{${name}}/stage`,
  headers: OCTETS,
  body: data,
  status,
})

const waits = (name: string, title: string): Row => ({
  title,
  ask: `GET /v2/images/{${name}}`,
  status: 200,
  shows: { status: 'queued', size: null },
})

const at = (path: string) => ({ url: `{source}${path}`, metadata: {} })

const CHUNKED = { ...OCTETS, 'transfer-encoding': 'chunked' }

const web = (name: string, title: string, path: string, as: 'owner' | 'admin' = 'owner'): Row => ({
  title,
  as,
  ask: `POST /v2/images/{${name}}/import`,
  body: { method: { name: 'web-download', uri: `{source}${path}` } },
  status: 202,
})

const becomes = (name: string, title: string, shows: object): Row => ({
  title,
  as: 'admin',
  ask: `GET /v2/images/{${name}}`,
  until: shows,
  lacks: ['os_glance_import_task'],
  status: 200,
})

const task = (name: string, title: string, status: string): Row => ({
  title,
  as: 'admin',
  ask: `GET /v2/images/{${name}}/tasks`,
  until: { tasks: [{ status }] },
  status: 200,
})

export const QUOTAS: readonly Scenario[] = [
  {
    name: 'how many properties',
    setting: 'quotas',
    rows: [
      refused('not three', { ...RAW, a: '1', b: '2', c: '3' }),
      create('image', { ...RAW, a: '1', b: '2' }),
      add('image', 'nor one more', { c: '3' }, { status: 413 }),
      add('image', 'but others', { a: '2', b: '3' }),
      patch(
        'image',
        [
          { op: 'remove', path: '/a' },
          { op: 'add', path: '/c', value: '3' },
        ],
        { title: 'and one in the place of another' },
      ),
      add('image', 'for administrators as well', { d: '4' }, { as: 'admin', status: 413 }),
      patch(
        'image',
        [
          { op: 'add', path: '/d', value: '4' },
          { op: 'remove', path: '/b' },
        ],
        { title: 'in any order' },
      ),
      {
        title: 'what was refused is not there',
        ask: 'GET /v2/images/{image}',
        status: 200,
        lacks: ['a', 'b'],
      },
    ],
  },
  {
    name: 'how many tags',
    setting: 'quotas',
    rows: [
      refused('not three', { tags: ['a', 'b', 'c'] }),
      create('image', { tags: ['a', 'b'] }),
      create('twice', { tags: ['a', 'a', 'b', 'b'] }),
      tag('c', 413, 'nor one more'),
      tag('a', 204, 'but one that is there'),
      add('image', 'not three by a patch', { tags: ['a', 'b', 'c'] }, { status: 413 }),
      add('image', 'but two others', { tags: ['c', 'd'] }),
      { title: 'one is removed', ask: 'DELETE /v2/images/{image}/tags/c', status: 204 },
      tag('e', 204, 'and another is put'),
    ],
  },
  {
    name: 'how many members',
    setting: 'quotas',
    rows: [
      create('image'),
      member('a', 200, 'one'),
      member('b', 200, 'two'),
      member('c', 413, 'not three'),
      { title: 'one less', ask: 'DELETE /v2/images/{image}/members/a', status: 204 },
      member('c', 200, 'is room for another'),
    ],
  },
  {
    name: 'how many locations',
    setting: 'quotas',
    rows: [
      create('image', RAW, 'admin'),
      patch(
        'image',
        [{ op: 'replace', path: '/locations', value: ['/image', '/other', '/short'].map(at) }],
        {
          title: 'not three',
          as: 'admin',
          status: 413,
        },
      ),
    ],
  },
  {
    name: 'how many bytes',
    setting: 'quotas',
    rows: [
      create('first'),
      file('first', 'not 16 in one', 'x'.repeat(16), 413),
      waits('first', 'the image waits'),
      file('first', 'nor when nobody says how many', 'x'.repeat(16), 413, { headers: CHUNKED }),
      waits('first', 'and waits'),
      stage('first', 'nor to be imported', 'x'.repeat(16), 413),
      waits('first', 'and waits still'),
      file('first', 'but 15', 'x'.repeat(15), 204),
      {
        title: 'by the algorithm that is set',
        ask: 'GET /v2/images/{first}',
        status: 200,
        shows: { os_hash_algo: 'sha256' },
      },
      create('second'),
      file('second', 'not 6 more', '123456', 413),
      waits('second', 'this one waits'),
      create('unsaid'),
      file('unsaid', 'nor when nobody says', '123456', 413, { headers: CHUNKED }),
      waits('unsaid', 'which waits as well'),
      create('staged'),
      stage('staged', 'nor are they staged', '123456', 413),
      waits('staged', 'which waits after all'),
      file('second', 'but 5', '12345', 204),
      create('third'),
      file('third', 'not one more', 'x', 413),
      create('others', RAW, 'stranger'),
      file('others', 'but one of somebody else', 'x', 204, { as: 'stranger' }),
      { title: 'what is deleted', ask: 'DELETE /v2/images/{first}', status: 204 },
      file('third', 'is room for more', 'x'.repeat(15), 204),
    ],
  },
  {
    name: 'how many images on a page',
    setting: 'quotas',
    rows: [
      ...['a', 'b', 'c', 'd'].map(name => create(name, {})),
      { title: 'by default', ask: 'GET /v2/images?sort=name:asc', status: 200, lists: ['a', 'b'] },
      {
        title: 'at the most',
        ask: 'GET /v2/images?sort=name:asc&limit=100',
        status: 200,
        lists: ['a', 'b', 'c'],
      },
      {
        title: 'and then',
        ask: 'GET /v2/images?sort=name:asc&marker={b}',
        status: 200,
        lists: ['c', 'd'],
      },
    ],
  },
  {
    name: 'imports of little room',
    setting: 'quotas',
    rows: [
      create('image'),
      web('image', 'an image is fetched', '/image'),
      becomes('image', 'with what is put into each', { status: 'active', injected: 'yes' }),
      task('image', 'by a task', 'success'),
      create('large'),
      web('large', 'too much is fetched', '/large'),
      task('large', 'in vain', 'failure'),
      becomes('large', 'and the image waits', { status: 'queued' }),
      create('second'),
      web('second', 'as much as there is room for', '/image'),
      becomes('second', 'is fetched', { status: 'active' }),
      create('third'),
      web('third', 'and no more', '/image'),
      task('third', 'is', 'failure'),
      create('admins', RAW, 'admin'),
      web('admins', 'who is an administrator', '/image', 'admin'),
      becomes('admins', 'gets all', { status: 'active' }),
      {
        title: 'but not what is put in',
        as: 'admin',
        ask: 'GET /v2/images/{admins}',
        status: 200,
        lacks: ['injected'],
      },
    ],
  },
]
