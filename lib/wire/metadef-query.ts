import { GlanceError } from '../errors.ts'
import {
  NAMESPACE_SORT_KEYS,
  NAMESPACE_VISIBILITIES,
  type NamespaceQuery,
  TAG_SORT_KEYS,
  type TagQuery,
} from '../image/metadef.ts'
import type { Viewer } from '../image/query.ts'
import { type PageSizes, parseDirection, parseLimit } from './paging.ts'

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
      direction: parseDirection(given.get('sort_dir') ?? 'desc'),
    },
    limit: Math.min(parseLimit(given.get('limit')) ?? limitDefault, limitMax),
    marker: given.get('marker') ?? null,
  }
}

/** As Glance, which of the query of one namespace reads a visibility, for nothing. @throws {GlanceError} `invalid`. */
export function checkNamespaceQuery(params: URLSearchParams): void {
  parseVisibility(new Map(params).get('visibility'), NAMESPACE_VISIBILITIES)
}

/** Reads the query of a namespace's tags. @throws {GlanceError} `invalid`. */
export function parseTagQuery(params: URLSearchParams): TagQuery {
  const given = new Map(params)
  parseVisibility(given.get('visibility'), PART_VISIBILITIES)
  return {
    sort: {
      key: parseSortKey(given.get('sort_key'), TAG_SORT_KEYS),
      direction: parseDirection(given.get('sort_dir') ?? 'desc'),
    },
    limit: parseLimit(given.get('limit') || null),
    marker: given.get('marker') || null,
  }
}

/** As Glance, which reads the query of a namespace's objects and lists them all. @throws {GlanceError} `invalid`. */
export function checkObjectQuery(params: URLSearchParams): void {
  const given = new Map(params)
  parseDirection(given.get('sort_dir') ?? 'desc')
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

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
