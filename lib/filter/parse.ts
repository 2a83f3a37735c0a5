import { GlanceError, isGlanceError } from '../errors.ts'
import { VISIBILITIES } from '../image/image.ts'
import { IMAGE_STATUSES } from '../image/status.ts'
import { attributeOf, type Field, fieldNamed } from './attributes.ts'
import type { Filter } from './filter.ts'
import { globMatcher, isGlob, unescapeGlob } from './glob.ts'
import { parseAmount, parseMoment } from './quantities.ts'
import { compileRegex } from './regex.ts'
import { type Operator, Reader, type Word } from './tokens.ts'

/** Parentheses and negations within each other, at most. */
const DEEPEST = 100
/** Characters of an expression, at most. */
const LONGEST = 65_536

/**
 * Reads a filter expression, such as `name=ubuntu-* and not (size>2GiB or updated>1y)`; the manual has the language.
 * @throws {GlanceError} `usage`: what is wrong and at which column, then the expression with a mark below it.
 */
export function parseFilter(text: string): Filter {
  if (text.length > LONGEST) throw new GlanceError('usage', 'the filter is too long')
  const reader = new Reader(text)
  const filter = choice(reader, 0)
  if (reader.atEnd) return filter
  throw reader.unexpected("'and', 'or' or the end")
}

/** Reads the name of one field, as `--per` has it. @throws {GlanceError} `usage`. */
export function parseField(reader: Reader): Field {
  const { text, quoted } = reader.name('the name of a field')
  return quoted ? { type: 'property', name: text } : fieldNamed(text)
}

/** Reads a regular expression between slashes. @throws {GlanceError} `usage`, also for one that cannot be compiled. */
export function parseRegexLiteral(reader: Reader): { source: string; ignoreCase: boolean } {
  const { source, flags, at } = reader.regex()
  if (flags !== '' && flags !== 'i') {
    throw reader.wrong(`the only letter behind a regular expression is i, not '${flags}',`, at)
  }
  const ignoreCase = flags === 'i'
  pointing(reader, at, () => compileRegex(source, ignoreCase))
  return { source, ignoreCase }
}

function choice(reader: Reader, depth: number): Filter {
  const filters = [conjunction(reader, depth)]
  while (reader.take(/\|\||or(?![^\s()!"'])/iy)) filters.push(conjunction(reader, depth))
  return together('or', filters)
}

function conjunction(reader: Reader, depth: number): Filter {
  const filters = [negation(reader, depth)]
  while (reader.take(/&&|and(?![^\s()!"'])/iy)) filters.push(negation(reader, depth))
  return together('and', filters)
}

function together(type: 'and' | 'or', filters: readonly Filter[]): Filter {
  const [first] = filters
  return filters.length === 1 && first !== undefined ? first : { type, filters }
}

function negation(reader: Reader, depth: number): Filter {
  if (depth > DEEPEST) throw reader.wrong('nested too deeply', reader.at)
  if (reader.take(/!|not(?![^\s()!"'])/iy)) {
    return { type: 'not', filter: negation(reader, depth + 1) }
  }
  if (!reader.take(/\(/y)) return condition(reader)
  const filter = choice(reader, depth + 1)
  if (!reader.take(/\)/y)) throw reader.unexpected("'and', 'or' or ')'")
  return filter
}

function condition(reader: Reader): Filter {
  const { at } = reader
  const word = reader.name()
  if (!word.quoted && /^(?:and|or|not)$/i.test(word.text)) {
    throw reader.wrong(`unexpected '${word.text}'`, at, ', expected a condition')
  }
  if (!word.quoted && word.text.startsWith('/')) {
    const advice = ' (a regular expression wants a field and ~ before it)'
    throw reader.wrong(`unexpected '${word.text}'`, at, `, expected a condition${advice}`)
  }
  const field: Field = word.quoted ? { type: 'property', name: word.text } : fieldNamed(word.text)
  const operator = reader.operator()
  if (operator === undefined) {
    if (!isAlwaysSet(field)) return { type: 'set', field }
    throw reader.wrong(`'${word.text}' wants a comparison: every image has one,`, at)
  }
  switch (operator) {
    case '!=':
      return { type: 'not', filter: equality(reader, field, '=') }
    case '!~':
    case '~': {
      const filter = regex(reader, field, at)
      return operator === '~' ? filter : { type: 'not', filter }
    }
    case '=':
    case '==':
      return equality(reader, field, operator)
    case '<':
    case '<=':
    case '>':
    case '>=':
      return comparison(reader, field, operator, at)
  }
}

function isAlwaysSet(field: Field): boolean {
  if (field.type === 'property') return false
  const { name } = field
  return name === 'id' || name === 'status' || name === 'visibility' || kindOf(field) === 'time'
}

function kindOf(field: Field) {
  return field.type === 'property' ? 'text' : attributeOf(field.name).kind
}

function regex(reader: Reader, field: Field, at: number): Filter {
  const kind = kindOf(field)
  if (kind !== 'text' && kind !== 'tags') {
    throw reader.wrong(`${field.name} is no text, which a regular expression wants,`, at)
  }
  return { type: 'regex', field, ...parseRegexLiteral(reader) }
}

function equality(reader: Reader, field: Field, operator: '=' | '=='): Filter {
  const { at } = reader
  const kind = kindOf(field)
  if (kind === 'time') {
    throw reader.wrong(`${field.name} is compared with <, <=, > or >=, not with '=',`, at)
  }
  const word = reader.value('a value')
  switch (kind) {
    case 'number':
      return { type: 'number', field, comparison: 'eq', value: amount(reader, field, word) }
    case 'flag':
      if (word.text === 'true' || word.text === 'false') {
        return { type: 'flag', field, value: word.text === 'true' }
      }
      throw reader.wrong(`${field.name} is true or false, not '${word.text}',`, word.at)
    case 'text':
    case 'tags':
      return textual(reader, field, word, operator)
  }
}

/** What looks as if something else were meant is to be quoted where it is not. @throws {GlanceError} `usage`. */
function requireMeant(reader: Reader, { text, quoted, at }: Word): void {
  if (quoted) return
  if (/^[=<>]/.test(text)) throw reader.wrong(`unexpected '${text}'`, at, ', expected a value')
  const isRegex = text.startsWith('~') || /^\/.*\/i?$/s.test(text)
  if (!isRegex) return
  const advice = ' (did you mean ~ and a regular expression? else put the value in quotes)'
  throw reader.wrong(`unexpected '${text}'`, at, `, expected a value${advice}`)
}

/** Values of attributes that have no others. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  status: IMAGE_STATUSES,
  visibility: VISIBILITIES,
}

function textual(reader: Reader, field: Field, word: Word, operator: '=' | '=='): Filter {
  requireMeant(reader, word)
  if (operator === '=' && !word.quoted && isGlob(word.text)) {
    pointing(reader, word.at, () => globMatcher(word.text))
    return { type: 'glob', field, pattern: word.text }
  }
  const value = word.quoted ? word.text : unescapeGlob(word.text)
  const known = field.type === 'attribute' ? KNOWN[field.name] : undefined
  if (known?.includes(value) === false) {
    const one = `${field.name} is one of ${known.join(', ')}, not '${value}',`
    throw reader.wrong(one, word.at)
  }
  return { type: 'exact', field, value }
}

function comparison(
  reader: Reader,
  field: Field,
  operator: Exclude<Operator, '=' | '==' | '!=' | '~' | '!~'>,
  at: number,
): Filter {
  const order = ({ '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' } as const)[operator]
  const kind = kindOf(field)
  if (field.type === 'attribute' && kind !== 'number' && kind !== 'time') {
    throw reader.wrong(
      `${field.name} is neither an amount nor a time, which '${operator}' compares,`,
      at,
    )
  }
  const word = reader.value(kind === 'time' ? 'an age or a time' : 'a number')
  if (kind === 'time') return { ...momentOf(reader, field, word), field, comparison: order }
  return { type: 'number', field, comparison: order, value: amount(reader, field, word) }
}

function amount(reader: Reader, field: Field, word: Word): number {
  const attribute = field.type === 'attribute' ? attributeOf(field.name) : undefined
  const unit = attribute?.kind === 'number' ? attribute.unit : null
  const value = parseAmount(word.text, unit)
  if (value !== undefined) return value
  const wanted =
    unit === 'bytes'
      ? 'a size such as 500MiB'
      : unit === null
        ? 'a number'
        : `a whole number of ${unit}`
  throw reader.wrong(`expected ${wanted}, not '${word.text}',`, word.at)
}

function momentOf(reader: Reader, field: Field, word: Word) {
  const moment = parseMoment(word.text)
  if (moment !== undefined) return moment
  const wanted = 'an age such as 30d or a time such as 2024-01-31T12:00:00Z'
  throw reader.wrong(`${field.name}: expected ${wanted}, not '${word.text}',`, word.at)
}

/** What `make` refuses is told with the place. */
function pointing(reader: Reader, at: number, make: () => unknown): void {
  try {
    make()
  } catch (error) {
    if (!isGlanceError(error, 'usage')) throw error
    throw reader.wrong(`${error.message},`, at)
  }
}
