import { OCTETS, type Row, type Scenario } from './table.ts'
import { head, make, MD5, MD5_OF_NOTHING, meta, RAW, status } from './v1-table.ts'

const post = (
  title: string,
  fields: Readonly<Record<string, string | number | boolean>>,
  expected: Partial<Row> = {},
): Row => {
  const { headers, ...rest } = expected
  return {
    title,
    ask: 'POST /v1/images',
    headers: { ...meta(fields), ...headers },
    status: 201,
    ...rest,
  }
}

/** Metadata that is refused, and what with. */
const BAD: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['a header that there is not', { foo: 'x' }],
  ['a disk format that there is not', { disk_format: 'x' }],
  ['an empty disk format', { disk_format: '' }],
  ['a container format that there is not', { container_format: 'x' }],
  ['an empty container format', { container_format: '' }],
  ['formats of which one is Amazon’s', { disk_format: 'ami', container_format: 'bare' }],
  ['two of Amazon’s formats', { disk_format: 'ami', container_format: 'aki' }],
  ['a name of 256 characters', { name: 'x'.repeat(256) }],
  ['an owner of 256 characters', { owner: 'x'.repeat(256) }],
  ['a checksum of 33 characters', { checksum: 'a'.repeat(33) }],
  ['a size that is no number', { size: 'large' }],
  ['an empty size', { size: '' }],
  ['a negative size', { size: '-1' }],
  ['a size that no number holds', { size: '99999999999999999999' }],
  ['a size beyond the cap', { size: String(1024 ** 4 + 1) }],
  ['a min_disk that is no number', { min_disk: 'x' }],
  ['a negative min_ram', { min_ram: '-1' }],
  ['a min_ram that no column holds', { min_ram: '2147483648' }],
  ['a virtual size that is no number', { virtual_size: 'x' }],
  ['a negative virtual size', { virtual_size: '-1' }],
  ['a time that is none', { created_at: 'yesterday' }],
  ['a time of long ago', { updated_at: '1899-12-31T23:59:59Z' }],
  ['an id that is none', { id: 'nope' }],
  ['a name of the first plane', { name: Buffer.from('😀').toString('latin1') }],
  ['a property without a name', { 'property-': 'x' }],
  ['a property with a long name', { [`property-${'x'.repeat(256)}`]: 'x' }],
  ['a store that there is not', { store: 'tape' }],
]

const data = { headers: OCTETS, body: 'data' }

export const V1_CREATE: readonly Scenario[] = [
  {
    name: 'v1: a new image without data',
    rows: [
      post(
        'waits for it, and has a size of 0',
        { id: '{image}' },
        {
          answers: {
            location: 'http://HOST/v1/images/{image}',
            etag: null,
            'content-type': 'application/json',
          },
          shows: {
            image: {
              id: '{image}',
              name: null,
              status: 'queued',
              size: 0,
              virtual_size: null,
              checksum: null,
              disk_format: null,
              container_format: null,
              min_disk: 0,
              min_ram: 0,
              owner: 'owner',
              is_public: false,
              protected: false,
              deleted: false,
              created_at: '<time>',
              updated_at: '<time>',
              deleted_at: null,
              properties: {},
            },
          },
        },
      ),
      head('image', 'has a header for all that is not null, and no other', {
        answers: {
          'content-type': null,
          etag: null,
          location: null,
          'x-image-meta-id': '{image}',
          'x-image-meta-status': 'queued',
          'x-image-meta-size': '0',
          'x-image-meta-min_disk': '0',
          'x-image-meta-min_ram': '0',
          'x-image-meta-is_public': 'False',
          'x-image-meta-protected': 'False',
          'x-image-meta-deleted': 'False',
          'x-image-meta-owner': 'owner',
          'x-image-meta-created_at': '<time>',
          'x-image-meta-updated_at': '<time>',
          'x-image-meta-deleted_at': null,
          'x-image-meta-name': null,
          'x-image-meta-checksum': null,
          'x-image-meta-location': null,
          'x-image-meta-virtual_size': null,
        },
      }),
      post('is refused when its id is taken', { id: '{image}' }, { status: 409 }),
      { title: 'is deleted', ask: 'DELETE /v1/images/{image}', status: 200 },
      post('keeps its id for ever', { id: '{image}' }, { status: 409 }),
      post('gets an id of the server', {}, { shows: { image: { id: '<uuid>' } } }),
      post('gets one also for an empty header', { id: '' }, { shows: { image: { id: '<uuid>' } } }),
      post(
        'may have an id in another form, which becomes the usual',
        {
          id: '{4D1A6C1E0000400080000000000000FF}',
        },
        { shows: { image: { id: '<uuid>' } } },
      ),
      post(
        'is whole when its size is to be 0',
        { id: '{empty}', size: 0 },
        {
          shows: { image: { status: 'active', size: 0, disk_format: null, checksum: null } },
        },
      ),
      {
        title: 'gives nothing then',
        ask: 'GET /v1/images/{empty}',
        status: 200,
        shows: '',
      },
      post(
        'may say what its data will be',
        { id: '{said}', size: 7, checksum: MD5, virtual_size: 9 },
        {
          shows: { image: { status: 'queued', size: 7, checksum: MD5, virtual_size: 9 } },
          answers: { etag: MD5 },
        },
      ),
      post(
        'may not know its virtual size',
        { virtual_size: 'None' },
        {
          shows: { image: { virtual_size: null } },
        },
      ),
      post(
        'has a status of the server’s choice',
        { status: 'active' },
        {
          shows: { image: { status: 'queued' } },
        },
      ),
      post(
        'is not deleted, whatever it says',
        { deleted: 'True', deleted_at: 'None' },
        {
          shows: { image: { deleted: false, deleted_at: null } },
        },
      ),
      post(
        'has times of the server’s choice',
        { created_at: '2012-01-01T00:00:00' },
        {
          shows: { image: { created_at: '<time>' } },
        },
      ),
      post('takes what clients of old send along', { uri: 'x', copy_from: 'x' }),
      post(
        'is nobody else’s unless an administrator says so',
        { owner: 'other' },
        {
          shows: { image: { owner: 'owner' } },
        },
      ),
      post(
        'is whose an administrator says',
        { owner: 'other' },
        {
          as: 'admin',
          shows: { image: { owner: 'other' } },
        },
      ),
      post(
        'is nobody’s when an administrator says so',
        { owner: '' },
        {
          as: 'admin',
          shows: { image: { owner: null } },
        },
      ),
      post(
        'keeps the text that Python prints for nothing',
        { name: 'None', owner: 'None' },
        {
          as: 'admin',
          shows: { image: { name: 'None', owner: 'None' } },
        },
      ),
      post('is public only by an administrator', { is_public: 'True' }, { status: 403 }),
      post(
        'may be public',
        { is_public: 'True', id: '{public}' },
        {
          as: 'admin',
          shows: { image: { is_public: true } },
        },
      ),
      ...['true', 'T', 'on', '1', 'YES', 'y'].map(yes =>
        post(
          `is protected by ${yes}`,
          { protected: yes },
          { shows: { image: { protected: true } } },
        ),
      ),
      ...['false', '0', 'no', 'sure', ''].map(no =>
        post(
          `is not by ${no || 'nothing'}`,
          { protected: no },
          {
            shows: { image: { protected: false } },
          },
        ),
      ),
      post(
        'has properties in lower case with underscores',
        {
          'Property-Os-Distro': 'Debian',
          'property-none': '',
        },
        { shows: { image: { properties: { os_distro: 'Debian', none: null } } } },
      ),
      post(
        'has the format of Amazon twice',
        { disk_format: 'aki' },
        {
          shows: { image: { disk_format: 'aki', container_format: 'aki' } },
        },
      ),
      post(
        'or the other way round',
        { container_format: 'ari' },
        {
          shows: { image: { disk_format: 'ari', container_format: 'ari' } },
        },
      ),
      post('may name its store by its scheme', { store: 'memory' }),
      ...BAD.map(([title, fields]) => post(`may not have ${title}`, fields, { status: 400 })),
      post(
        'has no property of the service’s own',
        { 'property-os_glance_x': '1' },
        { status: 403 },
      ),
      post(
        'has no more properties than there may be',
        Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`property-p${n}`, 'x'])),
        { status: 413 },
      ),
      post('is made by nobody without a name', {}, { as: 'nobody', status: 401 }),
    ],
  },
  {
    name: 'v1: a new image with its data',
    rows: [
      make('image', RAW, {
        data: 'data',
        answers: { etag: MD5, location: 'http://HOST/v1/images/{image}' },
        shows: { image: { status: 'active', size: 4, checksum: MD5 } },
      }),
      post(
        'may say what it is',
        { ...RAW, size: 4, checksum: MD5 },
        {
          ...data,
          shows: { image: { status: 'active' } },
        },
      ),
      post('may not know its checksum', { ...RAW, checksum: 'None' }, data),
      make('chunked', RAW, {
        title: 'comes in chunks as well',
        headers: {
          ...meta({ id: '{chunked}', name: 'chunked', ...RAW }),
          ...OCTETS,
          'transfer-encoding': 'chunked',
        },
        body: 'data',
        shows: { image: { status: 'active', size: 4 } },
      }),
      make('nothing', RAW, {
        title: 'of no bytes, in chunks, is data too',
        headers: {
          ...meta({ id: '{nothing}', ...RAW }),
          ...OCTETS,
          'transfer-encoding': 'chunked',
        },
        body: '',
        shows: { image: { status: 'active', size: 0, checksum: MD5_OF_NOTHING } },
      }),
      make('typed', RAW, {
        title: 'of another media type is refused',
        headers: { ...meta({ id: '{typed}', ...RAW }), 'content-type': 'text/plain' },
        body: 'data',
        status: 400,
      }),
      status('typed', 'and the image killed', 'killed'),
      make('untyped', RAW, {
        title: 'of none as well',
        headers: meta({ id: '{untyped}', ...RAW }),
        body: 'data',
        status: 400,
      }),
      status('untyped', 'and the image killed too', 'killed'),
      {
        title: 'a killed image takes no more data',
        ask: 'PUT /v1/images/{untyped}',
        headers: OCTETS,
        body: 'data',
        status: 409,
      },
      { title: 'has none', ask: 'GET /v1/images/{untyped}', status: 404 },
      {
        title: 'is shown by v2',
        ask: 'GET /v2/images/{untyped}',
        status: 200,
        shows: { status: 'killed' },
      },
      { title: 'is not listed', ask: 'GET /v1/images?name=untyped', status: 200, lists: [] },
      { title: 'and deleted', ask: 'DELETE /v1/images/{untyped}', status: 200 },
      make('formless', {}, { title: 'needs formats', data: 'data', status: 400 }),
      status('formless', 'without which the image waits', 'queued'),
      make(
        'bare',
        { container_format: 'bare' },
        {
          title: 'needs a disk format',
          data: 'data',
          status: 400,
        },
      ),
      make(
        'diskonly',
        { disk_format: 'raw' },
        {
          title: 'needs a container format',
          data: 'data',
          status: 400,
        },
      ),
      make(
        'checked',
        { ...RAW, checksum: MD5_OF_NOTHING },
        {
          title: 'of another checksum is refused',
          data: 'data',
          status: 400,
        },
      ),
      status('checked', 'and its image killed', 'killed'),
      make(
        'short',
        { ...RAW, size: 5 },
        {
          title: 'of fewer bytes than said is refused',
          data: 'data',
          status: 400,
        },
      ),
      status('short', 'and that image killed', 'killed'),
      make(
        'long',
        { ...RAW, size: 3 },
        {
          title: 'of more bytes than said is refused',
          data: 'data',
          status: 400,
        },
      ),
      status('long', 'and this image killed', 'killed'),
      make(
        'wrong',
        { disk_format: 'qcow2', container_format: 'bare' },
        {
          title: 'that is not of its format is refused',
          data: 'data',
          status: 415,
        },
      ),
      status('wrong', 'and an image with it killed', 'killed'),
      make('image', RAW, {
        title: 'is not taken for an id that is taken',
        data: 'data',
        status: 409,
      }),
      head('image', 'and does nothing to that image', {
        answers: { 'x-image-meta-status': 'active' },
      }),
      make(
        'readonly',
        { ...RAW, store: 'http' },
        {
          title: 'is not put where nothing can be put',
          data: 'data',
          status: 410,
        },
      ),
    ],
  },
]
