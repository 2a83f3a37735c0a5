import { parseIsoTime } from '../wire/iso-time.ts'

/** Bytes by the letter that counts them. */
const POWERS = ['', 'k', 'm', 'g', 't', 'p', 'e']

/**
 * Reads an amount: of bytes with a unit if there is one (`K`, `Ki` and `KiB` are 1024, `KB` is 1000), of MiB or GiB
 * a whole number; with null any decimal number. Undefined for what is none.
 */
export function parseAmount(
  text: string,
  unit: 'bytes' | 'MiB' | 'GiB' | null,
): number | undefined {
  const decimal = /^(-?\d{1,15}(?:\.\d{1,6})?)(.*)$/s
  const [, digits = '', letters = ''] = decimal.exec(text) ?? []
  if (digits === '') return undefined
  const number = Number(digits)
  if (unit === null) return letters === '' ? number : undefined
  if (number < 0) return undefined
  if (unit !== 'bytes') return letters === '' && Number.isInteger(number) ? number : undefined
  const [match, letter = '', kind] = /^([kmgtpe]?)(i|ib|b)?$/i.exec(letters) ?? []
  if (match === undefined || (letter === '' && kind?.toLowerCase().startsWith('i') === true)) {
    return undefined
  }
  const base = kind?.toLowerCase() === 'b' ? 1000 : 1024
  const bytes = Math.round(number * base ** POWERS.indexOf(letter.toLowerCase()))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Seconds by unit, as rclone has them. */
const SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 7 * 86_400,
  M: 30 * 86_400,
  y: 365 * 86_400,
}
/** A thousand years: beyond it there are no times. */
const OLDEST = 1000 * 365 * 86_400

/** Reads an age (`30d`, `1h30m`) or a time in ISO 8601, in UTC when it names no zone. Undefined for what is neither. */
export function parseMoment(
  text: string,
): { type: 'age'; seconds: number } | { type: 'time'; value: Date } | undefined {
  if (/^(?:\d{1,11}[smhdwMy])+$/.test(text)) {
    let seconds = 0
    for (const [, count, unit = ''] of text.matchAll(/(\d+)(\w)/g)) {
      seconds += Number(count) * (SECONDS[unit] ?? 0)
    }
    return seconds > OLDEST ? undefined : { type: 'age', seconds }
  }
  const value = parseIsoTime(text)
  return value === undefined ? undefined : { type: 'time', value }
}
