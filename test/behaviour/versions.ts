import type { Row, Scenario } from './table.ts'

const CHOICES: readonly (readonly [string, string, Record<string, string>?])[] = [
  ['the root offers a choice of versions', '/'],
  ['a version that there is not offers a choice', '/v3/images'],
  ['a minor version that there is not offers a choice', '/v2.99/images'],
  ['the first version offers a choice', '/v1/images'],
  ['a path of nothing known offers a choice', '/foo'],
  ['a version is spelled in lower case', '/V2/images'],
  [
    'a version that there is not offers a choice in Accept as well',
    '/v2/images',
    { accept: 'application/vnd.openstack.images-v9' },
  ],
]

export const VERSIONS: readonly Scenario[] = [
  {
    name: 'versions',
    rows: [
      ...CHOICES.map(([title, path, headers = {}]): Row => {
        return { title, as: 'nobody', ask: `GET ${path}`, headers, status: 300 }
      }),
      {
        title: 'the versions are for everybody, with absolute links',
        as: 'nobody',
        ask: 'GET /versions',
        status: 200,
        answers: { 'content-type': 'application/json' },
      },
      {
        title: 'the versions come with a slash too',
        as: 'nobody',
        ask: 'GET /versions/',
        status: 200,
      },
      { title: 'whatever follows', as: 'nobody', ask: 'GET /versions/v2', status: 200 },
      {
        title: 'the service says that it is well to everybody',
        as: 'nobody',
        ask: 'GET /healthcheck',
        headers: { accept: 'text/plain' },
        status: 200,
        shows: 'OK',
        answers: { 'content-type': 'text/plain; charset=UTF-8' },
      },
      { title: 'the root answers POST alike', as: 'nobody', ask: 'POST /', status: 300 },
      { title: 'the versions answer POST alike', as: 'nobody', ask: 'POST /versions', status: 200 },
      ...[
        'v2',
        'v2.0',
        'v2.1',
        'v2.2',
        'v2.3',
        'v2.4',
        'v2.5',
        'v2.6',
        'v2.7',
        'v2.9',
        'v2.15',
      ].map((version): Row => ({
        title: `${version} is version 2`,
        ask: `GET /${version}/images`,
        status: 200,
        shows: { images: [], first: '/v2/images', schema: '/v2/schemas/images' },
      })),
      {
        title: 'Accept chooses a version before the path is looked at',
        ask: 'GET /images',
        headers: { accept: 'application/vnd.openstack.images-v2.1' },
        status: 200,
        shows: { images: [] },
      },
    ],
  },
]
