import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { ServerConfig } from '../../lib/server/config.ts'
import { type RunningServer, startServer } from '../../lib/server/start.ts'
import { PATCH_MEDIA_TYPE } from '../../lib/wire/v2-patch.ts'

export interface TestServer extends RunningServer {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** Creates an image, by default one that can be uploaded, and says its id. */
  create(body?: object, as?: Caller): Promise<string>
  /** The image as the API shows it. */
  show(id: string, as?: Caller): Promise<Answer['json']>
  patch(id: string, steps: unknown, as?: Caller, mediaType?: string): Promise<Answer>
  upload(
    id: string,
    data: string | Uint8Array,
    as?: Caller,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
}

/** The headers that say who asks. A server without authentication takes no note of them. */
export type Caller = Readonly<Record<string, string>>

interface CallOptions {
  /** Nobody when left out. */
  readonly as?: Caller
  readonly headers?: Readonly<Record<string, string>>
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; empty when it is none. */
  readonly json: Readonly<Record<string, unknown>>
}

/** Somebody in a project. */
export function user(project: string, ...roles: readonly string[]): Caller {
  return {
    'x-identity-status': 'Confirmed',
    'x-user-id': `user of ${project}`,
    'x-project-id': project,
    'x-roles': ['member', ...roles].join(','),
  }
}

export const OWNER = user('owner')
export const MEMBER = user('member')
export const STRANGER = user('stranger')
export const ADMIN = user('operators', 'admin')

/** A real server on a port of its own, in memory unless told otherwise, that stops when the test ends. */
export async function startTestServer(
  t: Test,
  overrides: Partial<ServerConfig> = {},
  report: (error: unknown) => void = error => t.error(error, 'an error that nobody foresaw'),
  now?: () => Date,
): Promise<TestServer> {
  const inMemory = { dataApi: 'simple', store: 'memory' } as const
  const dataDir = join(t.testdirName, 'data')
  const common = { bindPort: 0, dataDir, shutdownGraceMs: 1000 }
  const server = await startServer({ ...common, ...inMemory, ...overrides }, { report, now })
  t.teardown(async () => {
    await server[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
  })
  const call: TestServer['call'] = (method, path, options) =>
    ask(server.url + path, method, options)
  return {
    ...server,
    call,
    create: async (body = { disk_format: 'raw', container_format: 'bare' }, as = OWNER) => {
      const { status, json, text } = await call('POST', '/v2/images', { as, body })
      if (status !== 201) throw new Error(`${status}: ${text}`)
      return String(json['id'])
    },
    show: async (id, as = OWNER) => (await call('GET', `/v2/images/${id}`, { as })).json,
    patch: (id, steps, as = OWNER, mediaType = PATCH_MEDIA_TYPE) => {
      const headers = { 'content-type': mediaType }
      return call('PATCH', `/v2/images/${id}`, { as, headers, body: steps })
    },
    upload: (id, body, as = OWNER, headers = {}) =>
      call('PUT', `/v2/images/${id}/file`, {
        as,
        headers: { 'content-type': 'application/octet-stream', ...headers },
        body,
      }),
  }
}

async function ask(
  url: string,
  method: string,
  { as = {}, headers = {}, body }: CallOptions = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { accept: 'application/json', ...as, ...headers },
    ...(body !== undefined && { body: bodyOf(body) }),
  })
  const text = await response.text()
  const isJson = text !== '' && response.headers.get('content-type') === 'application/json'
  const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {} // Most documents are objects.
  return { status: response.status, headers: response.headers, text, json }
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
}
