import { VISIBILITIES } from '../image/image.ts'
import type { ImageCondition, ImageHint, NumberField, TextField } from '../image/query.ts'
import type { Filter } from './filter.ts'

/**
 * What a service may be told of a filter: conditions that every image meets which the filter matches at `now`. Only what
 * stands alone or is joined by `and` is among them. Undefined when there are none.
 */
export function hintOf(filter: Filter, now: Date): ImageHint | undefined {
  const hints = conjuncts(filter).map(part => partialHint(part, now))
  const conditions = hints.flatMap(({ conditions = [] }) => conditions)
  const visibility = hints.find(({ visibility }) => visibility !== undefined)?.visibility ?? null
  const hidden = hints.find(({ hidden }) => hidden !== undefined)?.hidden ?? null
  if (conditions.length === 0 && visibility === null && hidden === null) return undefined
  return { conditions, visibility, hidden }
}

function conjuncts(filter: Filter): readonly Filter[] {
  return filter.type === 'and' ? filter.filters.flatMap(conjuncts) : [filter]
}

const TEXT_FIELDS: readonly TextField[] = [
  'id',
  'name',
  'status',
  'owner',
  'container_format',
  'disk_format',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
]
const NUMBER_FIELDS: readonly NumberField[] = ['size', 'min_disk', 'min_ram']

function partialHint(filter: Filter, now: Date): Partial<ImageHint> {
  switch (filter.type) {
    case 'exact': {
      const { field, value } = filter
      if (field.type === 'property') return only({ type: 'property', name: field.name, value })
      if (field.name === 'tags') return only({ type: 'tag', value })
      const visibility = VISIBILITIES.find(known => known === value)
      if (field.name === 'visibility' && visibility !== undefined) return { visibility }
      const name = TEXT_FIELDS.find(known => known === field.name)
      return name === undefined ? {} : only({ type: 'text', field: name, in: [value] })
    }
    case 'set':
      return filter.field.name === 'os_hidden' && filter.field.type === 'attribute'
        ? { hidden: true }
        : {}
    case 'flag':
      return filter.field.name === 'os_hidden' ? { hidden: filter.value } : {}
    case 'not': {
      const { hidden } = filter.filter.type === 'set' ? partialHint(filter.filter, now) : {}
      return hidden === undefined || hidden === null ? {} : { hidden: !hidden }
    }
    case 'number': {
      const field = NUMBER_FIELDS.find(known => known === filter.field.name)
      if (filter.field.type === 'property' || field === undefined) return {}
      const { comparison, value } = filter
      if (comparison === 'eq') return only({ type: 'number', field, comparison, value })
      const isLeast = comparison === 'gt' || comparison === 'gte'
      // Whole numbers all, so that more than one is two at least.
      const bound = comparison === 'gt' ? value + 1 : comparison === 'lt' ? value - 1 : value
      return only({ type: 'number', field, comparison: isLeast ? 'gte' : 'lte', value: bound })
    }
    case 'time': {
      const isLeast = filter.comparison === 'gt' || filter.comparison === 'gte'
      return timeHint(filter.field.name, isLeast, filter.value.getTime())
    }
    case 'age': {
      const isLeast = filter.comparison === 'lt' || filter.comparison === 'lte'
      return timeHint(filter.field.name, isLeast, now.getTime() - filter.seconds * 1000)
    }
    case 'and':
    case 'or':
    case 'glob':
    case 'regex':
      return {}
  }
}

function only(condition: ImageCondition): Partial<ImageHint> {
  return { conditions: [condition] }
}

/** Services keep fractions of the second that they do not show, so a bound is taken a second wider. */
function timeHint(name: string, isLeast: boolean, ms: number): Partial<ImageHint> {
  const field = (['created_at', 'updated_at'] as const).find(known => known === name)
  if (field === undefined) return {}
  const second = Math.floor(ms / 1000) * 1000
  const value = new Date(isLeast ? second : second + 1000)
  return only({ type: 'time', field, comparison: isLeast ? 'gte' : 'lt', value })
}
