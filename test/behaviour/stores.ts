import { create, OCTETS, patch, type Row, type Scenario, upload, type Who } from './table.ts'

const into = (store: string, name: string, status = 204): Row => ({
  title: `data of ${name} for ${store}`,
  ask: `PUT /v2/images/{${name}}/file`,
  headers: { ...OCTETS, 'x-image-meta-store': store },
  body: '0123456789',
  status,
})

const takeOut = (title: string, store: string, name: string, status: number, as: Who = 'admin') =>
  ({ title, as, ask: `DELETE /v2/stores/${store}/{${name}}`, status }) satisfies Row

const show = (title: string, name: string, shows: object, rest: Partial<Row> = {}): Row => ({
  title,
  ask: `GET /v2/images/{${name}}`,
  status: 200,
  shows,
  ...rest,
})

const copy = (name: string, body: object, rest: Partial<Row> = {}): Row => ({
  title: `${name} is copied`,
  as: 'admin',
  ask: `POST /v2/images/{${name}}/import`,
  body: { method: { name: 'copy-image' }, ...body },
  status: 202,
  ...rest,
})

const INFO: readonly (readonly [path: string, who: readonly [Who, number][]])[] = [
  [
    'info/import',
    [
      ['owner', 200],
      ['nobody', 401],
    ],
  ],
  [
    'info/stores',
    [
      ['owner', 200],
      ['stranger', 200],
      ['nobody', 401],
    ],
  ],
  [
    'info/stores/detail',
    [
      ['owner', 403],
      ['admin', 200],
      ['nobody', 401],
    ],
  ],
  [
    'info/usage',
    [
      ['owner', 200],
      ['nobody', 401],
    ],
  ],
]

const RAW = { disk_format: 'raw', container_format: 'bare' }

export const STORES: readonly Scenario[] = [
  {
    name: 'no stores with names',
    rows: [
      ...['info/stores', 'info/stores/detail'].map((path): Row => {
        return { title: `${path} is not there`, as: 'admin', ask: `GET /v2/${path}`, status: 404 }
      }),
      {
        title: 'data may come from some',
        ask: 'GET /v2/info/import',
        status: 200,
        shows: {
          'import-methods': {
            description: 'Import methods available.',
            type: 'array',
            value: ['glance-direct', 'web-download', 'copy-image'],
          },
        },
      },
      { title: 'there is no usage', ask: 'GET /v2/info/usage', status: 200, shows: { usage: {} } },
      {
        title: 'a new image names none',
        ask: 'POST /v2/images',
        body: { id: '{image}', ...RAW },
        status: 201,
        answers: {
          'openstack-image-import-methods': 'glance-direct,web-download,copy-image',
          'openstack-image-store-ids': null,
        },
      },
      { ...into('fast', 'image'), title: 'one that is asked for is of no account' },
      show(
        'the image names none',
        'image',
        { status: 'active' },
        { lacks: ['stores', 'locations'] },
      ),
      takeOut('nothing is taken out of one', 'fast', 'image', 404),
      copy('image', { stores: ['fast'] }, { title: 'nothing is copied', status: 400 }),
    ],
  },
  {
    name: 'several stores',
    setting: 'stores',
    rows: [
      ...INFO.flatMap(([path, who]) =>
        who.map(([as, status]): Row => {
          return { title: `${path} to the ${as}`, as, ask: `GET /v2/${path}`, status }
        }),
      ),
      {
        title: 'details for a service',
        ask: 'GET /v2/info/stores/detail',
        headers: { 'x-roles': 'service' },
        status: 200,
      },
      {
        title: 'which there are',
        ask: 'GET /v2/info/stores',
        status: 200,
        shows: {
          stores: [
            { id: 'fast', description: 'the fast one', default: 'true' },
            { id: 'slow' },
            { id: 'web', 'read-only': 'true' },
          ],
        },
      },
      {
        title: 'the versions are more',
        as: 'nobody',
        ask: 'GET /versions',
        status: 200,
      },
      {
        title: 'a new image names them',
        ask: 'POST /v2/images',
        body: { id: '{queued}', ...RAW },
        status: 201,
        answers: {
          'openstack-image-store-ids': 'fast,slow,web',
          'openstack-image-import-methods': 'glance-direct,web-download,copy-image,glance-download',
        },
        shows: { locations: [] },
        lacks: ['stores', 'direct_url'],
      },
      create('first'),
      upload('first', '0123456789'),
      show('data goes to the default one', 'first', { stores: 'fast' }),
      create('second'),
      into('slow', 'second'),
      show('or to another', 'second', { stores: 'slow' }),
      create('third'),
      into('nowhere', 'third', 400),
      show('that has to be there', 'third', { status: 'queued', size: null }),
      into('web', 'third', 410),
      show('and to take data', 'third', { status: 'queued', size: null }),
      into('slow', 'third'),
      {
        title: 'the list shows them as well',
        ask: 'GET /v2/images?sort=name:asc',
        status: 200,
      },
      { title: 'the data comes back', ask: 'GET /v2/images/{third}/file', status: 200 },
      {
        title: 'an image is not made in a store',
        ask: 'POST /v2/images',
        body: { stores: 'fast' },
        status: 403,
      },
      patch('third', [{ op: 'add', path: '/stores', value: 'fast' }], {
        title: 'nor put into one',
        status: 403,
      }),
      patch('third', [{ op: 'remove', path: '/stores' }], {
        title: 'nor out of one',
        status: 403,
      }),
      {
        title: 'who deactivates it',
        ask: 'POST /v2/images/{third}/actions/deactivate',
        status: 204,
      },
      show('hides where it is', 'third', { locations: [] }, { lacks: ['stores', 'direct_url'] }),
      show('but not from administrators', 'third', { stores: 'slow' }, { as: 'admin' }),
    ],
  },
  {
    name: 'taking data out of stores',
    setting: 'stores',
    rows: [
      create('image'),
      takeOut('there is none yet', 'fast', 'image', 409),
      upload('image', '0123456789'),
      takeOut('not of the last store', 'fast', 'image', 403),
      takeOut('nor by its owner', 'fast', 'image', 403, 'owner'),
      takeOut('of none that there is not', 'nowhere', 'image', 409),
      takeOut('of none that it is not in', 'slow', 'image', 403),
      takeOut('of no image', 'fast', 'nope', 404),
      takeOut('by no stranger', 'fast', 'image', 404, 'stranger'),
      copy('image', { stores: ['slow'] }),
      show(
        'it is in both then',
        'image',
        {},
        {
          until: { stores: 'fast,slow', os_glance_importing_to_stores: '' },
          lacks: ['os_glance_import_task'],
        },
      ),
      takeOut('still by no stranger', 'fast', 'image', 404, 'stranger'),
      takeOut('still of no other', 'web', 'image', 404),
      takeOut('out of the first, by its owner', 'fast', 'image', 204, 'owner'),
      show('it is in the other', 'image', { stores: 'slow', status: 'active' }),
      takeOut('once', 'fast', 'image', 403),
      { title: 'its data is there', ask: 'GET /v2/images/{image}/file', status: 200 },
      {
        title: 'who deactivates it',
        ask: 'POST /v2/images/{image}/actions/deactivate',
        status: 204,
      },
      takeOut('leaves it where it is', 'slow', 'image', 409),
    ],
  },
  {
    name: 'copies in stores',
    setting: 'stores',
    rows: [
      create('queued'),
      copy('queued', { stores: ['slow'] }, { title: 'only what is active', status: 409 }),
      create('image'),
      upload('image', '0123456789'),
      copy(
        'image',
        { stores: ['slow'] },
        {
          title: 'by administrators',
          as: 'owner',
          status: 403,
        },
      ),
      copy(
        'image',
        { stores: ['slow'] },
        {
          title: 'not by strangers',
          as: 'stranger',
          status: 404,
        },
      ),
      copy('image', { stores: ['fast'] }, { title: 'to where it is not', status: 400 }),
      copy('image', { stores: ['nowhere'] }, { title: 'to where there is a store', status: 409 }),
      copy(
        'image',
        { stores: ['slow'], all_stores: true },
        {
          title: 'to some or to all',
          status: 400,
        },
      ),
      copy(
        'image',
        { stores: ['slow'], all_stores_must_succeed: 'yes' },
        {
          title: 'or to none is a truth',
          status: 400,
        },
      ),
      copy('image', { all_stores: 'yes' }, { title: 'as all stores are', status: 400 }),
      copy('image', { all_stores: true }, { title: 'to all' }),
      show(
        'which is where it then is',
        'image',
        {},
        {
          until: { stores: 'fast,slow', os_glance_importing_to_stores: '' },
          lacks: ['os_glance_import_task'],
        },
      ),
      {
        title: 'by a task that is told of',
        as: 'admin',
        ask: 'GET /v2/images/{image}/tasks',
        status: 200,
        until: { tasks: [{ status: 'success', image_id: '{image}' }] },
      },
      copy('image', { all_stores: true }, { title: 'to all again is nothing' }),
      {
        title: 'and no task',
        as: 'admin',
        ask: 'GET /v2/images/{image}/tasks',
        status: 200,
      },
      { title: 'not of the owner', ask: 'GET /v2/images/{image}/tasks', status: 200 },
      copy('image', { stores: ['slow'] }, { title: 'to one again is wrong', status: 400 }),
    ],
  },
]
