import { create, OCTETS, type Row, type Scenario, upload, V21 } from './table.ts'

/** As Keystone names them: who is a member is a reader as well. */
const ROLES_ASKED = ['reader', 'member,reader', 'admin,member,reader', 'service', ''] as const

type Statuses = readonly [
  reader: number,
  member: number,
  admin: number,
  service: number,
  none: number,
]

interface Asked {
  readonly ask: string
  readonly body?: unknown
  readonly statuses: Statuses
}

const name = [{ op: 'replace', path: '/name', value: 'another' }]
const visible = (visibility: string) => [{ op: 'replace', path: '/visibility', value: visibility }]

/** In the project of the images. Nothing that is asked for changes what is answered to the next. */
const OWNERS: readonly Asked[] = [
  { ask: 'GET /v2/images/{image}', statuses: [200, 200, 200, 404, 404] },
  { ask: 'GET /v2/images/{public}', statuses: [200, 200, 200, 404, 404] },
  { ask: 'GET /v2/images?visibility=private', statuses: [200, 200, 200, 403, 403] },
  { ask: 'GET /v2/images/{image}/file', statuses: [403, 200, 200, 404, 404] },
  { ask: 'GET /v2/images/{public}/file', statuses: [403, 200, 200, 404, 404] },
  { ask: 'PATCH /v2/images/{image}', body: [], statuses: [200, 200, 200, 404, 404] },
  { ask: 'PATCH /v2/images/{image}', body: name, statuses: [403, 200, 200, 404, 404] },
  { ask: 'PATCH /v2/images/{public}', body: name, statuses: [403, 403, 200, 404, 404] },
  {
    ask: 'PATCH /v2/images/{queued}',
    body: visible('public'),
    statuses: [403, 403, 200, 404, 404],
  },
  { ask: 'PUT /v2/images/{image}/tags/a', statuses: [403, 204, 204, 404, 404] },
  { ask: 'DELETE /v2/images/{image}/tags/nope', statuses: [403, 404, 404, 404, 404] },
  { ask: 'PUT /v2/images/{public}/tags/a', statuses: [403, 403, 204, 404, 404] },
  { ask: 'GET /v2/images/{image}/members', statuses: [200, 200, 200, 404, 404] },
  { ask: 'GET /v2/images/{image}/members/nope', statuses: [404, 404, 404, 404, 404] },
  { ask: 'POST /v2/images/{image}/members', body: {}, statuses: [400, 400, 400, 400, 400] },
  { ask: 'DELETE /v2/images/{image}/members/nope', statuses: [404, 404, 404, 404, 404] },
  {
    ask: 'PUT /v2/images/{image}/members/nope',
    body: { status: 'accepted' },
    statuses: [404, 404, 404, 404, 404],
  },
  { ask: 'POST /v2/images/{image}/actions/reactivate', statuses: [403, 204, 204, 404, 404] },
  { ask: 'POST /v2/images/{queued}/actions/deactivate', statuses: [403, 403, 403, 404, 404] },
  { ask: 'POST /v2/images', body: {}, statuses: [403, 201, 201, 403, 403] },
  { ask: 'POST /v2/images', body: { visibility: 'public' }, statuses: [403, 403, 201, 403, 403] },
  {
    ask: 'POST /v2/images',
    body: { visibility: 'community' },
    statuses: [403, 201, 201, 403, 403],
  },
  { ask: 'POST /v2/images', body: { owner: 'stranger' }, statuses: [403, 403, 201, 403, 403] },
  { ask: 'PUT /v2/images/{image}/file', body: 'data', statuses: [403, 409, 409, 404, 404] },
  { ask: 'PUT /v2/images/{image}/stage', body: 'data', statuses: [403, 409, 409, 404, 404] },
  {
    ask: 'POST /v2/images/{image}/import',
    body: { method: { name: 'glance-direct' } },
    statuses: [409, 409, 409, 404, 404],
  },
  {
    ask: 'POST /v2/images/{image}/import',
    body: { method: { name: 'copy-image' } },
    statuses: [403, 403, 400, 404, 404],
  },
  { ask: 'GET /v2/images/{image}/tasks', statuses: [200, 200, 200, 404, 404] },
  { ask: 'DELETE /v2/images/{kept}', statuses: [403, 403, 403, 404, 404] },
  { ask: 'DELETE /v2/images/{nope}', statuses: [404, 404, 404, 404, 404] },
  { ask: 'GET /v2/info/import', statuses: [200, 200, 200, 200, 200] },
  { ask: 'GET /v2/schemas/image', statuses: [200, 200, 200, 200, 200] },
  { ask: 'GET /v2/tasks', statuses: [403, 403, 200, 403, 403] },
  { ask: 'POST /v2/tasks', body: {}, statuses: [403, 403, 400, 403, 403] },
  { ask: 'GET /v2/metadefs/namespaces', statuses: [200, 200, 200, 404, 404] },
  { ask: 'GET /v2/metadefs/resource_types', statuses: [200, 200, 200, 404, 404] },
  {
    ask: 'POST /v2/metadefs/namespaces',
    body: { namespace: 'ns' },
    statuses: [403, 403, 201, 404, 404],
  },
  { ask: 'GET /v2/metadefs/namespaces/nope', statuses: [404, 404, 404, 404, 404] },
]

/** In another project. */
const STRANGERS: readonly Asked[] = [
  { ask: 'GET /v2/images/{image}', statuses: [404, 404, 200, 404, 404] },
  { ask: 'GET /v2/images/{public}', statuses: [200, 200, 200, 404, 404] },
  { ask: 'GET /v2/images/{community}', statuses: [200, 200, 200, 404, 404] },
  { ask: 'GET /v2/images/{image}/file', statuses: [404, 404, 200, 404, 404] },
  { ask: 'GET /v2/images/{public}/file', statuses: [403, 200, 200, 404, 404] },
  { ask: 'GET /v2/images?visibility=public&name=another', statuses: [200, 200, 200, 403, 403] },
  { ask: 'PATCH /v2/images/{image}', body: name, statuses: [404, 404, 200, 404, 404] },
  { ask: 'PATCH /v2/images/{community}', body: name, statuses: [403, 403, 200, 404, 404] },
  { ask: 'PUT /v2/images/{community}/tags/a', statuses: [403, 403, 204, 404, 404] },
  { ask: 'GET /v2/images/{image}/members', statuses: [404, 404, 200, 404, 404] },
  { ask: 'POST /v2/images/{community}/actions/deactivate', statuses: [403, 403, 403, 404, 404] },
  { ask: 'PUT /v2/images/{public}/file', body: 'data', statuses: [403, 403, 409, 404, 404] },
  { ask: 'PUT /v2/images/{public}/stage', body: 'data', statuses: [403, 403, 409, 404, 404] },
  { ask: 'GET /v2/images/{image}/tasks', statuses: [404, 404, 200, 404, 404] },
  { ask: 'GET /v2/images/{public}/tasks', statuses: [200, 200, 200, 404, 404] },
]

const rows = (as: 'owner' | 'stranger', asked: readonly Asked[]): Row[] =>
  asked.flatMap(({ ask, body, statuses }) =>
    ROLES_ASKED.map((role, index): Row => {
      const type = ask.startsWith('PATCH') ? V21 : typeof body === 'string' ? OCTETS : {}
      const what = typeof body === 'object' ? ` ${JSON.stringify(body)}` : ''
      return {
        title: `${as} as ${role || 'nobody special'}: ${ask}${what}`,
        as,
        ask,
        headers: { 'x-roles': role, ...type },
        ...(body !== undefined && { body }),
        status: statuses[index] ?? 0,
      }
    }),
  )

const RAW = { disk_format: 'raw', container_format: 'bare' }

export const ROLES: readonly Scenario[] = [
  {
    name: 'what roles may',
    setting: 'roles',
    rows: [
      create('image', RAW),
      upload('image', '0123456789'),
      create('queued', RAW),
      create('public', { ...RAW, visibility: 'public' }, 'admin'),
      upload('public', '0123456789', 'admin'),
      create('kept', { ...RAW, protected: true }),
      create('community', { ...RAW, visibility: 'community' }),
      ...rows('owner', OWNERS),
      ...rows('stranger', STRANGERS),
    ],
  },
]
