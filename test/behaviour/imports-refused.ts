import { stage, begin, DIRECT, web, ended, show, tasks } from './import-rows.ts'
import { create, OCTETS, patch, upload, type Row, type Scenario } from './table.ts'

/** What is wrong with each, whatever the image is like. */
const MALFORMED: readonly (readonly [string, unknown])[] = [
  ['no document', ''],
  ['a list', []],
  ['a number', '5'],
  ['an empty document', {}],
  ['a method that is text', { method: 'glance-direct' }],
  ['a method that is null', { method: null }],
  ['a method that is a list', { method: [] }],
  ['a method without a name', { method: {} }],
  ['a method of no name', { method: { name: '' } }],
  ['a method that is a number', { method: { name: 1 } }],
  ['a method that there is not', { method: { name: 'magic' } }],
  ['a truth that is text', { ...DIRECT, all_stores: 'true' }],
  ['a truth that is a number', { ...DIRECT, all_stores_must_succeed: 1 }],
  ['a truth that is null', { ...DIRECT, all_stores_must_succeed: null }],
]

/** URLs that are not fetched. */
const UNFETCHED: readonly (readonly [string, unknown])[] = [
  ['no URL', ''],
  ['text', 'nonsense'],
  ['a file', 'file:///etc/passwd'],
  ['a server of files', 'ftp://127.0.0.1/image'],
  ['no host', 'http://'],
  ['a host that is not allowed', 'http://example.com/image'],
  ['a host that is forbidden', 'http://forbidden.example.com/image'],
  ['another name of the same', 'http://localhost/image'],
  ['an address of the link', 'http://169.254.169.254/latest/meta-data'],
  ['a scheme of no kind', 'gopher://127.0.0.1/'],
  ['a relative one', '/image'],
]

/** Of a service as it comes, which may fetch from the public Internet. */
const UNFETCHED_PLAIN: readonly (readonly [string, string])[] = [
  ['this machine', 'http://127.0.0.1/image'],
  ['this machine in other words', 'http://127.1/image'],
  ['this machine as a number', 'http://2130706433/image'],
  ['this machine by name', 'http://localhost/image'],
  ['this machine in IPv6', 'http://[::1]/image'],
  ['this machine as IPv6 knows it', 'http://[::ffff:127.0.0.1]/image'],
  ['the link', 'http://169.254.169.254/latest/meta-data'],
  ['a port of its own', 'http://203.0.113.1:8080/image'],
  ['the port of mail', 'http://203.0.113.1:25/image'],
  ['another scheme', 'ftp://203.0.113.1/image'],
]

/** What is not imported, or not even staged. */
export const IMPORTS_REFUSED: readonly Scenario[] = [
  {
    name: 'staging',
    setting: 'stores',
    rows: [
      create('image'),
      ...['text/plain', 'application/json', ''].map((type): Row =>
        stage('image', {
          title: `not ${type || 'of no type'}`,
          headers: type === '' ? {} : { 'content-type': type },
          status: 415,
        }),
      ),
      stage('image', { title: 'not by strangers', as: 'stranger', status: 404 }),
      stage('nope', { title: 'nor of no image', status: 404 }),
      stage('image'),
      show('image', 'it is being uploaded', { status: 'uploading', size: 10, checksum: null }),
      { title: 'there is no data yet', ask: 'GET /v2/images/{image}/file', status: 204 },
      stage('image', { title: 'once', status: 409 }),
      upload('image', 'data'),
      {
        title: 'actions have to wait',
        ask: 'POST /v2/images/{image}/actions/deactivate',
        status: 403,
      },
      patch('image', [{ op: 'replace', path: '/disk_format', value: 'qcow2' }], {
        title: 'so have formats',
        status: 403,
      }),
      patch('image', [{ op: 'replace', path: '/name', value: 'staged' }], {
        title: 'but not names',
      }),
      create('bare', {}),
      stage('bare', { title: 'formats are not needed yet' }),
      begin('bare', DIRECT, 'but for the import', { status: 409 }),
      create('empty'),
      stage('empty', { title: 'there need not be any data', body: '' }),
      create(
        'public',
        { visibility: 'public', disk_format: 'raw', container_format: 'bare' },
        'admin',
      ),
      stage('public', { title: 'what one sees is not one’s own', status: 403 }),
      {
        title: 'a staged image is deleted as any',
        ask: 'DELETE /v2/images/{bare}',
        status: 204,
      },
      create('sized'),
      stage('sized', {
        title: 'data of another size than was said',
        headers: { ...OCTETS, 'x-openstack-image-size': '11' },
        status: 400,
      }),
    ].map(row => (row.title === 'image gets its data' ? { ...row, status: 409 } : row)),
  },
  {
    name: 'what is no import',
    setting: 'stores',
    rows: [
      create('image'),
      ...MALFORMED.map(([title, body]) => begin('image', body, title, { status: 400 })),
      begin('image', DIRECT, 'nothing is staged', { status: 409 }),
      begin('image', { method: { name: 'copy-image' } }, 'nothing is to be copied', {
        status: 409,
      }),
      begin('nope', DIRECT, 'there is no image', { status: 404 }),
      begin('image', DIRECT, 'a stranger sees none', { as: 'stranger', status: 404 }),
      create('bare', {}),
      begin('bare', web('{source}/image'), 'an image has formats', { status: 409 }),
      create('half', { disk_format: 'raw' }),
      begin('half', web('{source}/image'), 'both of them', { status: 409 }),
      create('active'),
      upload('active', 'data'),
      begin('active', web('{source}/image'), 'an active image has data', { status: 409 }),
      begin('active', DIRECT, 'wherever the data is', { status: 409 }),
      stage('image'),
      begin('image', web('{source}/image'), 'what is staged is not fetched', { status: 409 }),
      begin('image', { ...DIRECT, stores: ['nowhere'] }, 'a store is there', { status: 409 }),
      begin('image', { ...DIRECT, stores: ['fast', 'nowhere'] }, 'each is', { status: 409 }),
      begin('image', { ...DIRECT, stores: ['fast'], all_stores: true }, 'some or all', {
        status: 400,
      }),
      begin('image', { ...DIRECT, stores: ['fast'] }, 'by one way or the other', {
        headers: { 'x-image-meta-store': 'slow' },
        status: 400,
      }),
      begin('image', { ...DIRECT, all_stores: true }, 'all or one', {
        headers: { 'x-image-meta-store': 'slow' },
        status: 400,
      }),
      begin('image', DIRECT, 'the header is held against the stores too', {
        headers: { 'x-image-meta-store': 'nowhere' },
        status: 409,
      }),
      begin('image', { ...DIRECT, stores: 'fast' }, 'stores are a list', { status: 400 }),
      begin('image', { ...DIRECT, stores: [1] }, 'by name', { status: 400 }),
      create('none'),
      stage('none'),
      begin('none', { ...DIRECT, stores: [] }, 'of some', { status: 400 }),
      create(
        'public',
        { visibility: 'public', disk_format: 'raw', container_format: 'bare' },
        'admin',
      ),
      begin('public', web('{source}/image'), 'what one sees is not one’s own', { status: 403 }),
      show(
        'image',
        'it is as it was',
        { status: 'uploading' },
        {
          lacks: ['os_glance_import_task', 'os_glance_importing_to_stores'],
        },
      ),
    ],
  },
  {
    name: 'downloads that are refused',
    setting: 'stores',
    rows: [
      create('image'),
      begin('image', { method: { name: 'web-download' } }, 'a download has a source', {
        status: 400,
      }),
      ...UNFETCHED.map(([title, uri]) => begin('image', web(uri), title, { status: 400 })),
      show('image', 'the image waits', { status: 'queued' }, { lacks: ['os_glance_import_task'] }),
      {
        title: 'no task is left',
        ask: 'GET /v2/images/{image}/tasks',
        status: 200,
        shows: { tasks: [] },
      },
    ],
  },
  {
    name: 'downloads from near',
    rows: [
      create('image'),
      ...UNFETCHED_PLAIN.map(([title, uri]) =>
        begin('image', web(uri), `not from ${title}`, { status: 400 }),
      ),
      begin('image', web('{source}/image'), 'not from a port of this machine', { status: 400 }),
      create('any'),
      begin('any', web('http://0.0.0.0/image'), 'not from this machine as any address', {
        status: 400,
      }),
      begin('image', { method: { name: 'glance-download' } }, 'not from another Glance', {
        status: 400,
      }),
      begin('image', { ...DIRECT, all_stores_must_succeed: false }, 'nothing is staged', {
        status: 409,
      }),
      stage('image'),
      begin('image', { ...DIRECT, all_stores_must_succeed: false }, 'stores have no names', {
        status: 400,
      }),
      begin('image', DIRECT, 'but what is staged is taken'),
      ended('image', 'and the image is active', { status: 'active', size: 10 }),
      tasks('image', 'by a task', 'success'),
      {
        title: 'the data is there',
        ask: 'GET /v2/images/{image}/file',
        status: 200,
        shows: '0123456789',
      },
    ],
  },
]
