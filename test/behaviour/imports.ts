import { stage, begin, DIRECT, web, ended, DONE, show, tasks } from './import-rows.ts'
import { REMOTE_ID, REMOTE_QUEUED } from './source.ts'
import { create, numbered, patch, upload, type Row, type Scenario } from './table.ts'

const CATALOG = JSON.stringify([
  {
    type: 'image',
    name: 'glance',
    endpoints: [{ region: 'there', publicURL: '{source}', internalURL: '{source}/internal' }],
  },
])

const remote = (method: object) => ({
  method: {
    name: 'glance-download',
    glance_region: 'there',
    glance_image_id: REMOTE_ID,
    ...method,
  },
})

const WITH_CATALOG = { 'x-auth-token': 'token', 'x-service-catalog': CATALOG }

/** What becomes of an image by what a server answers. */
const FAILING: readonly (readonly [name: string, path: string])[] = [
  ['missing', '/missing'],
  ['broken', '/broken'],
  ['short', '/short'],
  ['misled', '/misled'],
]
const SUCCEEDING: readonly (readonly [name: string, path: string])[] = [
  ['sized', '/image'],
  ['redirected', '/redirected'],
]

export const IMPORTS: readonly Scenario[] = [
  {
    name: 'importing what is staged',
    setting: 'stores',
    rows: numbered([
      create('one'),
      stage('one'),
      begin('one', DIRECT, 'into the default store'),
      ended('one', 'which has it then', { status: 'active', stores: 'fast', ...DONE }),
      tasks('one', 'by a task', 'success'),
      {
        title: 'the data is there',
        ask: 'GET /v2/images/{one}/file',
        status: 200,
        shows: '0123456789',
      },
      show('one', 'no lock is left', {}, { lacks: ['os_glance_import_task'] }),
      begin('one', DIRECT, 'once', { status: 409 }),
      create('other'),
      stage('other'),
      begin('other', DIRECT, 'into the store of the header', {
        headers: { 'x-image-meta-store': 'slow' },
      }),
      ended('other', 'which has it then', { status: 'active', stores: 'slow', ...DONE }),
      create('both'),
      stage('both'),
      begin('both', { ...DIRECT, stores: ['slow', 'fast'] }, 'into several'),
      ended('both', 'which have it then', { status: 'active', ...DONE }),
      create('all'),
      stage('all'),
      begin('all', { ...DIRECT, all_stores: true }, 'into all that take any'),
      ended('all', 'which have it then', { status: 'active', ...DONE }),
      create('some'),
      stage('some'),
      begin(
        'some',
        { ...DIRECT, stores: ['slow', 'fast'], all_stores_must_succeed: false },
        'into as many as there can be',
      ),
      ended('some', 'which have it then', { status: 'active', stores: 'slow,fast', ...DONE }),
      create('failing'),
      stage('failing'),
      begin('failing', { ...DIRECT, stores: ['fast', 'web'] }, 'not into one that only reads'),
      tasks('failing', 'as its task says', 'failure'),
      show('failing', 'and nothing is left of it', { status: 'queued', size: null, ...DONE }),
      create('partial'),
      stage('partial'),
      begin(
        'partial',
        { ...DIRECT, stores: ['fast', 'web'], all_stores_must_succeed: false },
        'but into the others',
      ),
      ended('partial', 'which have it then', { status: 'active', stores: 'fast', ...DONE }),
      tasks('partial', 'and the task succeeds', 'success'),
    ]),
  },
  {
    name: 'downloads',
    setting: 'stores',
    rows: [
      ...SUCCEEDING.flatMap(([name, path]): Row[] => [
        create(name),
        begin(name, web(`{source}${path}`), `${name}: data is fetched`),
        ended(name, `${name}: the image is active`, { status: 'active', ...DONE }),
        tasks(name, `${name}: its task has succeeded`, 'success'),
        {
          title: `${name}: the data is there`,
          ask: `GET /v2/images/{${name}}/file`,
          status: 200,
          shows: 'from a web',
        },
      ]),
      ...FAILING.flatMap(([name, path]): Row[] => [
        create(name),
        begin(name, web(`{source}${path}`), `${name}: data is to be fetched`),
        tasks(name, `${name}: its task fails`, 'failure'),
        ended(name, `${name}: the image waits`, {
          status: 'queued',
          os_glance_failed_import: 'fast',
          ...DONE,
        }),
        begin(name, web('{source}/image'), `${name}: the next one may do`),
        ended(name, `${name}: and is told of`, {
          status: 'active',
          os_glance_failed_import: '',
          ...DONE,
        }),
      ]),
      create('unsized'),
      begin('unsized', web('{source}/unsized'), 'data of a size that nobody says'),
      ended('unsized', 'is as good', {}, { shows: { status: 'active', size: 10 } }),
      create('everywhere'),
      begin('everywhere', { ...web('{source}/image'), all_stores: true }, 'into all stores'),
      ended('everywhere', 'which have it then', { status: 'active', stores: 'fast,slow', ...DONE }),
      create('deleted'),
      begin('deleted', web('{source}/missing'), 'what is deleted'),
      tasks('deleted', 'was tried', 'failure'),
      { title: 'is gone', ask: 'DELETE /v2/images/{deleted}', status: 204 },
      { title: 'with its tasks', ask: 'GET /v2/images/{deleted}/tasks', status: 404 },
    ],
  },
  {
    name: 'one import at a time',
    setting: 'stores',
    rows: [
      create('image'),
      begin('image', web('{source}/held/lock'), 'an import takes its time'),
      ended(
        'image',
        'the image is locked',
        {
          status: 'importing',
          os_glance_importing_to_stores: 'fast',
          os_glance_import_task: '<uuid>',
        },
        { lacks: [] },
      ),
      tasks('image', 'the task is told of', 'processing'),
      tasks('image', 'to administrators too', 'processing', 'admin'),
      {
        title: 'but not to strangers',
        as: 'stranger',
        ask: 'GET /v2/images/{image}/tasks',
        status: 404,
      },
      begin('image', web('{source}/image'), 'no other begins', { status: 409 }),
      stage('image', { title: 'nothing is staged', status: 409 }),
      { ...upload('image', 'data'), title: 'nor uploaded', status: 409 },
      patch('image', [{ op: 'remove', path: '/os_glance_import_task' }], {
        title: 'the lock is not the owner’s',
        status: 403,
      }),
      patch('image', [{ op: 'replace', path: '/name', value: 'patient' }], {
        title: 'its name is',
      }),
      { title: 'there is no data yet', ask: 'GET /v2/images/{image}/file', status: 204 },
      { title: 'it comes', ask: 'GET {source}/released/lock', status: 204 },
      ended('image', 'and the image is active', { status: 'active', name: 'patient', ...DONE }),
      create('active'),
      upload('active', '0123456789'),
      {
        title: 'a member is let in',
        ask: 'POST /v2/images/{active}/members',
        body: { member: 'member' },
        status: 200,
      },
      {
        title: 'who sees no tasks of others',
        as: 'member',
        ask: 'GET /v2/images/{active}/tasks',
        status: 200,
        shows: { tasks: [] },
      },
    ],
  },
  {
    name: 'data of another Glance',
    setting: 'stores',
    rows: [
      create('image'),
      ...(
        [
          ['a region', { glance_region: undefined }],
          ['an id', { glance_image_id: undefined }],
          ['an id that is one', { glance_image_id: 'nope' }],
        ] as const
      ).map(([title, method]) =>
        begin('image', remote(method), `it has ${title}`, { headers: WITH_CATALOG, status: 400 }),
      ),
      begin('image', remote({ glance_region: 'elsewhere' }), 'of a region that there is not', {
        headers: WITH_CATALOG,
      }),
      tasks('image', 'nothing comes', 'failure'),
      ended('image', 'the image waits', { status: 'queued' }),
      create('queued'),
      begin('queued', remote({ glance_image_id: REMOTE_QUEUED }), 'of an image without data', {
        headers: WITH_CATALOG,
      }),
      tasks('queued', 'nothing comes either', 'failure'),
      create('gone'),
      begin('gone', remote({ glance_image_id: REMOTE_ID.replace(/1$/, '9') }), 'of no image', {
        headers: WITH_CATALOG,
      }),
      tasks('gone', 'nothing comes either way', 'failure'),
      create('whole', { disk_format: 'qcow2', container_format: 'bare', os_type: 'mine' }),
      begin('whole', remote({}), 'of one that is there', { headers: WITH_CATALOG }),
      ended('whole', 'all comes, and what it needs', {
        status: 'active',
        disk_format: 'raw',
        hw_machine: 'q35',
        os_distro: 'debian',
        ...DONE,
      }),
      tasks('whole', 'by a task', 'success'),
      { title: 'the data is there', ask: 'GET /v2/images/{whole}/file', status: 200 },
    ],
  },
]
