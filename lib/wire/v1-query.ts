import { GlanceError } from '../errors.ts'
import { type ImageCondition, type ImageQuery, SORT_KEYS, type Viewer } from '../image/query.ts'
import { parseIsoTime } from './iso-time.ts'
import { v1ImageId } from './v1-request.ts'
import { type PageSizes, parseLimit } from './paging.ts'

/**
 * Reads the query of `GET /v1/images` and `GET /v1/images/detail` (glance/registry/api/v1/images.py). What it does not
 * know it passes over. An administrator is shown what anybody in its project is, unless it asks for what is not public
 * (`is_public=False`) or for everything (`is_public=None`). @throws {GlanceError} `invalid`.
 */
export function parseV1Query(
  params: URLSearchParams,
  { isAdmin, project }: Viewer,
  { limitDefault, limitMax }: PageSizes,
): ImageQuery {
  const given = new Map(params)
  const isPublic = publicity(given.get('is_public'))
  const everything = isAdmin && isPublic !== true
  const since = given.has('changes-since')
  return {
    viewer: { isAdmin: everything, project },
    visibility: everything ? (isPublic === null ? 'all' : 'non_public') : null,
    memberStatus: 'all',
    // v1 knows no hidden images: they are in the lists of everything, and in no other.
    hidden: everything ? null : false,
    conditions: conditionsOf(given),
    sort: [{ key: sortKey(given.get('sort_key')), direction: direction(given.get('sort_dir')) }],
    limit: Math.min(parseLimit(given.get('limit')) ?? limitDefault, limitMax),
    marker: marker(given.get('marker')),
    deleted: since ? 'listed' : isAdmin ? 'marker' : undefined,
  }
}

const TEXT_FILTERS = ['name', 'status', 'container_format', 'disk_format'] as const
const NUMBER_FILTERS = [
  { name: 'min_ram', field: 'min_ram', comparison: 'eq' },
  { name: 'min_disk', field: 'min_disk', comparison: 'eq' },
  { name: 'size_min', field: 'size', comparison: 'gte' },
  { name: 'size_max', field: 'size', comparison: 'lte' },
] as const
/** Before the name of a custom property. */
const PROPERTY = 'property-'
/** More than an image can have properties, and fewer than databases refuse. */
const MOST_CONDITIONS = 256

function conditionsOf(given: ReadonlyMap<string, string>): ImageCondition[] {
  const conditions: ImageCondition[] = []
  for (const field of TEXT_FILTERS) {
    const value = given.get(field)
    if (value !== undefined) conditions.push({ type: 'text', field, in: [value] })
  }
  for (const { name, field, comparison } of NUMBER_FILTERS) {
    const value = given.get(name)
    if (value === undefined) continue
    if (!/^\s*[+-]?\d+\s*$/.test(value) || Number(value) < 0) throw badValue(name, value)
    // No image has a size that a number cannot hold, so what is beyond is as good as the last.
    const bound = Math.min(Number(value), Number.MAX_SAFE_INTEGER)
    conditions.push({ type: 'number', field, comparison, value: bound })
  }
  const protection = given.get('protected')
  if (protection !== undefined) {
    const value = truth('protected', protection)
    if (value === null) throw invalid('protected must be True, or False')
    conditions.push({ type: 'protected', value })
  }
  const since = given.get('changes-since')
  if (since !== undefined) {
    const value = parseIsoTime(since)
    if (value === undefined) throw invalid('Unrecognized changes-since value')
    conditions.push({ type: 'time', field: 'updated_at', comparison: 'gt', value })
  }
  for (const [name, value] of given) {
    if (!name.startsWith(PROPERTY)) continue
    conditions.push({ type: 'property', name: name.slice(PROPERTY.length), value })
  }
  if (conditions.length > MOST_CONDITIONS) {
    throw invalid(`A listing takes at most ${MOST_CONDITIONS} filters.`)
  }
  return conditions
}

/** Null for both kinds. */
function publicity(text: string | undefined): boolean | null {
  return text === undefined ? true : truth('is_public', text)
}

/** Null for `none`. */
function truth(name: string, text: string): boolean | null {
  switch (text.toLowerCase()) {
    case 'true':
    case '1':
      return true
    case 'false':
    case '0':
      return false
    case 'none':
      return null
    default:
      throw badValue(name, text)
  }
}

function marker(text: string | undefined): string | null {
  if (text === undefined) return null
  const id = v1ImageId(text)
  if (id === undefined) throw invalid('Invalid marker format')
  return id
}

function sortKey(text = 'created_at'): ImageQuery['sort'][number]['key'] {
  const key = SORT_KEYS.find(known => known === text)
  if (key !== undefined) return key
  throw invalid(`Unsupported sort_key. Acceptable values: ${SORT_KEYS.join(', ')}`)
}

function direction(text = 'desc'): ImageQuery['sort'][number]['direction'] {
  if (text === 'asc' || text === 'desc') return text
  throw invalid('Unsupported sort_dir. Acceptable values: asc, desc')
}

function badValue(name: string, value: string): GlanceError {
  return invalid(`Bad value passed to filter ${name} got ${value}`)
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
