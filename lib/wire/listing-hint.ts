import type { ImageCondition, ImageHint } from '../image/query.ts'
import { formatTime, isBaseAttribute } from './v2-image.ts'

/**
 * The filters of `GET /v2/images` that say what of a hint every service understands alike: each leaves in what meets the
 * hint, whatever it leaves out. `operators`: whether the service is of 2.4 or later, which knows tags and times.
 */
export function v2Filters(hint: ImageHint, operators: boolean): Record<string, string> {
  const { visibility, conditions } = hint
  return {
    ...(visibility === null ? {} : { visibility }),
    ...joined(conditions.map(condition => v2Filter(condition, operators))),
  }
}

/** Whether some of the hint is understood only since 2.4. */
export function needsOperators({ conditions }: ImageHint): boolean {
  return conditions.some(({ type }) => type === 'time' || type === 'tag')
}

function v2Filter(condition: ImageCondition, operators: boolean): Record<string, string> {
  switch (condition.type) {
    case 'text':
      return single(condition.field, condition.in)
    case 'number':
      return range(condition)
    case 'tag':
      return operators ? single('tag', [condition.value]) : {}
    case 'time': {
      const { field, comparison, value } = condition
      const isSaid = operators && value.getUTCFullYear() >= 1000 && value.getUTCFullYear() < 10_000
      return isSaid ? { [field]: `${comparison}:${formatTime(value)}` } : {}
    }
    case 'property':
      return isUsualName(condition.name) ? single(condition.name, [condition.value]) : {}
    case 'protected':
      return {}
  }
}

/** The same for `GET /v1/images/detail`, which knows fewer, and of hidden and public images something else. */
export function v1Filters({ conditions }: ImageHint): Record<string, string> {
  return joined(conditions.map(v1Filter))
}

/** Of what is said twice the last counts: one of them is enough. */
function joined(filters: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  return Object.fromEntries(filters.flatMap(filter => Object.entries(filter)))
}

function v1Filter(condition: ImageCondition): Record<string, string> {
  switch (condition.type) {
    case 'text':
      return V1_TEXT.has(condition.field) ? single(condition.field, condition.in) : {}
    case 'number':
      // Of the others v1 takes only what they are equal to.
      return condition.field === 'size' || condition.comparison === 'eq' ? range(condition) : {}
    case 'property':
      return isUsualName(condition.name)
        ? single(`property-${condition.name}`, [condition.value])
        : {}
    case 'tag':
    case 'time':
    case 'protected':
      return {}
  }
}

const V1_TEXT: ReadonlySet<string> = new Set(['name', 'status', 'container_format', 'disk_format'])

/** One value, when it is text that is compared as it is: a colon would end the name of an operator. */
function single(name: string, values: readonly string[]): Record<string, string> {
  const [value = ''] = values
  const isPlain = values.length === 1 && /^[!-9;-~](?:[ -9;-~]*[!-9;-~])?$/.test(value)
  return isPlain ? { [name]: value } : {}
}

function range({
  field,
  comparison,
  value,
}: Extract<ImageCondition, { type: 'number' }>): Record<string, string> {
  if (value < 0 || !Number.isSafeInteger(value)) return {}
  // To v1 a size alone says nothing.
  if (field === 'size' && comparison === 'eq') {
    return { size_min: String(value), size_max: String(value) }
  }
  const suffix = { eq: '', gte: '_min', lte: '_max' }[comparison]
  return { [`${field}${suffix}`]: String(value) }
}

/**
 * Whether a service takes the name for that of a property for sure: some others are attributes of the objects that
 * Glance keeps images in, or the ends of ranges.
 */
function isUsualName(name: string): boolean {
  return (
    /^(?:architecture|(?:os|hw|img|vmware|hypervisor)_[a-z0-9_]+)$/.test(name) &&
    !/_(?:min|max)$/.test(name) &&
    !name.startsWith('os_glance') &&
    !isBaseAttribute(name)
  )
}
