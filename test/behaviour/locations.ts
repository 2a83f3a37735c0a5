import { create, patch, type Row, type Scenario, upload, V20 } from './table.ts'

const at = (path: string, metadata: object = {}) => ({ url: `{source}${path}`, metadata })

const add = (name: string, title: string, value: unknown, rest: Partial<Row> = {}, path = '-') =>
  patch(name, [{ op: 'add', path: `/locations/${path}`, value }], { title, ...rest })

const replace = (name: string, title: string, value: unknown, rest: Partial<Row> = {}) =>
  patch(name, [{ op: 'replace', path: '/locations', value }], { title, ...rest })

const remove = (name: string, title: string, path: string, rest: Partial<Row> = {}) =>
  patch(name, [{ op: 'remove', path: `/locations/${path}` }], { title, as: 'admin', ...rest })

/** Of what there is at `/image`. */
const MD5 = '5d87d0fcd2a2c4ffdf06d0e5a9c68a4e'
const SHA512 = 'ab'.repeat(64)

const validation = (rest: object = {}) => ({
  ...at('/image'),
  validation_data: {
    checksum: MD5,
    os_hash_algo: 'sha512',
    os_hash_value: SHA512,
    ...rest,
  },
})

/** What is no location, or none that there can be. */
const WRONG: readonly (readonly [string, unknown])[] = [
  ['text', 'http://127.0.0.1/image'],
  ['null', null],
  ['a list', []],
  ['nothing', {}],
  ['one without metadata', { url: '{source}/image' }],
  ['one without a URL', { metadata: {} }],
  ['one with a URL that is null', { url: null, metadata: {} }],
  ['one with metadata that is text', { url: '{source}/image', metadata: 'x' }],
  ['a URL that is none', { url: 'nonsense', metadata: {} }],
  ['an empty URL', { url: '', metadata: {} }],
  ['a file', { url: 'file:///etc/passwd', metadata: {} }],
  ['a file in other words', { url: 'filesystem:///etc/passwd', metadata: {} }],
  ['a secret of Swift', { url: 'swift+config://a/b', metadata: {} }],
  ['a scheme of no store', { url: 'gopher://127.0.0.1/image', metadata: {} }],
  ['a place without data', at('/missing')],
  ['an empty place', at('/empty')],
]

const VALIDATION: readonly (readonly [string, object, number])[] = [
  ['an algorithm that is not ours', { os_hash_algo: 'md5', os_hash_value: 'ab'.repeat(16) }, 409],
  ['an algorithm that there is not', { os_hash_algo: 'sum', os_hash_value: 'ab'.repeat(16) }, 409],
  ['a digest that is too short', { os_hash_value: 'ab' }, 409],
  ['a digest that is no hex', { os_hash_value: 'xy'.repeat(64) }, 409],
  ['a checksum that is too short', { checksum: 'ab' }, 400],
  ['a checksum that is too long', { checksum: 'ab'.repeat(17) }, 400],
  ['a checksum that is no hex', { checksum: 'xy'.repeat(16) }, 409],
  ['no algorithm', { os_hash_algo: undefined }, 400],
  ['no digest', { os_hash_value: undefined }, 400],
  ['something more', { more: 1 }, 400],
  ['a checksum that is a number', { checksum: 5 }, 400],
]

const IMAGE = 'image'

export const LOCATIONS: readonly Scenario[] = [
  {
    name: 'locations that are not shown',
    rows: [
      create(IMAGE),
      add(IMAGE, 'none is added', at('/image'), { status: 403 }),
      add(IMAGE, 'nor by administrators', at('/image'), { as: 'admin', status: 403 }),
      replace(IMAGE, 'none replaced', [at('/image')], { status: 403 }),
      replace(IMAGE, 'nor all removed', [], { status: 403 }),
      remove(IMAGE, 'nor one', '0', { status: 403 }),
      remove(IMAGE, 'nor all at once', '', { status: 400 }),
      add(IMAGE, 'what is wrong is so first', 'x', { status: 400 }),
      {
        title: 'none is told of',
        ask: 'GET /v2/images/{image}',
        status: 200,
        lacks: ['locations', 'direct_url'],
      },
      {
        title: 'an image does not begin with one',
        ask: 'POST /v2/images',
        body: { locations: [at('/image')] },
        status: 403,
      },
    ],
  },
  {
    name: 'locations',
    setting: 'stores',
    rows: [
      create(IMAGE),
      ...WRONG.map(([title, value]) => add(IMAGE, `not ${title}`, value, { status: 400 })),
      add(IMAGE, 'not at a place that is none', at('/image'), { status: 400 }, 'x'),
      add(IMAGE, 'not before the beginning', at('/image'), { status: 400 }, '-1'),
      add(IMAGE, 'not further down', at('/image'), { status: 400 }, '0/url'),
      add(IMAGE, 'not by strangers', at('/image'), { as: 'stranger', status: 404 }),
      patch(IMAGE, [{ op: 'add', path: '/locations', value: [at('/image')] }], {
        title: 'not all at once',
        status: 400,
      }),
      patch(IMAGE, [{ op: 'replace', path: '/locations/0', value: at('/image') }], {
        title: 'not in the place of another',
        status: 400,
      }),
      replace(IMAGE, 'a list of locations is one', at('/image'), { status: 400 }),
      replace(IMAGE, 'of locations', ['x'], { status: 400 }),
      replace(IMAGE, 'and not empty', [], { status: 403 }),
      remove(IMAGE, 'there is none to remove', '0', { status: 409 }),
      {
        title: 'the image still waits',
        ask: 'GET /v2/images/{image}',
        status: 200,
        shows: { status: 'queued', locations: [] },
      },
      add(IMAGE, 'one that there is', at('/image', { note: 'x' }), {
        shows: { status: 'active', size: 10, checksum: null, os_hash_value: null },
      }),
      {
        title: 'the data is there',
        ask: 'GET /v2/images/{image}/file',
        status: 200,
        shows: 'from a web',
        answers: { 'content-md5': null },
      },
      {
        title: 'and so are its parts',
        ask: 'GET /v2/images/{image}/file',
        headers: { range: 'bytes=5-8' },
        status: 206,
      },
      add(IMAGE, 'not twice', at('/image', { note: 'x' }), { status: 400 }),
      add(IMAGE, 'another at the beginning', at('/other'), {}, '0'),
      add(IMAGE, 'not beyond the end', at('/unsized'), { status: 400 }, '7'),
      replace(IMAGE, 'metadata are replaced', [at('/other', { a: 'b' }), at('/image')], {
        status: 200,
      }),
      replace(IMAGE, 'but not the places', [at('/other')], { status: 400 }),
      remove(IMAGE, 'none that is not there', '5', { status: 400 }),
      remove(IMAGE, 'none that is no number', 'x', { status: 400 }),
      remove(IMAGE, 'none by strangers', '0', { as: 'stranger', status: 404 }),
      remove(IMAGE, 'one is removed', '0', { as: 'owner' }),
      remove(IMAGE, 'but not the last', '0', { status: 403 }),
      {
        title: 'nor is it taken out of its store',
        as: 'admin',
        ask: 'DELETE /v2/stores/web/{image}',
        status: 403,
      },
      {
        title: 'nothing is uploaded to a web',
        ask: 'PUT /v2/images/{image}/file',
        headers: { 'content-type': 'application/octet-stream' },
        body: 'data',
        status: 409,
      },
      {
        title: 'a deactivated image',
        ask: 'POST /v2/images/{image}/actions/deactivate',
        status: 204,
      },
      add(IMAGE, 'gets none', at('/unsized'), { status: 409 }),
      remove(IMAGE, 'loses none', '0', { status: 409 }),
      create('more'),
      add('more', 'what nobody knows is left out', { ...at('/image'), more: 1 }),
      create('bare', {}),
      add('bare', 'without formats there is no data', at('/image'), { status: 400 }),
      create('list'),
      replace('list', 'several at once', [at('/image'), at('/other')], {
        shows: { status: 'active', size: 10 },
      }),
      create('twice'),
      replace('twice', 'but not the same', [at('/image'), at('/image')], { status: 400 }),
      create('old'),
      patch('old', [{ add: '/locations/-', value: at('/image') }], {
        title: 'in the old form as well',
        headers: V20,
      }),
      create('uploaded'),
      upload('uploaded', '0123456789'),
      add('uploaded', 'next to data that was uploaded', at('/image')),
      {
        title: 'which it then is',
        ask: 'GET /v2/images/{uploaded}',
        status: 200,
      },
      remove('uploaded', 'and which it stays in the web', '0'),
      { title: 'where it is read', ask: 'GET /v2/images/{uploaded}/file', status: 200 },
    ],
  },
  {
    name: 'locations and digests',
    setting: 'stores',
    rows: [
      create(IMAGE),
      ...VALIDATION.map(([title, rest, status]) =>
        add(IMAGE, `not ${title}`, validation(rest), { status }),
      ),
      add(IMAGE, 'digests are believed', validation(), {
        shows: { status: 'active', checksum: MD5, os_hash_value: SHA512, os_hash_algo: 'sha512' },
      }),
      {
        title: 'and not shown with the place',
        ask: 'GET /v2/images/{image}',
        status: 200,
        shows: { locations: [{ url: '{source}/image', metadata: { store: 'web' } }] },
      },
      add(
        IMAGE,
        'others are not',
        { ...validation({ checksum: 'ab'.repeat(16) }), url: '{source}/other' },
        {
          status: 409,
        },
      ),
      add(IMAGE, 'but the same', { ...validation(), url: '{source}/other' }),
      create('late'),
      add('late', 'one without', at('/image')),
      add('late', 'learns none later', { ...validation(), url: '{source}/other' }, { status: 409 }),
      create('several'),
      replace(
        'several',
        'those of several agree',
        [validation(), { ...validation({ checksum: 'cd'.repeat(16) }), url: '{source}/other' }],
        { status: 409 },
      ),
      replace('several', 'or are those of one', [validation(), at('/other')], {
        shows: { checksum: MD5 },
      }),
      create('checksum'),
      add(
        'checksum',
        'a checksum is not enough',
        { ...at('/image'), validation_data: { checksum: MD5 } },
        { status: 400 },
      ),
      create('digest'),
      add(
        'digest',
        'a digest is',
        { ...at('/image'), validation_data: { os_hash_algo: 'sha512', os_hash_value: SHA512 } },
        { shows: { checksum: null, os_hash_value: SHA512 } },
      ),
    ],
  },
]
