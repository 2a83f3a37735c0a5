import { OCTETS, type Row, type Scenario } from './table.ts'
import { change, head, make, MD5, meta, RAW, status } from './v1-table.ts'

const KEEP = { 'x-glance-registry-purge-props': 'false' }
const shows = (properties: Readonly<Record<string, unknown>>) => ({
  shows: { image: { properties } },
})

const upload = (name: string, title: string, rest: Partial<Row> = {}): Row => {
  const { headers, ...others } = rest
  return {
    title,
    ask: `PUT /v1/images/{${name}}`,
    headers: { ...OCTETS, ...headers },
    body: 'data',
    status: 200,
    ...others,
  }
}

export const V1_CHANGE: readonly Scenario[] = [
  {
    name: 'v1: the metadata of an image',
    rows: [
      make('image', { ...RAW, 'property-a': '1', 'property-b': '2' }),
      change(
        'image',
        { name: 'new', min_ram: 5, min_disk: 6, protected: 'True' },
        {
          title: 'is changed as far as it is mentioned',
          answers: { 'content-type': 'application/json', location: null },
          shows: {
            image: { name: 'new', min_ram: 5, min_disk: 6, protected: true, disk_format: 'raw' },
          },
        },
      ),
      head('image', 'has lost its properties, of which none was mentioned', {
        answers: { 'x-image-meta-property-a': null, 'x-image-meta-min_ram': '5' },
      }),
      change(
        'image',
        { 'property-a': '1', 'property-b': '2' },
        {
          title: 'gets them back',
          ...shows({ a: '1', b: '2' }),
        },
      ),
      change(
        'image',
        { 'property-c': '3' },
        {
          title: 'keeps them when it is told to',
          headers: KEEP,
          ...shows({ a: '1', b: '2', c: '3' }),
        },
      ),
      change(
        'image',
        { 'property-a': '', 'Property-B': 'x' },
        {
          title: 'has one emptied, and one changed',
          headers: { 'x-glance-registry-purge-props': 'nonsense' },
          ...shows({ a: null, b: 'x', c: '3' }),
        },
      ),
      head('image', 'has no header for what is empty', {
        answers: { 'x-image-meta-property-a': null, 'x-image-meta-property-b': 'x' },
      }),
      change(
        'image',
        { 'property-b': 'x' },
        {
          title: 'loses others when it is told to',
          headers: { 'x-glance-registry-purge-props': 'True' },
          ...shows({ b: 'x' }),
        },
      ),
      change(
        'image',
        { name: '', protected: 'no' },
        {
          title: 'loses its name by an empty header',
          shows: { image: { name: null, protected: false } },
        },
      ),
      change(
        'image',
        { id: '{image}', status: 'queued', size: 0, deleted: 'False' },
        {
          title: 'may be sent back whole',
        },
      ),
      change('image', { status: 'active' }, { title: 'never says another status', status: 403 }),
      change('image', { status: '' }, { title: 'nor none', status: 403 }),
      change(
        'image',
        { id: '4d1a6c1e-0000-4000-8000-0000000000ff' },
        {
          title: 'nor another id',
          status: 403,
        },
      ),
      change('image', { foo: 'x' }, { title: 'has no header of others', status: 400 }),
      change('image', { disk_format: 'x' }, { title: 'nor their formats', status: 400 }),
      change('image', { size: 'x' }, { title: 'nor their numbers', status: 400 }),
      change('image', { size: 1024 ** 4 + 1 }, { title: 'nor too many bytes', status: 400 }),
      change(
        'image',
        { disk_format: 'ami' },
        {
          title: 'gets both formats of Amazon',
          shows: { image: { disk_format: 'ami', container_format: 'ami' } },
        },
      ),
      change(
        'image',
        { owner: 'other' },
        {
          title: 'stays its owner’s, whatever that wishes',
          shows: { image: { owner: 'owner' } },
        },
      ),
      change(
        'image',
        { is_public: 'True' },
        { title: 'is not published by its owner', status: 403 },
      ),
      change(
        'image',
        { is_public: 'True' },
        {
          title: 'is published by an administrator',
          as: 'admin',
          shows: { image: { is_public: true } },
        },
      ),
      change(
        'image',
        { name: 'x' },
        {
          title: 'is not changed by others who see it',
          as: 'stranger',
          status: 403,
        },
      ),
      change(
        'image',
        { is_public: 'False' },
        {
          title: 'is shared again',
          shows: { image: { is_public: false } },
        },
      ),
      {
        title: 'which is how v2 sees it',
        ask: 'GET /v2/images/{image}',
        status: 200,
        shows: { visibility: 'shared' },
      },
      change(
        'image',
        { name: 'x' },
        {
          title: 'is not there for others',
          as: 'stranger',
          status: 404,
        },
      ),
      change('image', {}, { title: 'may be touched', shows: { image: { name: null } } }),
      change(
        'image',
        { 'property-os_glance_x': '1' },
        {
          title: 'has no property of the service’s own',
          status: 403,
        },
      ),
      change(
        'image',
        Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`property-p${n}`, 'x'])),
        { title: 'has no more properties than there may be', status: 413 },
      ),
      change(
        'image',
        { owner: 'other' },
        {
          title: 'is given away by an administrator',
          as: 'admin',
          shows: { image: { owner: 'other' } },
        },
      ),
      change('nope', {}, { title: 'of no image is not there', status: 404 }),
      { title: 'of no id neither', ask: 'PUT /v1/images/nope', status: 404 },
      {
        title: 'is changed by nobody without a name',
        as: 'nobody',
        ask: 'PUT /v1/images/{image}',
        status: 401,
      },
      { title: 'is gone', as: 'admin', ask: 'DELETE /v1/images/{image}', status: 200 },
      change(
        'image',
        { name: 'x' },
        {
          title: 'is not changed any more',
          as: 'admin',
          status: 403,
        },
      ),
      change('image', { name: 'x' }, { title: 'and seen by administrators alone', status: 404 }),
    ],
  },
  {
    name: 'v1: data for an image that waits',
    rows: [
      make('image', { ...RAW, 'property-a': '1' }),
      upload('image', 'makes it active, and leaves its properties alone', {
        headers: { 'x-glance-registry-purge-props': 'true', ...meta({ 'property-b': '2' }) },
        answers: { etag: MD5 },
        shows: {
          image: { status: 'active', size: 4, checksum: MD5, properties: { a: '1', b: '2' } },
        },
      }),
      upload('image', 'comes once', { status: 409 }),
      change('image', { size: 5 }, { title: 'has its size for good', status: 403 }),
      change('image', { checksum: 'x' }, { title: 'and its checksum', status: 403 }),
      change('image', { size: 4, checksum: MD5, status: 'active' }, { title: 'may be sent back' }),
      make('formless', {}),
      upload('formless', 'needs formats', { status: 400 }),
      upload('formless', 'may bring them', { headers: meta(RAW) }),
      make('typed'),
      upload('typed', 'of another media type is refused', {
        headers: { 'content-type': 'text/plain' },
        status: 400,
      }),
      status('typed', 'and kills the image', 'killed'),
      make('said', { ...RAW, size: 5 }),
      upload('said', 'has to be as large as was said when the image was made', { status: 400 }),
      status('said', 'else its image is killed', 'killed'),
      make('checked', RAW),
      upload('checked', 'of another checksum is refused', {
        headers: meta({ checksum: 'a'.repeat(32) }),
        status: 400,
      }),
      status('checked', 'and its image is killed too', 'killed'),
      make('empty', { size: 0 }),
      upload('empty', 'does not come to an image that has all of none', { status: 409 }),
      make('mine'),
      upload('mine', 'does not come from others', { as: 'stranger', status: 404 }),
      status('mine', 'who change nothing', 'queued'),
    ],
  },
  {
    name: 'v1: deleting',
    rows: [
      make('image', { ...RAW, 'property-a': '1' }, { data: 'data' }),
      { title: 'is not for others', as: 'stranger', ask: 'DELETE /v1/images/{image}', status: 404 },
      {
        title: 'is for the owner',
        ask: 'DELETE /v1/images/{image}',
        status: 200,
        shows: '',
      },
      { title: 'is done once', ask: 'DELETE /v1/images/{image}', status: 404 },
      {
        title: 'also for administrators',
        as: 'admin',
        ask: 'DELETE /v1/images/{image}',
        status: 404,
      },
      head('image', 'leaves nothing to be seen', { status: 404 }),
      head('image', 'but for administrators', {
        as: 'admin',
        answers: {
          'x-image-meta-status': 'deleted',
          'x-image-meta-deleted': 'True',
          'x-image-meta-deleted_at': '<time>',
          'x-image-meta-property-a': null,
        },
      }),
      { title: 'leaves no data', as: 'admin', ask: 'GET /v1/images/{image}', status: 404 },
      make('protected', { protected: 'True' }),
      { title: 'is not for protected images', ask: 'DELETE /v1/images/{protected}', status: 403 },
      make('public', { is_public: 'True' }, { as: 'admin' }),
      {
        title: 'is not for public images of others',
        ask: 'DELETE /v1/images/{public}',
        status: 403,
      },
      { title: 'is for images that there are', ask: 'DELETE /v1/images/nope', status: 404 },
      make('queued'),
      { title: 'is for images that wait', ask: 'DELETE /v1/images/{queued}', status: 200 },
    ],
  },
]
