import { GlanceError } from '../errors.ts'
import {
  COMPARISONS,
  type Comparison,
  type ImageCondition,
  type NumberField,
  type TextField,
} from '../image/query.ts'
import { parseIsoTime } from './iso-time.ts'

/**
 * Reads one filter of an image listing: `status=in:queued,saving`, `created_at=gt:2012-01-01T00:00:00Z`, `size_min=1`
 * (glance/db/sqlalchemy/api.py, `_make_conditions_from_filters`). @throws {GlanceError} `invalid`.
 */
export function parseCondition(name: string, value: string): ImageCondition {
  const [, column, bound] = /^(.*)_(min|max)$/s.exec(name) ?? []
  if (column !== undefined) return parseRange(column, bound === 'min' ? 'gte' : 'lte', value)
  if (name === 'created_at' || name === 'updated_at') return parseTimeCondition(name, value)
  if (name === 'protected') return parseProtected(value)
  const field = TEXT_FIELDS.find(known => known === name)
  if (field !== undefined) return { type: 'text', field, in: [value] }
  const listed = LIST_FIELDS.find(known => known === name)
  if (listed !== undefined) return { type: 'text', field: listed, in: parseList(value) }
  const number = NUMBER_FIELDS.find(known => known === name)
  if (number !== undefined) {
    const wanted = parseWholeNumber(value)
    if (wanted === undefined) throw invalid(`Unable to filter ${name} by a non-numeric value.`)
    return { type: 'number', field: number, comparison: 'eq', value: wanted }
  }
  return { type: 'property', name, value }
}

/** Fields that are compared with one value, verbatim. */
const TEXT_FIELDS = ['checksum', 'os_hash_algo', 'os_hash_value', 'owner'] as const
/** Fields that take an operator, `eq:` or `in:`. */
const LIST_FIELDS = [
  'name',
  'id',
  'status',
  'container_format',
  'disk_format',
] as const satisfies TextField[]
const NUMBER_FIELDS = [
  'size',
  'virtual_size',
  'min_disk',
  'min_ram',
] as const satisfies NumberField[]

function parseRange(column: string, comparison: 'gte' | 'lte', text: string): ImageCondition {
  const value = parseWholeNumber(text)
  if (value === undefined) throw invalid('Unable to filter on a range with a non-numeric value.')
  const field = NUMBER_FIELDS.find(known => known === column)
  if (field === undefined) throw invalid(`Unable to filter on a range of '${column}'.`)
  return { type: 'number', field, comparison, value }
}

/** No image has a size that a number cannot hold, so what is beyond is as good as the last. */
function parseWholeNumber(text: string): number | undefined {
  if (!/^\s*[+-]?\d+\s*$/.test(text)) return undefined
  const { MAX_SAFE_INTEGER: max } = Number
  return Math.min(Math.max(Number(text), -max), max)
}

function parseProtected(text: string): ImageCondition {
  if (text === 'true' || text === 'false') return { type: 'protected', value: text === 'true' }
  throw invalid(
    `Invalid value '${text}' for 'protected' filter. Valid values are 'true' or 'false'.`,
  )
}

function parseTimeCondition(field: 'created_at' | 'updated_at', text: string): ImageCondition {
  const { operator, operand } = splitOperator(text)
  const value = parseIsoTime(operand)
  if (value === undefined) {
    throw invalid(`Bad "${field}" query filter format. Use ISO 8601 DateTime notation.`)
  }
  const comparison: Comparison | undefined = COMPARISONS.find(known => known === operator)
  if (comparison === undefined) throw invalid('Unable to filter on a unknown operator.')
  return { type: 'time', field, comparison, value }
}

function parseList(text: string): string[] {
  const { operator, operand } = splitOperator(text)
  if (operator === 'eq') return [operand]
  if (operator === 'in') return splitQuoted(operand)
  throw invalid(`Unable to filter by unknown operator '${operator}'.`)
}

/** As Glance: what precedes the first colon is an operator, so that a name with a colon needs `eq:`; but not in a time. */
function splitOperator(text: string): { operator: string; operand: string } {
  const colon = text.indexOf(':')
  if (colon === -1 || parseIsoTime(text) !== undefined) return { operator: 'eq', operand: text }
  return { operator: text.slice(0, colon), operand: text.slice(colon + 1) }
}

/** Splits at commas, but not in double quotes; `\"` is a quote that does not count as one. */
function splitQuoted(text: string): string[] {
  let quoted = false
  for (const { index } of text.matchAll(/(?<!\\)"/g)) {
    if (!quoted && index > 0 && text[index - 1] !== ',') {
      throw badList(text, 'There is no comma before opening quotation mark.')
    }
    if (quoted && index + 1 < text.length && text[index + 1] !== ',') {
      throw badList(text, 'There is no comma after closing quotation mark.')
    }
    quoted = !quoted
  }
  if (quoted) throw badList(text, 'The quote is not closed.')
  const values = text.matchAll(/"((?:\\"|[^"])*)",?|([^,]+),?|,/g)
  return Array.from(values, ([, inQuotes, plain]) =>
    (inQuotes ?? plain ?? '').replaceAll('\\"', '"'),
  )
}

function badList(text: string, why: string): GlanceError {
  return invalid(`Invalid filter value ${text}. ${why}`)
}

function invalid(message: string): GlanceError {
  return new GlanceError('invalid', message)
}
