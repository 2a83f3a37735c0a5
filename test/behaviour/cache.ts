import { create, type Row, type Scenario, upload, type Who } from './table.ts'

const cached = (title: string, images: readonly object[], rest: Partial<Row> = {}): Row => ({
  title,
  as: 'admin',
  ask: 'GET /v2/cache',
  until: { cached_images: images, queued_images: [] },
  status: 200,
  ...rest,
})

const row = (title: string, ask: string, status: number, rest: Partial<Row> = {}): Row => {
  return { title, as: 'admin', ask, status, ...rest }
}

const OTHERS = ['owner', 'stranger'] as const satisfies readonly Who[]

/** All that there is to do with a cache. */
const CALLS = [
  'GET /v2/cache',
  'DELETE /v2/cache',
  'PUT /v2/cache/{image}',
  'DELETE /v2/cache/{image}',
]

const clearing = (target: string) => ({ 'x-image-cache-clear-target': target })

const one = (name: string, hits: number) => ({ image_id: `{${name}}`, hits, size: 10 })

export const CACHE: readonly Scenario[] = [
  {
    name: 'no cache',
    rows: [
      create(
        'image',
        { disk_format: 'raw', container_format: 'bare', visibility: 'public' },
        'admin',
      ),
      ...CALLS.map(ask => row(`${ask} is not there`, ask, 404)),
      ...CALLS.map(ask => row(`${ask} is not for others`, ask, 403, { as: 'owner' })),
      row('no image is not found first', 'PUT /v2/cache/{nope}', 404),
    ],
  },
  {
    name: 'the cache',
    setting: 'cache',
    rows: [
      row('the versions are more', 'GET /versions', 200, { as: 'nobody' }),
      create('image'),
      ...OTHERS.flatMap(as =>
        CALLS.map(ask =>
          row(
            `${ask} is not for the ${as}`,
            ask,
            as === 'stranger' && ask.includes('{') ? 404 : 403,
            {
              as,
            },
          ),
        ),
      ),
      cached('it is empty', []),
      row('a queued image is not for it', 'PUT /v2/cache/{image}', 400),
      row('nor is no image', 'PUT /v2/cache/{nope}', 404),
      row('none is deleted', 'DELETE /v2/cache/{nope}', 404),
      row('one that is not in it is', 'DELETE /v2/cache/{image}', 204),
      ...CALLS.slice(1).map(ask => row(`no document is expected: ${ask}`, ask, 400, { body: {} })),
      upload('image', '0123456789'),
      row('an active one is asked for', 'PUT /v2/cache/{image}', 202),
      cached('and is in it soon', [one('image', 0)]),
      row('its data comes from there', 'GET /v2/images/{image}/file', 200, {
        as: 'owner',
        shows: '0123456789',
      }),
      cached('which counts', [one('image', 1)]),
      row('a part does not', 'GET /v2/images/{image}/file', 206, {
        as: 'owner',
        headers: { range: 'bytes=0-3' },
      }),
      cached('as a hit', [one('image', 1)]),
      row('twice is once', 'PUT /v2/cache/{image}', 202),
      cached('it is there still', [one('image', 1)]),
      row('it is deleted', 'DELETE /v2/cache/{image}', 204),
      cached('and gone', []),
      row('its data is not', 'GET /v2/images/{image}/file', 200, { as: 'owner' }),
      cached('and was put there by that', [one('image', 0)]),
      row('a target has a name', 'DELETE /v2/cache', 400, { headers: clearing('all') }),
      row('the queue is cleared', 'DELETE /v2/cache', 204, { headers: clearing('queue') }),
      cached('not the cache', [one('image', 0)]),
      row('the cache is', 'DELETE /v2/cache', 204, { headers: clearing('CACHE') }),
      cached('and empty then', []),
      row('both are by default', 'DELETE /v2/cache', 204),
      row('and by an empty target', 'DELETE /v2/cache', 204, { headers: clearing('') }),
      row('it is filled', 'GET /v2/images/{image}/file', 200, { as: 'owner' }),
      cached('and full', [one('image', 0)]),
      row('a deactivated image', 'POST /v2/images/{image}/actions/deactivate', 204, {
        as: 'owner',
      }),
      row('is not read from there', 'GET /v2/images/{image}/file', 403, { as: 'owner' }),
      row('nor asked for', 'PUT /v2/cache/{image}', 400),
      row('an image that is deleted', 'DELETE /v2/images/{image}', 204, { as: 'owner' }),
      cached('is gone from it', []),
      row('and is none', 'DELETE /v2/cache/{image}', 404),
      create('part'),
      upload('part', '0123456789'),
      row('a part of the data', 'GET /v2/images/{part}/file', 206, {
        as: 'owner',
        headers: { range: 'bytes=0-3' },
      }),
      cached('is not kept', []),
      create('none'),
      row('no data', 'GET /v2/images/{none}/file', 204, { as: 'owner' }),
      cached('is not kept either', []),
      row('a stranger has nothing to read', 'GET /v2/images/{part}/file', 404, { as: 'stranger' }),
    ],
  },
]
