import type { Row, Scenario } from './table.ts'
import { change, head, make, MD5, RAW } from './v1-table.ts'

const get = (title: string, rest: Partial<Row> = {}): Row => {
  return { title, ask: 'GET /v1/images/{image}', status: 200, ...rest }
}

const notAllowed = (ask: string, allow: string): Row => {
  return { title: `${ask} is not allowed`, ask, status: 405, answers: { allow } }
}

export const V1_SHOW: readonly Scenario[] = [
  {
    name: 'v1: an image is shown',
    rows: [
      make('image', { ...RAW, 'property-os_distro': 'debian' }, { data: 'data' }),
      get('with its data and its metadata', {
        shows: 'data',
        answers: {
          'content-type': 'application/octet-stream',
          'content-md5': null,
          etag: MD5,
          location: null,
          'x-image-meta-id': '{image}',
          'x-image-meta-name': 'image',
          'x-image-meta-status': 'active',
          'x-image-meta-size': '4',
          'x-image-meta-checksum': MD5,
          'x-image-meta-disk_format': 'raw',
          'x-image-meta-container_format': 'bare',
          'x-image-meta-property-os_distro': 'debian',
          'x-openstack-request-id': '<request>',
        },
      }),
      get('whole, whatever part of it is asked for', {
        headers: { range: 'bytes=1-2' },
        shows: 'data',
        answers: { 'content-range': null },
      }),
      get('whatever the query says', { ask: 'GET /v1/images/{image}?x=y', shows: 'data' }),
      head('image', 'by its metadata alone', {
        answers: { etag: MD5, 'x-image-meta-checksum': MD5 },
      }),
      get('not to others', { as: 'stranger', status: 404 }),
      head('image', 'nor its metadata', { as: 'stranger', status: 404 }),
      get('to administrators', { as: 'admin', shows: 'data' }),
      get('to nobody without a name', { as: 'nobody', status: 401 }),
      {
        title: 'not while it is deactivated',
        as: 'admin',
        ask: 'POST /v2/images/{image}/actions/deactivate',
        status: 204,
      },
      get('when its owner asks', { status: 403 }),
      get('or an administrator', { as: 'admin', status: 403 }),
      head('image', 'but for its metadata', {
        answers: { 'x-image-meta-status': 'deactivated' },
      }),
      make('queued'),
      get('not before it has data', { ask: 'GET /v1/images/{queued}', status: 404 }),
      { title: 'not when there is none', ask: 'GET /v1/images/nope', status: 404 },
      { title: 'not even its metadata', ask: 'HEAD /v1/images/nope', status: 404 },
      change(
        'queued',
        { name: 'Kölsch' },
        {
          title: 'in UTF-8',
          headers: { 'x-image-meta-name': Buffer.from('Köln').toString('latin1') },
          shows: { image: { name: 'Köln' } },
        },
      ),
    ],
  },
  {
    name: 'v1: paths and methods',
    rows: [
      { title: 'the root is the list', ask: 'GET /v1/', status: 200, shows: { images: [] } },
      { title: 'with a slash or without', ask: 'GET /v1', status: 200, shows: { images: [] } },
      { title: 'v1.0 is v1', ask: 'GET /v1.0/images', status: 200, shows: { images: [] } },
      { title: 'v1.1 is v1', ask: 'GET /v1.1/images/detail', status: 200, shows: { images: [] } },
      { title: 'v1.2 is none', ask: 'GET /v1.2/images', status: 300 },
      { title: 'v1.a is none', ask: 'GET /v1.a/images', status: 300 },
      {
        title: 'Accept chooses v1',
        ask: 'GET /images',
        headers: { accept: 'application/vnd.openstack.images-v1' },
        status: 200,
        shows: { images: [] },
      },
      {
        title: 'Accept chooses v1.1',
        ask: 'GET /images/detail',
        headers: { accept: 'application/vnd.openstack.images-v1.1' },
        status: 200,
        shows: { images: [] },
      },
      { title: 'images without a version offer a choice', ask: 'GET /images', status: 300 },
      { title: 'the versions are no resource of one', ask: 'GET /v1/versions', status: 404 },
      notAllowed('PATCH /v1/images', 'GET, POST'),
      notAllowed('HEAD /v1/images/detail', 'GET'),
      notAllowed('POST /v1/images/detail', 'GET'),
      notAllowed('PUT /v1/images/detail', 'GET'),
      notAllowed('DELETE /v1/images/detail', 'GET'),
      notAllowed('POST /v1/images/{image}', 'HEAD, GET, PUT, DELETE'),
      notAllowed('PATCH /v1/images/{image}', 'HEAD, GET, PUT, DELETE'),
      notAllowed('POST /v1/images/{image}/members', 'GET, PUT'),
      notAllowed('GET /v1/images/{image}/members/x', 'PUT, DELETE'),
      notAllowed('POST /v1/images/{image}/members/x', 'PUT, DELETE'),
      { title: 'there is nothing else', ask: 'GET /v1/tasks', status: 404 },
      {
        title: 'the versions are v2 and, as deprecated, v1',
        ask: 'GET /versions',
        as: 'nobody',
        status: 200,
        shows: {
          versions: [
            ['v2.15', 'CURRENT', 'v2'],
            ...['v2.9', 'v2.17'].map(id => [id, 'SUPPORTED', 'v2']),
            ...['v2.7', 'v2.6', 'v2.5', 'v2.4', 'v2.3', 'v2.2', 'v2.1', 'v2.0'].map(id => [
              id,
              'SUPPORTED',
              'v2',
            ]),
            ['v1.1', 'DEPRECATED', 'v1'],
            ['v1.0', 'DEPRECATED', 'v1'],
          ].map(([id, , major]) => ({
            id,
            links: [{ rel: 'self', href: `http://HOST/${major}/` }],
          })),
        },
      },
      {
        title: 'the cache is not there while there is none',
        as: 'admin',
        ask: 'GET /v1/cached_images',
        status: 404,
      },
      { title: 'and is not for everybody', ask: 'GET /v1/queued_images', status: 403 },
    ],
  },
]
