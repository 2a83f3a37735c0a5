/** What is counted and measured, and what is told of it. */
export const FAMILIES = {
  glance_api_requests_total: ['counter', 'Requests by method, route and status.'],
  glance_api_request_seconds: ['histogram', 'How long requests took, by route.'],
  glance_api_received_bytes_total: ['counter', 'Bytes of requests, heads included.'],
  glance_api_sent_bytes_total: ['counter', 'Bytes of answers, heads included.'],
  glance_api_uploads_in_flight: ['gauge', 'Requests that send image data.'],
  glance_api_downloads_in_flight: ['gauge', 'Requests that are sent image data.'],
  glance_api_store_seconds: ['histogram', 'How long stores took, by store and operation.'],
  glance_api_database_seconds: ['histogram', 'How long the database took, by operation.'],
  glance_api_cache_requests_total: ['counter', 'Downloads by whether the cache had the image.'],
  glance_api_workers: ['gauge', 'Processes that answer requests.'],
  glance_api_worker_restarts_total: ['counter', 'Workers put in the place of ones that ended.'],
} as const satisfies Record<string, readonly [Kind, string]>

export type Kind = 'counter' | 'gauge' | 'histogram'
export type Family = keyof typeof FAMILIES

/** Those whose values are of the present only, and end with the process that has them. */
export function isGauge(series: string): boolean {
  return FAMILIES[familyOf(series)][0] === 'gauge'
}

/** That of a series such as `glance_api_request_seconds_bucket{…}`. */
export function familyOf(series: string): Family {
  const name = series.replace(/\{.*$/s, '').replace(/_(?:bucket|sum|count)$/, '')
  return name as Family // Series are made of these names only.
}
