import { type Field, fieldNamed } from './attributes.ts'
import type { Filter, Order } from './filter.ts'

/** The filter as an expression that `parseFilter` reads as the same filter. */
export function printFilter(filter: Filter): string {
  switch (filter.type) {
    case 'and':
    case 'or':
      return filter.filters.map(part => inner(part)).join(` ${filter.type} `)
    case 'not':
      return `not ${inner(filter.filter)}`
    case 'set':
      return nameOf(filter.field)
    case 'exact':
      return `${nameOf(filter.field)}=${quote(filter.value)}`
    case 'glob': {
      const escaped = filter.pattern.replaceAll(/\\.|[\s()"']|&&|\|\|/gsu, found =>
        found.startsWith('\\') ? found : found.replaceAll(/./gsu, '\\$&'),
      )
      return `${nameOf(filter.field)}=${escaped}`
    }
    case 'regex': {
      const source = filter.source.replaceAll(/\\.|\//gsu, found => (found === '/' ? '\\/' : found))
      return `${nameOf(filter.field)}~/${source}/${filter.ignoreCase ? 'i' : ''}`
    }
    case 'flag':
      return `${nameOf(filter.field)}=${filter.value}`
    case 'number':
      return `${nameOf(filter.field)}${SIGNS[filter.comparison]}${filter.value}`
    case 'time':
      return `${nameOf(filter.field)}${SIGNS[filter.comparison]}${filter.value.toISOString()}`
    case 'age':
      return `${nameOf(filter.field)}${SIGNS[filter.comparison]}${filter.seconds}s`
  }
}

const SIGNS = { eq: '=', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const satisfies Record<
  'eq' | Order,
  string
>

function inner(filter: Filter): string {
  const text = printFilter(filter)
  return filter.type === 'and' || filter.type === 'or' ? `(${text})` : text
}

function nameOf(field: Field): string {
  if (field.type === 'attribute') return field.name
  const isPlain =
    /^[\w.:-]+$/.test(field.name) &&
    !/^(?:and|or|not)$/i.test(field.name) &&
    fieldNamed(field.name).type === 'property'
  return isPlain ? field.name : quote(field.name)
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}
