import { create, OCTETS, patch, type Row, type Scenario, upload } from './table.ts'

const act = (action: string, title: string, expected: Partial<Row> = {}): Row => {
  return { title, ask: `POST /v2/images/{image}/actions/${action}`, status: 204, ...expected }
}

export const ACTIONS: readonly Scenario[] = [
  {
    name: 'actions',
    rows: [
      create('image'),
      act('deactivate', 'a queued image is not deactivated', { status: 403 }),
      act('reactivate', 'nor reactivated', { status: 403 }),
      upload('image', '0123456789'),
      act('reactivate', 'an active image is active'),
      act('deactivate', 'a stranger finds nothing to deactivate', { as: 'stranger', status: 404 }),
      act('deactivate', 'its owner does'),
      act('deactivate', 'as often as may be'),
      {
        title: 'it is shown',
        ask: 'GET /v2/images/{image}',
        status: 200,
        shows: { status: 'deactivated', size: 10 },
      },
      {
        title: 'and listed',
        ask: 'GET /v2/images?status=deactivated',
        status: 200,
        lists: ['image'],
      },
      { title: 'but not downloaded', ask: 'GET /v2/images/{image}/file', status: 403 },
      {
        title: 'not in parts either',
        ask: 'GET /v2/images/{image}/file',
        headers: { range: 'bytes=0-1' },
        status: 403,
      },
      {
        title: 'save by administrators',
        as: 'admin',
        ask: 'GET /v2/images/{image}/file',
        status: 200,
        shows: '0123456789',
      },
      {
        title: 'it takes no data',
        ask: 'PUT /v2/images/{image}/file',
        headers: OCTETS,
        body: 'x',
        status: 409,
      },
      patch('image', [{ op: 'replace', path: '/name', value: 'renamed' }], {
        title: 'but changes',
        shows: { name: 'renamed', status: 'deactivated' },
      }),
      act('reactivate', 'it is reactivated', { as: 'admin' }),
      act('reactivate', 'more than once'),
      {
        title: 'and downloaded',
        ask: 'GET /v2/images/{image}/file',
        status: 200,
        shows: '0123456789',
      },
      {
        title: 'a body of {} is one',
        ask: 'POST /v2/images/{image}/actions/deactivate',
        body: {},
        status: 400,
      },
      act('deactivate', 'it is deactivated again'),
      { title: 'and deleted as it is', ask: 'DELETE /v2/images/{image}', status: 204 },
      {
        title: 'there is an image to deactivate',
        ask: 'POST /v2/images/{nowhere}/actions/deactivate',
        status: 404,
      },
    ],
  },
]
