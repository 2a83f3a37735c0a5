import { GlanceError } from '../errors.ts'
import {
  NAMESPACE_SORT_KEYS,
  NAMESPACE_VISIBILITIES,
  type NamespaceQuery,
  TAG_SORT_KEYS,
  type TagQuery,
} from '../image/metadef.ts'
import type { SortDirection, Viewer } from '../image/query.ts'
import type { PageSizes } from './v2-query.ts'

/** Reads the query of `GET /v2/metadefs/namespaces`. @throws {GlanceError} `invalid`. */
export function parseNamespaceQuery(
  params: URLSearchParams,
  viewer: Viewer,
  { limitDefault, limitMax }: PageSizes,
): NamespaceQuery {
  const given = new Map(params)
  return {
    viewer,
    visibility: parseVisibility(given.get('visibility'), NAMESPACE_VISIBILITIES),
    resourceTypes: given.get('resource_types')?.split(',') ?? null,
    sort: {
      key: parseSortKey(given.get('sort_key'), NAMESPACE_SORT_KEYS),
      direction: parseDirection(given.get('sort_dir')),
    },
    limit: Math.min(parseLimit(given.get('limit'), 0) ?? limitDefault, limitMax),
    marker: given.get('marker') ?? null,
  }
}

/** As Glance, which of the query of one namespace reads a visibility, for nothing. @throws {GlanceError} `invalid`. */
export function checkNamespaceQuery(params: URLSearchParams): void {
  parseVisibility(new Map(params).get('visibility'), NAMESPACE_VISIBILITIES)
}

/** Where the listing of namespaces begins and where it goes on. */
export function namespaceLinks(
  params: URLSearchParams,
  page: readonly { readonly namespace: string }[],
  limit: number,
): { readonly first: string; readonly next?: string } {
  const query = new Map(params)
  query.delete('marker')
  const first = linkTo(query)
  const last = page.at(-1)
  if (last === undefined || page.length < limit) return { first }
  return { first, next: linkTo(query.set('marker', last.namespace)) }
}

/** Reads the query of a namespace's tags. @throws {GlanceError} `invalid`. */
export function parseTagQuery(params: URLSearchParams): TagQuery {
  const given = new Map(params)
  parseVisibility(given.get('visibility'), PART_VISIBILITIES)
  return {
    sort: {
      key: parseSortKey(given.get('sort_key'), TAG_SORT_KEYS),
      direction: parseDirection(given.get('sort_dir')),
    },
    limit: parseLimit(given.get('limit') || undefined, 0),
    marker: given.get('marker') || null,
  }
}

/** As Glance, which reads the query of a namespace's objects and lists them all. @throws {GlanceError} `invalid`. */
export function checkObjectQuery(params: URLSearchParams): void {
  const given = new Map(params)
  parseDirection(given.get('sort_dir'))
  parseVisibility(given.get('visibility'), PART_VISIBILITIES)
  parseLimit(given.get('limit'), 1)
}

const PART_VISIBILITIES = [...NAMESPACE_VISIBILITIES, 'shared'] as const

function parseVisibility<T extends string>(
  text: string | undefined,
  known: readonly T[],
): T | null {
  if (text === undefined || text === '') return null
  const visibility = known.find(known => known === text)
  if (visibility === undefined) throw invalid(`Invalid visibility value: ${text}`)
  return visibility
}

/** As Glance: by the internal id is by the time, since that comes first. */
function parseSortKey<T extends string>(
  text: string | undefined,
  known: readonly T[],
): T | 'created_at' {
  if (text === undefined || text === 'id') return 'created_at'
  const key = known.find(known => known === text)
  if (key !== undefined) return key
  throw invalid(`Invalid sort key: ${text}. It must be one of: ${known.join(', ')}, id.`)
}

function parseDirection(text = 'desc'): SortDirection {
  if (text === 'asc' || text === 'desc') return text
  throw invalid(`Invalid sort direction: ${text}`)
}

function parseLimit(text: string | undefined, least: 0 | 1): number | null {
  if (text === undefined) return null
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw invalid('limit param must be an integer')
  const limit = Number(text)
  if (limit < least) throw invalid('limit param must be positive')
  return limit || 0 // Not -0.
}

function linkTo(query: ReadonlyMap<string, string>): string {
  const text = new URLSearchParams([...query]).toString()
  return text === '' ? '/v2/metadefs/namespaces' : `/v2/metadefs/namespaces?${text}`
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
