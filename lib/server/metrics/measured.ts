import type { Database } from '../../database/database.ts'
import type { Store } from '../../store/store.ts'
import type { ImageCache } from '../cache/cache.ts'
import type { Watch } from '../http/exchange.ts'
import type { Metrics } from './metrics.ts'
import { timed } from './timed.ts'

/** The same store, of which is measured how long it takes; `open` until there is something to be read. */
export function measuredStore(store: Store, metrics: Metrics): Store {
  return timed(store, ['add', 'adopt', 'open', 'size', 'delete'], (operation, seconds) =>
    metrics.observe('glance_api_store_seconds', { store: store.id, operation }, seconds),
  )
}

/** The same database; what is done in a transaction counts as that. */
export function measuredDatabase(database: Database, metrics: Metrics): Database {
  const by = (table: string) => (operation: string, seconds: number) =>
    metrics.observe('glance_api_database_seconds', { operation: `${table}${operation}` }, seconds)
  const { images, members, tasks } = database
  const tables = {
    images: timed(images, ['find', 'list', 'insert', 'update', 'usage'], by('images.')),
    members: timed(
      members,
      ['find', 'list', 'memberships', 'insert', 'update', 'delete'],
      by('members.'),
    ),
    tasks: timed(tasks, ['find', 'list', 'insert', 'update'], by('tasks.')),
  }
  const whole = timed(database, ['transaction'], by(''))
  return new Proxy(whole, {
    get: (target, name) => {
      if (name === 'images' || name === 'members' || name === 'tasks') return tables[name]
      return Reflect.get(target, name) as unknown
    },
  })
}

/** The same cache, of which is counted how often it had what was asked for. */
export function measuredCache(cache: ImageCache, metrics: Metrics): ImageCache {
  return new Proxy(cache, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (name !== 'open') return value.bind(target) as unknown
      return async (...given: Parameters<ImageCache['open']>) => {
        const found = await target.open(...given)
        const result = found === undefined ? 'miss' : 'hit'
        metrics.add('glance_api_cache_requests_total', { result })
        return found
      }
    },
  })
}

/** Counts requests. */
export function measuringWatch(metrics: Metrics): Watch {
  return ({ method, route, hasBody }) => {
    const gauge = gaugeOf(method, route ?? '', hasBody)
    if (gauge !== null) metrics.add(gauge)
    return ({ status, seconds, received, sent }) => {
      const labels = { method: METHODS.has(method) ? method : 'other', route: route ?? 'none' }
      if (gauge !== null) metrics.add(gauge, {}, -1)
      metrics.add('glance_api_requests_total', { ...labels, status: String(status) })
      metrics.observe('glance_api_request_seconds', { route: labels.route }, seconds)
      metrics.add('glance_api_received_bytes_total', {}, received)
      metrics.add('glance_api_sent_bytes_total', {}, sent)
    }
  }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'])

function gaugeOf(method: string, route: string, hasBody: boolean) {
  const isData = /^\/v2\/images\/:[^/]+\/(?:file|stage)$/.test(route)
  const isV1 = /^\/v1\/images(?:\/:[^/]+)?$/.test(route)
  if (method === 'GET' && (isData || (isV1 && route !== '/v1/images'))) {
    return 'glance_api_downloads_in_flight'
  }
  const isPart = method === 'PATCH' && /^\/resumable-uploads\/.*\/file$/.test(route)
  const uploads = isPart || (method === 'PUT' && isData) || (isV1 && method !== 'GET' && hasBody)
  return uploads ? 'glance_api_uploads_in_flight' : null
}
