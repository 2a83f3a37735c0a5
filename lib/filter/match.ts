import type { Image } from '../image/image.ts'
import { attributeOf, type Field } from './attributes.ts'
import type { Filter, Order } from './filter.ts'
import { globMatcher } from './glob.ts'
import { compileRegex } from './regex.ts'

/** Whether an image is one of those that are wanted. */
export type Matcher = (image: Image) => boolean

/**
 * What a filter means for an image; `now` is what ages count to. What an image does not have is neither equal to
 * anything nor less nor more. @throws {GlanceError} `usage` for a pattern that `parseFilter` would not have let pass.
 */
export function matcher(filter: Filter, now: Date): Matcher {
  switch (filter.type) {
    case 'and': {
      const parts = filter.filters.map(part => matcher(part, now))
      return image => parts.every(matches => matches(image))
    }
    case 'or': {
      const parts = filter.filters.map(part => matcher(part, now))
      return image => parts.some(matches => matches(image))
    }
    case 'not': {
      const matches = matcher(filter.filter, now)
      return image => !matches(image)
    }
    case 'set':
      return isSet(filter.field)
    case 'exact':
      return anyText(filter.field, text => text === filter.value)
    case 'glob':
      return anyText(filter.field, globMatcher(filter.pattern))
    case 'regex': {
      const regex = compileRegex(filter.source, filter.ignoreCase)
      return anyText(filter.field, text => regex(text) !== null)
    }
    case 'flag': {
      const attribute = knownAttribute(filter.field)
      return image => attribute?.kind === 'flag' && attribute.read(image) === filter.value
    }
    case 'number': {
      const compare = COMPARE[filter.comparison]
      const read = numberOf(filter.field)
      return image => {
        const value = read(image)
        return value !== null && compare(value, filter.value)
      }
    }
    case 'time':
    case 'age': {
      const attribute = knownAttribute(filter.field)
      const compare = COMPARE[filter.comparison]
      return image => {
        if (attribute?.kind !== 'time') return false
        const time = attribute.read(image).getTime()
        return filter.type === 'time'
          ? compare(time, filter.value.getTime())
          : compare(now.getTime() - time, filter.seconds * 1000)
      }
    }
  }
}

const COMPARE = {
  eq: (a, b) => a === b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
} as const satisfies Record<'eq' | Order, (a: number, b: number) => boolean>

function knownAttribute(field: Field) {
  return field.type === 'attribute' ? attributeOf(field.name) : undefined
}

function isSet(field: Field): Matcher {
  if (field.type === 'property') {
    return ({ properties }) => (properties.get(field.name) ?? null) !== null
  }
  const attribute = attributeOf(field.name)
  switch (attribute.kind) {
    case 'text':
      return image => attribute.read(image) !== null
    case 'number':
      return image => (attribute.read(image) ?? 0) > 0
    case 'flag':
      return attribute.read
    case 'time':
      return () => true
    case 'tags':
      return image => attribute.read(image).length > 0
  }
}

/** Of several texts, as tags are, one is enough. */
function anyText(field: Field, matches: (text: string) => boolean): Matcher {
  if (field.type === 'property') {
    return ({ properties }) => {
      const value = properties.get(field.name) ?? null
      return value !== null && matches(value)
    }
  }
  const attribute = attributeOf(field.name)
  if (attribute.kind === 'tags') return image => attribute.read(image).some(matches)
  if (attribute.kind !== 'text') return () => false
  return image => {
    const value = attribute.read(image)
    return value !== null && matches(value)
  }
}

function numberOf(field: Field): (image: Image) => number | null {
  if (field.type === 'property') {
    return ({ properties }) => {
      const value = properties.get(field.name)?.trim() ?? ''
      return /^[+-]?\d{1,15}(?:\.\d+)?$/.test(value) ? Number(value) : null
    }
  }
  const attribute = attributeOf(field.name)
  return attribute.kind === 'number' ? attribute.read : () => null
}
