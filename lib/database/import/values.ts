import { GlanceError } from '../../errors.ts'
import { isObject } from '../../image/json.ts'

/** A row of somebody else's database, by column. What a column holds depends on the engine, and on the version. */
export type Row = Readonly<Record<string, unknown>>

/** Null for a column that is null, or that there is not. */
export function textIn(row: Row, column: string): string | null {
  const value = row[column]
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  // SQLite keeps what it is given, whatever the column is declared as.
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  // Text that is kept as bytes.
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) {
    return new TextDecoder().decode(value)
  }
  throw unreadable(column, 'text')
}

/** For a message about a row that may be unreadable. */
export function labelIn(row: Row, column: string): string | null {
  const value = row[column]
  return typeof value === 'string' ? value : null
}

/** False for a column that is null, or that there is not. */
export function flagIn(row: Row, column: string): boolean {
  const value = row[column]
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  const text = textIn(row, column)
  if (text === '0' || text === '1') return text === '1'
  throw unreadable(column, 'true or false')
}

/** Null for a column that is null, or that there is not. */
export function wholeNumberIn(row: Row, column: string): number | null {
  const text = textIn(row, column)
  if (text === null) return null
  const number = Number(text)
  if (Number.isSafeInteger(number) && text.trim() !== '') return number
  throw unreadable(column, 'a whole number')
}

/** Null for a column that is null, or that there is not. Glance writes UTC, and no zone. */
export function timeIn(row: Row, column: string): Date | null {
  const text = textIn(row, column)?.trim() ?? ''
  if (text === '') return null
  const parts = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?$/.exec(text)
  if (parts === null) throw unreadable(column, 'a time')
  const [, day, time, fraction = ''] = parts
  const date = new Date(`${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}Z`)
  if (Number.isNaN(date.getTime())) throw unreadable(column, 'a time')
  return date
}

/** A JSON object; null for a column that is null or empty, or that there is not. */
export function objectIn(row: Row, column: string): Readonly<Record<string, unknown>> | null {
  const text = textIn(row, column) ?? ''
  if (text === '') return null
  const value = parsed(text)
  if (value === null) return null
  if (isObject(value)) return value
  throw unreadable(column, 'a JSON object')
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One of a closed set. @throws {GlanceError} `invalid` for anything else, and for nothing. */
export function oneIn<T extends string>(row: Row, column: string, known: readonly T[]): T {
  const text = textIn(row, column)
  const found = known.find(one => one === text)
  if (found !== undefined) return found
  const wanted = known.join(', ')
  throw new GlanceError(
    'invalid',
    `${column} is ${JSON.stringify(text)}, expected one of ${wanted}`,
  )
}

/** The value is left out: it may hold a password. */
function unreadable(column: string, wanted: string): GlanceError {
  return new GlanceError('invalid', `${column} is not ${wanted}`)
}
