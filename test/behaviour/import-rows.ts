import { OCTETS, type Row, type Who } from './table.ts'

export const stage = (name: string, rest: Partial<Row> = {}): Row => ({
  title: `${name} is staged`,
  ask: `PUT /v2/images/{${name}}/stage`,
  headers: OCTETS,
  body: '0123456789',
  status: 204,
  ...rest,
})

export const begin = (
  name: string,
  body: unknown,
  title: string,
  rest: Partial<Row> = {},
): Row => ({
  title,
  ask: `POST /v2/images/{${name}}/import`,
  body,
  status: 202,
  ...rest,
})

export const DIRECT = { method: { name: 'glance-direct' } }
export const web = (uri: unknown) => ({ method: { name: 'web-download', uri } })

/** Waits until nothing is at work on an image any more. */
export const ended = (
  name: string,
  title: string,
  shows: object,
  rest: Partial<Row> = {},
): Row => ({
  title,
  ask: `GET /v2/images/{${name}}`,
  until: shows,
  lacks: ['os_glance_import_task'],
  status: 200,
  ...rest,
})

/** What an image that takes no part in an import any more says of it. */
export const DONE = { os_glance_importing_to_stores: '' }

export const show = (name: string, title: string, shows: object, rest: Partial<Row> = {}): Row => ({
  title,
  ask: `GET /v2/images/{${name}}`,
  status: 200,
  shows,
  ...rest,
})

export const tasks = (name: string, title: string, status: string, as: Who = 'owner'): Row => ({
  title,
  as,
  ask: `GET /v2/images/{${name}}/tasks`,
  status: 200,
  until: { tasks: [{ status, type: 'api_image_import', image_id: `{${name}}` }] },
})
