import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import { unreachable } from '../../errors.ts'
import type { Comparison, ImageCondition, ImageQuery } from '../../image/query.ts'
import type { ImageStatus } from '../../image/status.ts'
import type { Tables } from './tables.ts'

type Images = ExpressionBuilder<Tables, 'images'>
type Condition = Expression<SqlBool>

/** Statuses of images that are in no listing unless they are asked for. */
const UNLISTED = ['deleted', 'pending_delete', 'killed'] as const satisfies ImageStatus[]

/** Whether a listing shows a row, as the WHERE clause says it, and it is one of `few` if these are given. */
export function matches(
  images: Images,
  query: ImageQuery,
  few: ReadonlySet<string> | undefined,
): Condition {
  return images.and([
    ...(few === undefined ? [] : [isOneOf(images, [...few])]),
    ...(query.deleted === 'listed' ? [] : [images('status', 'not in', UNLISTED)]),
    ...(query.hidden === null ? [] : [images('os_hidden', '=', Number(query.hidden))]),
    ...isVisible(images, query),
    ...isWanted(images, query),
    ...query.conditions.map(condition => meets(images, condition)),
    ...hasTags(images, query.conditions),
    ...hasProperties(images, query.conditions),
  ])
}

function isVisible(images: Images, { viewer, memberStatus }: ImageQuery): Condition[] {
  const { isAdmin, project } = viewer
  if (isAdmin) return []
  const open = images('visibility', 'in', ['public', 'community'])
  if (project === null) return [open]
  let memberships = images
    .selectFrom('image_members')
    .select('image_id')
    .where('member_id', '=', project)
  if (memberStatus !== 'all') memberships = memberships.where('status', '=', memberStatus)
  const shared = images.and([images('visibility', '=', 'shared'), images('id', 'in', memberships)])
  return [images.or([open, images('owner', '=', project), shared])]
}

function isWanted(images: Images, { viewer, visibility }: ImageQuery): Condition[] {
  if (visibility === 'all') return []
  if (visibility === 'non_public') return [images('visibility', '<>', 'public')]
  if (visibility !== null) return [images('visibility', '=', visibility)]
  const usual = images('visibility', '<>', 'community')
  if (viewer.project === null) return [usual]
  return [images.or([usual, images('owner', '=', viewer.project)])]
}

function meets(images: Images, condition: ImageCondition): Condition {
  switch (condition.type) {
    case 'text':
      return condition.in.length === 0 ? NEVER : images(condition.field, 'in', condition.in)
    case 'number':
      // Not a parameter, which an engine may take for one of the column's type and refuse when it is beyond that.
      return images(condition.field, OPERATORS[condition.comparison], sql.lit(condition.value))
    case 'time':
      return images(condition.field, OPERATORS[condition.comparison], textOf(condition.value))
    case 'protected':
      return images('protected', '=', Number(condition.value))
    case 'tag':
    case 'property':
      return ALWAYS // Which all of them are asked for together.
    default:
      return unreachable(condition)
  }
}

// Counted rather than asked for one by one, since an engine plans each EXISTS for itself, and a query may have hundreds.
// There cannot be more than are counted, but what is said to be equal PostgreSQL takes for rare, and then sorts.

function hasTags(images: Images, conditions: readonly ImageCondition[]): Condition[] {
  const tags = new Set(conditions.flatMap(each => (each.type === 'tag' ? [each.value] : [])))
  if (tags.size === 0) return []
  const found = images
    .selectFrom('image_tags')
    .select(({ fn }) => fn.countAll().as('found'))
    .whereRef('image_id', '=', 'images.id')
    .where('value', 'in', [...tags])
  return [images(found, '>=', tags.size)]
}

function hasProperties(images: Images, conditions: readonly ImageCondition[]): Condition[] {
  const properties = new Map<string, string>()
  for (const condition of conditions) {
    if (condition.type !== 'property') continue
    const { name, value } = condition
    if ((properties.get(name) ?? value) !== value) return [NEVER] // It cannot have both.
    properties.set(name, value)
  }
  if (properties.size === 0) return []
  const found = images
    .selectFrom('image_properties')
    .select(({ fn }) => fn.countAll().as('found'))
    .whereRef('image_id', '=', 'images.id')
    .where(({ or, and, eb }) =>
      or(
        Array.from(properties, ([name, value]) =>
          and([eb('image_properties.name', '=', name), eb('value', '=', value)]),
        ),
      ),
    )
  return [images(found, '>=', properties.size)]
}

function isOneOf(images: Images, ids: readonly string[]): Condition {
  return ids.length === 0 ? NEVER : images('id', 'in', ids)
}

const ALWAYS = sql<SqlBool>`1 = 1`
/** An empty list is not SQL everywhere. */
const NEVER = sql<SqlBool>`1 = 0`

/** A time to compare the columns with, which are text: of a year of four digits, the nearest one. */
export function textOf(time: Date): string {
  const years = time.getUTCFullYear()
  if (years > 9999) return '9999-12-31T23:59:59.999Z'
  return years < 0 ? '0000-01-01T00:00:00.000Z' : time.toISOString()
}

export const OPERATORS = {
  eq: '=',
  neq: '<>',
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
} as const satisfies Record<Comparison, string>
