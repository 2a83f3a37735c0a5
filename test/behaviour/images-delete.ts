import { create, patch, type Scenario, upload } from './table.ts'

export const DELETE: readonly Scenario[] = [
  {
    name: 'delete',
    rows: [
      create('image', { visibility: 'community' }),
      {
        title: 'a stranger does not delete it',
        as: 'stranger',
        ask: 'DELETE /v2/images/{image}',
        status: 403,
      },
      { title: 'its owner does', ask: 'DELETE /v2/images/{image}', status: 204 },
      { title: 'once', ask: 'DELETE /v2/images/{image}', status: 404 },
      { title: 'then it has no data', ask: 'GET /v2/images/{image}/file', status: 404 },
      {
        title: 'nor takes any',
        ask: 'PUT /v2/images/{image}/file',
        headers: { 'content-type': 'application/octet-stream' },
        body: 'data',
        status: 404,
      },
      { title: 'nor tags', ask: 'PUT /v2/images/{image}/tags/a', status: 404 },
      { title: 'nor has members', ask: 'GET /v2/images/{image}/members', status: 404 },
      {
        title: 'nor is activated',
        ask: 'POST /v2/images/{image}/actions/reactivate',
        status: 404,
      },
      patch('image', [], { title: 'nor is changed', status: 404 }),
      create('secret', { visibility: 'private' }),
      {
        title: 'a stranger finds no private image',
        as: 'stranger',
        ask: 'DELETE /v2/images/{secret}',
        status: 404,
      },
      {
        title: 'an administrator deletes it',
        as: 'admin',
        ask: 'DELETE /v2/images/{secret}',
        status: 204,
      },
      create('protected', { protected: true }),
      {
        title: 'a protected image stays',
        ask: 'DELETE /v2/images/{protected}',
        status: 403,
      },
      {
        title: 'for administrators too',
        as: 'admin',
        ask: 'DELETE /v2/images/{protected}',
        status: 403,
      },
      patch('protected', [{ op: 'replace', path: '/protected', value: false }], {
        title: 'its protection ends',
      }),
      { title: 'and so does it', ask: 'DELETE /v2/images/{protected}', status: 204 },
      create('active'),
      upload('active', 'data'),
      { title: 'an active image is deleted', ask: 'DELETE /v2/images/{active}', status: 204 },
      { title: 'with its data', ask: 'GET /v2/images/{active}/file', status: 404 },
      { title: 'no such image', ask: 'DELETE /v2/images/{nowhere}', status: 404 },
      { title: 'no such id', ask: 'DELETE /v2/images/nope', status: 404 },
    ],
  },
]
