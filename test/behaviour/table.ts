import { ADMIN, type Caller, MEMBER, OWNER, STRANGER } from '../support/server.ts'
import type { SettingName } from './settings.ts'

/** Who asks, by name. A nobody says nothing about who it is. */
export const CALLERS = {
  owner: OWNER,
  member: MEMBER,
  stranger: STRANGER,
  admin: ADMIN,
  nobody: {},
} as const satisfies Readonly<Record<string, Caller>>

export type Who = keyof typeof CALLERS

/**
 * One request, and what is promised of the answer. `{word}` in the path, the headers, the body and in what is promised
 * is an id: the same word is the same id in the whole scenario, and ids grow in the order in which words first appear.
 * But `{source}` is where a web server of the tests listens, and `{folder}` the one that a server has for itself.
 */
export interface Row {
  /** A sentence about behaviour, the only one of its kind in the scenario. */
  readonly title: string
  /** Default: the owner. */
  readonly as?: Who
  /** Method and path, the path as it goes over the wire; a whole URL when it is not the service that is asked. */
  readonly ask: string
  readonly headers?: Headers
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown
  /** Asks again and again until the answer has the status, and the document holds this, and lacks what it has to. */
  readonly until?: unknown
  readonly status: number
  /** Headers of the answer; null for one that is not there. */
  readonly answers?: Readonly<Record<string, string | null>>
  /** What the document, or the text, holds at least; lists are whole. */
  readonly shows?: unknown
  /** Keys that the document does not have. */
  readonly lacks?: readonly string[]
  /** The names of the images in the list, all and in order. */
  readonly lists?: readonly string[]
}

type Headers = Readonly<Record<string, string>>

/** Requests that follow one another. What they leave behind is deleted before the next scenario. */
export interface Scenario {
  readonly name: string
  /** Default: `plain`. */
  readonly setting?: SettingName
  readonly rows: readonly Row[]
}

/** The two media types of PATCH. */
export const V21 = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
export const V20 = { 'content-type': 'application/openstack-images-v2.0-json-patch' }
export const OCTETS = { 'content-type': 'application/octet-stream' }
/** What an image needs in order to take any data. */
const RAW = { disk_format: 'raw', container_format: 'bare' } as const

/** A row that makes an image, of the name that its id stands under. */
export function create(name: string, fields: object = RAW, as: Who = 'owner'): Row {
  const body = { id: `{${name}}`, name, ...fields }
  return { title: `${name} is created`, as, ask: 'POST /v2/images', body, status: 201 }
}

/** A row that gives an image its data. */
export function upload(name: string, data: string | Uint8Array, as: Who = 'owner'): Row {
  const ask = `PUT /v2/images/{${name}}/file`
  return { title: `${name} gets its data`, as, ask, headers: OCTETS, body: data, status: 204 }
}

/** A row that changes an image. */
export function patch(
  name: string,
  steps: unknown,
  { title, ...rest }: Partial<Row> & Pick<Row, 'title'>,
): Row {
  const ask = `PATCH /v2/images/{${name}}`
  return { title, ask, headers: V21, body: steps, status: 200, ...rest }
}

/** The rows, of which those with a title that was there before say that it is once more. */
export function numbered(rows: readonly Row[]): readonly Row[] {
  const seen = new Map<string, number>()
  return rows.map(row => {
    const times = (seen.get(row.title) ?? 0) + 1
    seen.set(row.title, times)
    return times === 1 ? row : { ...row, title: `${row.title} (${times})` }
  })
}
