import { GlanceError } from '../../errors.ts'

/** Seconds in one. */
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/**
 * Milliseconds of a time as `90`, seconds, `1.5h` or `1h30m`, with the units s, m, h and d.
 * @throws {GlanceError} `usage`, naming the option.
 */
export function parseDuration(option: string, text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    const message = `${option}: expected a time such as 90s, 45m, 6h or 1h30m, not '${text}'`
    throw new GlanceError('usage', message)
  }
  return parts.reduce(
    (sum, [, count, unit = 's']) => sum + Number(count) * (UNITS[unit] ?? 1) * 1000,
    0,
  )
}
