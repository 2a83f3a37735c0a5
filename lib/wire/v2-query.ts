import { GlanceError } from '../errors.ts'
import { VISIBILITIES } from '../image/image.ts'
import { MEMBER_STATUSES } from '../image/member.ts'
import {
  type ImageCondition,
  type ImageQuery,
  SORT_KEYS,
  type SortKey,
  type Viewer,
} from '../image/query.ts'
import { parseCondition } from './v2-condition.ts'
import { type PageSizes, parseDirection, parseLimit } from './paging.ts'

/**
 * Reads the query of `GET /v2/images` (glance/api/v2/images.py, `index`). A name that means nothing else is that of a
 * custom property. Of what is given several times and is no list, the last counts. @throws {GlanceError} `invalid`.
 */
export function parseImageQuery(
  params: URLSearchParams,
  viewer: Viewer,
  { limitDefault, limitMax }: PageSizes,
): ImageQuery {
  refuseFourByteText(params)
  const given = new Map(params)
  if (given.has('changes-since')) {
    throw invalid('The "changes-since" filter is no longer available on v2.')
  }
  return {
    viewer,
    visibility: parseVisibility(given.get('visibility')),
    memberStatus: parseMemberStatus(given.get('member_status')),
    hidden: parseHidden(given.get('os_hidden')),
    conditions: parseConditions(params),
    sort: parseSort(params),
    limit: Math.min(parseLimit(given.get('limit')) ?? limitDefault, limitMax),
    marker: given.get('marker') ?? null,
  }
}

/** Glance's databases were of MySQL's `utf8`, which has no characters beyond U+FFFF. */
function refuseFourByteText(params: URLSearchParams): void {
  const fourBytes = /[\u{10000}-\u{10ffff}]/u
  for (const [name, value] of params) {
    if (fourBytes.test(name)) throw invalid("Property names can't contain 4 byte unicode.")
    if (fourBytes.test(value)) throw invalid(`${name} can't contain 4 byte unicode characters.`)
  }
}

function parseVisibility(text: string | undefined): ImageQuery['visibility'] {
  if (text === undefined) return null
  const visibility = ([...VISIBILITIES, 'all'] as const).find(known => known === text)
  if (visibility === undefined) throw invalid(`Invalid visibility value: ${text}`)
  return visibility
}

function parseMemberStatus(text = 'accepted'): ImageQuery['memberStatus'] {
  const status = ([...MEMBER_STATUSES, 'all'] as const).find(known => known === text)
  if (status === undefined) throw invalid(`Invalid status: ${text}`)
  return status
}

function parseHidden(text = 'false'): boolean {
  const lower = text.toLowerCase()
  if (lower === 'true' || lower === 'false') return lower === 'true'
  throw invalid(
    `Invalid value '${text}' for 'os_hidden' filter. Valid values are 'true' or 'false'.`,
  )
}

/** What is no condition: the rest of a query, and `deleted`, which Glance sets itself. */
const OTHERS: ReadonlySet<string> = new Set([
  'visibility',
  'member_status',
  'os_hidden',
  'limit',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'tag',
  'deleted',
])

/** More than an image can have tags or properties, and fewer than databases refuse. */
const MOST_CONDITIONS = 256

function parseConditions(params: URLSearchParams): ImageCondition[] {
  const given = [...new Map(params)].filter(([name]) => !OTHERS.has(name))
  const tags = params.getAll('tag').map(tag => ({ type: 'tag', value: tag.trim() }) as const)
  if (given.length + tags.length > MOST_CONDITIONS) {
    throw invalid(`A listing takes at most ${MOST_CONDITIONS} filters.`)
  }
  return [...given.map(([name, value]) => parseCondition(name, value)), ...tags]
}

/** Of `sort=name:asc,size` or of `sort_key=name&sort_dir=asc`, each of which may be repeated. */
function parseSort(params: URLSearchParams): ImageQuery['sort'] {
  const sort = params.getAll('sort').at(-1)
  if (sort === undefined)
    return parseClassicSort(params.getAll('sort_key'), params.getAll('sort_dir'))
  if (params.has('sort_key') || params.has('sort_dir')) {
    throw invalid('Old and new sorting syntax cannot be combined')
  }
  const steps = sort.split(',').map(step => {
    const [key = '', ...direction] = step.split(':')
    return { key: sortKey(key), direction: parseDirection((direction.join(':') || 'desc').trim()) }
  })
  return withTies(steps)
}

function parseClassicSort(
  keys: readonly string[],
  directions: readonly string[],
): ImageQuery['sort'] {
  const sorted = keys.map(sortKey)
  const given = directions.map(text => parseDirection(text.trim()))
  if (given.length > 1 && given.length !== sorted.length) {
    throw invalid('Number of sort dirs does not match the number of sort keys')
  }
  const [first = 'desc'] = given
  const steps = (sorted.length === 0 ? (['created_at'] as const) : sorted).map((key, i) => ({
    key,
    direction: given[i] ?? first,
  }))
  return given.length > 1 ? withTies(steps) : steps
}

/** As Glance: where more than one direction was given, ties are broken in the default one, not in the first. */
function withTies(steps: ImageQuery['sort']): ImageQuery['sort'] {
  if (steps.length < 2) return steps
  return [...steps, { key: 'created_at', direction: 'desc' }, { key: 'id', direction: 'desc' }]
}

function sortKey(text: string): SortKey {
  const key = SORT_KEYS.find(known => known === text.trim())
  if (key !== undefined) return key
  throw invalid(
    `Invalid sort key: ${text.trim()}. It must be one of the following: ${SORT_KEYS.join(', ')}.`,
  )
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
