import { GlanceError } from '../errors.ts'
import { fieldsOf, isFields, listOf, textOf } from './documents.ts'

/** An address of a service. */
export interface CatalogEndpoint {
  readonly type: string
  readonly name: string
  readonly region: string | null
  /** `public`, `internal` or `admin`. */
  readonly interface: string
  readonly url: string
}

/** What an identity service gives who has proved who they are. */
export interface Grant {
  readonly token: string
  /** Milliseconds for which it surely holds, by the clock of the service; null when it has no end. */
  readonly lifetimeMs: number | null
  readonly catalog: readonly CatalogEndpoint[]
  /** Whether it is good for anything: a project, a domain, or the system. */
  readonly scoped: boolean
  /** What it is good for: `project ID`, `domain ID` or `system`; null where it does not say. */
  readonly scope: string | null
  /** Whose it is; null where it does not say. */
  readonly userId: string | null
}

/** The answer to `POST /v3/auth/tokens`. @throws {GlanceError} `unsupported` when it is none. */
export function grantFromV3(token: unknown, document: unknown, date: string | undefined): Grant {
  const body = fieldsOf(document)['token']
  if (typeof token !== 'string' || token === '' || !isFields(body)) throw noGrant()
  const catalog = listOf(body['catalog']).flatMap(service =>
    listOf(service['endpoints']).map(endpoint => ({
      type: text(service['type']),
      name: text(service['name']),
      region: text(endpoint['region_id']) || text(endpoint['region']) || null,
      interface: text(endpoint['interface']),
      url: text(endpoint['url']),
    })),
  )
  const scoped = ['project', 'domain', 'system', 'OS-TRUST:trust'].some(
    name => body[name] !== undefined,
  )
  return {
    token,
    lifetimeMs: lifetime(body['issued_at'], body['expires_at'], date),
    catalog,
    scoped,
    scope: scopeOf(body),
    userId: textOf(fieldsOf(body['user'])['id']),
  }
}

/** The answer to `POST /v2.0/tokens`. @throws {GlanceError} `unsupported` when it is none. */
export function grantFromV2(document: unknown, date: string | undefined): Grant {
  const access = fieldsOf(fieldsOf(document)['access'])
  const body = fieldsOf(access['token'])
  if (text(body['id']) === '') throw noGrant()
  const catalog = listOf(access['serviceCatalog']).flatMap(service =>
    listOf(service['endpoints']).flatMap(endpoint =>
      ['public', 'internal', 'admin'].flatMap(name => {
        const url = text(endpoint[`${name}URL`])
        const { type, name: called } = service
        const region = text(endpoint['region']) || null
        return url === ''
          ? []
          : [{ type: text(type), name: text(called), region, interface: name, url }]
      }),
    ),
  )
  return {
    token: text(body['id']),
    lifetimeMs: lifetime(body['issued_at'], body['expires'], date),
    catalog,
    scoped: isFields(body['tenant']),
    scope: named('project', body['tenant']),
    userId: textOf(fieldsOf(access['user'])['id']),
  }
}

function scopeOf(body: Readonly<Record<string, unknown>>): string | null {
  const narrow = named('project', body['project']) ?? named('domain', body['domain'])
  return narrow ?? (body['system'] === undefined ? null : 'system')
}

function named(kind: string, document: unknown): string | null {
  const id = text(fieldsOf(document)['id'])
  return id === '' ? null : `${kind} ${id}`
}

function noGrant(): GlanceError {
  return new GlanceError('unsupported', 'its answer holds no token: no Keystone is there')
}

/**
 * By the times that the service gives, so that our clock may be wrong. Keystone says the whole second in which it
 * issued a token: there may be a second less.
 */
function lifetime(issued: unknown, expires: unknown, date: string | undefined): number | null {
  const end = time(expires)
  const begin = time(issued) ?? time(date)
  if (end === undefined || begin === undefined) return null
  const most = end - begin
  return begin % 1000 === 0 ? Math.max(most - 1000, most / 2) : most
}

/** Times without a zone, as old services write them, are those of UTC. */
function time(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  const found = Date.parse(/^\d{4}-\d\d-\d\dT[\d:.]+$/.test(value) ? `${value}Z` : value)
  return Number.isNaN(found) ? undefined : found
}

function text(value: unknown): string {
  return textOf(value) ?? ''
}
