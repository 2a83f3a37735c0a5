import { GlanceError } from '../errors.ts'
import type { SortDirection } from '../image/query.ts'

/** How many of a listing a page has. */
export interface PageSizes {
  /** `limit_param_default`: when nobody says. */
  readonly limitDefault: number
  /** `api_limit_max`: whatever anybody says. */
  readonly limitMax: number
}

/** Null when nobody says. @throws {GlanceError} `invalid` for what is no whole number, and for fewer than `least`. */
export function parseLimit(text: string | null | undefined, least: 0 | 1 = 0): number | null {
  if (text === undefined || text === null) return null
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw invalid('limit param must be an integer')
  const limit = Number(text)
  if (limit < least) throw invalid('limit param must be positive')
  return limit || 0 // Not -0.
}

/** @throws {GlanceError} `invalid`. */
export function parseDirection(text: string): SortDirection {
  if (text === 'asc' || text === 'desc') return text
  throw invalid(`Invalid sort direction: ${text}`)
}

/**
 * Where the listing at `path` begins and where it goes on, relative to the service, after a page on which there are
 * these `markers`. A page that is exactly full is followed by another, be it an empty one. As Glance: of what the query
 * gave several times only the last remains.
 */
export function pageLinks(
  path: string,
  params: URLSearchParams,
  markers: readonly string[],
  limit: number,
): { readonly first: string; readonly next?: string } {
  const query = new Map(params)
  query.delete('marker')
  const first = linkTo(path, query)
  const last = markers.at(-1)
  if (last === undefined || markers.length < limit) return { first }
  return { first, next: linkTo(path, query.set('marker', last)) }
}

function linkTo(path: string, query: ReadonlyMap<string, string>): string {
  const text = new URLSearchParams([...query]).toString()
  return text === '' ? path : `${path}?${text}`
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
