import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import { CALLERS, type Row, type Scenario, V21, type Who } from './table.ts'

/** An answer with everything masked that differs from one server, or from one moment, to the next. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The document, or the text when it is none. */
  readonly body: unknown
}

/** A server that is asked. */
export interface Side {
  readonly url: string
  /** What words stand for that are no ids. */
  readonly places: Readonly<Record<'folder' | 'source', string>>
}

/** How long it is waited for what a row promises to become. Milliseconds. */
const PATIENCE_MS = 30_000

/** The headers that somebody could depend on. */
const HEADERS = [
  'accept-patch',
  'allow',
  'content-disposition',
  'content-encoding',
  'content-md5',
  'content-range',
  'content-type',
  'etag',
  'location',
  'openstack-image-import-methods',
  'openstack-image-store-ids',
  'retry-after',
  'www-authenticate',
  'x-openstack-request-id',
] as const

const WORD = /\{([a-z][a-z0-9-]*)\}/g
const PLACES: readonly string[] = ['folder', 'source'] satisfies (keyof Side['places'])[]

/** What the words of a scenario stand for, the `number`th of all. */
export function idsOf({ rows }: Scenario, number: number): ReadonlyMap<string, string> {
  const ids = new Map<string, string>()
  for (const { ask, headers, body } of rows) {
    for (const [, word = ''] of `${ask} ${JSON.stringify([headers, body])}`.matchAll(WORD)) {
      if (PLACES.includes(word)) continue
      const [high, low] = [number + 1, ids.size + 1].map(part => String(part).padStart(6, '0'))
      if (!ids.has(word)) ids.set(word, `4d1a6c1e-0000-4000-8000-${high}${low}`)
    }
  }
  return ids
}

/**
 * Sends the request of a row, again and again when it waits for something. Resolves to the last answer, also when what
 * it waits for has not come. @throws when there is no answer.
 */
export async function ask(
  side: Side,
  row: Row,
  ids: ReadonlyMap<string, string> = new Map(),
): Promise<Answer> {
  const words = new Map([...ids, ...Object.entries(side.places)])
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const answer = await askOnce(side.url, row, words)
    if (row.until === undefined || hasCome(row, answer) || performance.now() > end) return answer
    await delay(5)
  }
}

function hasCome({ status, until, lacks = [] }: Row, answer: Answer): boolean {
  const { body } = answer
  return (
    answer.status === status &&
    isDeepStrictEqual(partOf(body, until), until) &&
    !lacks.some(key => isRecord(body) && Object.hasOwn(body, key))
  )
}

async function askOnce(url: string, row: Row, words: ReadonlyMap<string, string>): Promise<Answer> {
  const fill = (text: string) => text.replace(WORD, (all, word: string) => words.get(word) ?? all)
  const [method = '', path = ''] = fill(row.ask).split(/ (.*)/s)
  const headers = { accept: 'application/json', ...CALLERS[row.as ?? 'owner'] }
  const body = bodyOf(row.body, fill)
  const { status, answered, text } = await send(url, method, path, {
    headers: {
      ...headers,
      ...(body !== null &&
        row.headers?.['transfer-encoding'] === undefined && {
          'content-length': String(body.length),
        }),
      ...Object.fromEntries(Object.entries(row.headers ?? {}).map(([k, v]) => [k, fill(v)])),
    },
    body,
  })
  const masked = mask(text, url, words)
  const isJson = answered['content-type']?.startsWith('application/json') === true && text !== ''
  return {
    status,
    headers: headersOf(answered, text === '', value => mask(value, url, words)),
    body: isJson ? inOrder(JSON.parse(masked)) : masked,
  }
}

/** Deletes what a scenario has left. */
export async function clean(side: Side): Promise<void> {
  const { url } = side
  const as: Who = 'admin'
  const unprotect = [{ op: 'replace', path: '/protected', value: false }]
  for (const hidden of [false, true]) {
    const listed = await listOf(url, `/v2/images?limit=1000&visibility=all&os_hidden=${hidden}`)
    for (const { id, protected: isProtected } of listed) {
      const path = `/v2/images/${String(id)}`
      if (isProtected === true) {
        const body = unprotect
        await ask(side, { title: '', as, ask: `PATCH ${path}`, headers: V21, body, status: 200 })
      }
      await ask(side, { title: '', as, ask: `DELETE ${path}`, status: 204 })
    }
  }
  for (const { namespace, protected: isProtected } of await listOf(
    url,
    '/v2/metadefs/namespaces',
  )) {
    const path = `/v2/metadefs/namespaces/${encodeURIComponent(String(namespace))}`
    if (isProtected === true) {
      await ask(side, { title: '', as, ask: `PUT ${path}`, body: { namespace }, status: 200 })
    }
    await ask(side, { title: '', as, ask: `DELETE ${path}`, status: 204 })
  }
}

/** Asserts what the row promises. */
export function check(t: Test, row: Row, answer: Answer): void {
  const { status, headers, body } = answer
  if (status !== row.status) t.equal(status, row.status, JSON.stringify(body))
  else t.equal(status, row.status, 'the status')
  for (const [name, value] of Object.entries(row.answers ?? {})) {
    t.equal(headers[name] ?? null, value, name)
  }
  if (row.until !== undefined) t.strictSame(partOf(body, row.until), row.until, 'what it became')
  if (row.shows !== undefined) t.strictSame(partOf(body, row.shows), row.shows, 'the body')
  for (const key of row.lacks ?? []) t.notOk(isRecord(body) && Object.hasOwn(body, key), key)
  if (row.lists !== undefined) t.strictSame(namesIn(body), row.lists, 'the images')
}

/** In what two answers differ, in words; `wording` for the explanation of an error or of a task, and descriptions in a schema. */
export function differences(theirs: Answer, ours: Answer): readonly string[] {
  if (theirs.status !== ours.status) return [`status ${theirs.status}, ours ${ours.status}`]
  const headers = HEADERS.filter(name => theirs.headers[name] !== ours.headers[name]).map(
    name => `${name} ${theirs.headers[name] ?? '-'}, ours ${ours.headers[name] ?? '-'}`,
  )
  if (isDeepStrictEqual(theirs.body, ours.body)) return headers
  if (theirs.status < 400 || !isRecord(theirs.body) || !isRecord(ours.body)) {
    const keys = keysThatDiffer(undescribed(theirs.body), undescribed(ours.body))
    return [...headers, keys === '' ? 'wording' : `body${keys}`]
  }
  const { message: _theirs, ...their } = theirs.body
  const { message: _ours, ...our } = ours.body
  return [...headers, isDeepStrictEqual(their, our) ? 'wording' : 'body']
}

/** Empty when none does. */
function keysThatDiffer(theirs: unknown, ours: unknown): string {
  if (!isRecord(theirs) || !isRecord(ours)) return isDeepStrictEqual(theirs, ours) ? '' : ' whole'
  const keys = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].toSorted()
  const different = keys.filter(key => !isDeepStrictEqual(theirs[key], ours[key]))
  return different.length === 0 ? '' : `: ${different.join(', ')}`
}

/** Without what schemas and tasks say to people. */
function undescribed(document: unknown): unknown {
  if (Array.isArray(document)) return document.map(undescribed)
  if (!isRecord(document)) return document
  const kept = Object.entries(document).filter(
    ([key, value]) => !['description', 'message'].includes(key) || typeof value !== 'string',
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, undescribed(value)]))
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
}

/** By the plainest client there is: `fetch` tidies paths up, and sends no body with GET. */
async function send(url: string, method: string, path: string, { headers, body }: Sent) {
  const elsewhere = URL.canParse(path) ? new URL(path) : null
  const { hostname, port } = elsewhere ?? new URL(url)
  const asked = elsewhere?.pathname ?? path
  const outgoing = request({ hostname, port, method, path: asked, headers, agent: false })
  // As `fetch` and every other client do it: without a body, these two say so.
  if (body === null && ['POST', 'PUT'].includes(method) && !('transfer-encoding' in headers)) {
    outgoing.setHeader('content-length', 0)
  }
  outgoing.end(body ?? undefined)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage] // As node:http documents.
  const pieces: Uint8Array[] = []
  for await (const piece of response) pieces.push(piece as Uint8Array) // It has no encoding.
  const text = Buffer.concat(pieces).toString()
  return {
    status: response.statusCode ?? 0,
    answered: response.headers,
    text,
  }
}

function bodyOf(body: unknown, fill: (text: string) => string): Uint8Array | null {
  if (body === undefined) return null
  if (body instanceof Uint8Array) return body
  return Buffer.from(fill(typeof body === 'string' ? body : JSON.stringify(body)))
}

function headersOf(
  headers: IncomingHttpHeaders,
  isEmpty: boolean,
  masked: (value: string) => string,
): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {}
  const metadata = Object.keys(headers).filter(name => name.startsWith('x-image-meta-'))
  for (const name of [...HEADERS, ...metadata]) {
    const value = headers[name]
    // A type without a body is of no use to anybody, and Glance says one with some 204 and not with others.
    if (value === undefined || (name === 'content-type' && isEmpty)) continue
    kept[name] = masked(String(value))
  }
  return kept
}

function mask(text: string, url: string, words: ReadonlyMap<string, string>): string {
  let masked = text.replaceAll(new URL(url).host, 'HOST')
  for (const [word, meant] of words) masked = masked.replaceAll(meant, `{${word}}`)
  return masked
    .replace(/req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<request>')
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uuid>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\b)/g, '<time>')
    .replace(/"(last_accessed|last_modified)": ?\d+(?:\.\d+)?/g, '"$1": 0')
}

/** The tags of an image come in any order. */
function inOrder(document: unknown): unknown {
  if (Array.isArray(document)) return document.map(inOrder)
  if (!isRecord(document)) return document
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => {
      const isSet =
        key === 'tags' && Array.isArray(value) && value.every(v => typeof v === 'string')
      return [key, isSet ? value.toSorted() : inOrder(value)]
    }),
  )
}

/** What of a document has the keys that `wanted` has. */
function partOf(document: unknown, wanted: unknown): unknown {
  if (Array.isArray(wanted) && Array.isArray(document)) {
    return document.map((each, index) => partOf(each, wanted[index]))
  }
  if (!isRecord(wanted) || !isRecord(document)) return document
  const kept = Object.entries(document).filter(([key]) => Object.hasOwn(wanted, key))
  return Object.fromEntries(kept.map(([key, value]) => [key, partOf(value, wanted[key])]))
}

function namesIn(body: unknown): unknown {
  return imagesIn(body, 'images').map(({ name }) => name)
}

/** All pages. */
async function listOf(url: string, path: string): Promise<readonly Record<string, unknown>[]> {
  const key = path.startsWith('/v2/images') ? 'images' : 'namespaces'
  const found: Record<string, unknown>[] = []
  for (let page: unknown = path; typeof page === 'string';) {
    // Not by `ask`, which masks the ids.
    const { text } = await send(url, 'GET', page, {
      headers: { accept: 'application/json', ...CALLERS.admin },
      body: null,
    })
    const document: unknown = JSON.parse(text)
    found.push(...imagesIn(document, key))
    page = isRecord(document) ? document['next'] : undefined
  }
  return found
}

function imagesIn(document: unknown, key: string): readonly Record<string, unknown>[] {
  const list = isRecord(document) ? document[key] : undefined
  return Array.isArray(list) ? list.filter(isRecord) : []
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
