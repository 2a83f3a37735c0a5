import type { SelectQueryBuilder } from 'kysely'
import { unreachable } from '../../errors.ts'
import type { ImageCondition, ImageQuery, TextField } from '../../image/query.ts'
import { OPERATORS, textOf } from './conditions.ts'
import type { Sql, Tables } from './tables.ts'

/** So many images are sorted for each page without anybody noticing. */
const FEW = 3000

/** So many conditions are tried, however many there are. */
const TRIED = 16

/** Finds images by an index; `id` is what they are called there. */
type Source = SelectQueryBuilder<Tables, keyof Tables, { readonly id: string }>

/**
 * The ids of images among which are all that a listing shows, when something about it tells that they are few;
 * undefined when they may be many. A listing that shows one image in ten thousand would otherwise read the others as
 * well, and an engine cannot be relied upon to know beforehand. To be called in a transaction that reads consistently.
 */
export async function candidates(
  sql: Sql,
  query: ImageQuery,
): Promise<ReadonlySet<string> | undefined> {
  for (const sources of [
    ...query.conditions.slice(0, TRIED).map(condition => meeting(sql, condition)),
    wanted(sql, query),
    visible(sql, query),
  ]) {
    const few = sources && (await collect(sources))
    if (few !== undefined) return few
  }
  return undefined
}

/** All that the sources have together, unless that is more than a few. */
async function collect(sources: readonly Source[]): Promise<ReadonlySet<string> | undefined> {
  const found = new Set<string>()
  for (const source of sources) {
    for (const { id } of await source.limit(FEW + 1).execute()) found.add(id)
    if (found.size > FEW) return undefined
  }
  return found
}

/** The images that meet a condition, where there is an index for that; undefined where there is none. */
function meeting(sql: Sql, condition: ImageCondition): Source[] | undefined {
  switch (condition.type) {
    case 'text': {
      const { field, in: values } = condition
      if (values.length === 0) return []
      return INDEXED.has(field) ? [imagesWith(sql, field, values)] : undefined
    }
    case 'tag':
      return [
        sql.selectFrom('image_tags').select('image_id as id').where('value', '=', condition.value),
      ]
    case 'property':
      return [
        sql
          .selectFrom('image_properties')
          .select('image_id as id')
          .where('name', '=', condition.name)
          .where('value', '=', condition.value),
      ]
    case 'time': {
      const { field, comparison, value } = condition
      if (comparison === 'neq') return undefined
      const images = sql.selectFrom('images').select('id')
      return [images.where(field, OPERATORS[comparison], textOf(value))]
    }
    case 'number':
    case 'protected':
      return undefined
    default:
      return unreachable(condition)
  }
}

/** What the conditions may name that has an index of its own. */
const INDEXED: ReadonlySet<string> = new Set([
  'id',
  'name',
  'status',
  'owner',
  'checksum',
  'os_hash_value',
])

/** The images of the visibility that is asked for, unless it is what most images have. */
function wanted(sql: Sql, { visibility }: ImageQuery): Source[] | undefined {
  if (visibility === null || visibility === 'all' || visibility === 'non_public') return undefined
  return [imagesWith(sql, 'visibility', [visibility])]
}

/** The images that the viewer may see and may have asked for. */
function visible(sql: Sql, { viewer, memberStatus, visibility }: ImageQuery): Source[] | undefined {
  const { isAdmin, project } = viewer
  if (isAdmin) return undefined
  // Those of the usual ones that are of the community are the viewer's own.
  const open = OPEN.filter(each =>
    visibility === null
      ? each === 'public'
      : visibility === 'all' ||
        visibility === each ||
        (visibility === 'non_public' && each === 'community'),
  )
  const sources: Source[] = open.length === 0 ? [] : [imagesWith(sql, 'visibility', open)]
  if (project === null) return sources
  const memberships = sql
    .selectFrom('image_members')
    .select('image_id as id')
    .where('member_id', '=', project)
  return [
    imagesWith(sql, 'owner', [project]),
    memberStatus === 'all' ? memberships : memberships.where('status', '=', memberStatus),
    ...sources,
  ]
}

const OPEN = ['public', 'community'] as const

function imagesWith(sql: Sql, column: TextField | 'visibility', values: readonly string[]): Source {
  return sql.selectFrom('images').select('id').where(column, 'in', values)
}
