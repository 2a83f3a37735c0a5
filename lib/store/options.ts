import { GlanceError } from '../errors.ts'

/** What is set of a store: values by Glance's names of the options. Several values of one have a line each. */
export type StoreOptions = Readonly<Record<string, string>>

/** @throws {GlanceError} `usage`, naming the option, for a value that is not one of those. */
export function integerOption(
  options: StoreOptions,
  name: string,
  { least, most, otherwise }: { least: number; most: number; otherwise: number },
): number {
  const value = options[name]
  if (value === undefined) return otherwise
  const number = Number(value)
  if (/^-?\d+$/.test(value) && number >= least && number <= most) return number
  throw wrongOption(name, `a whole number from ${least} to ${most}`, value)
}

/** False unless it is set. @throws {GlanceError} `usage`, naming the option. */
export function booleanOption(options: StoreOptions, name: string): boolean {
  const value = options[name] ?? 'false'
  if (/^(?:true|1|yes|on)$/i.test(value)) return true
  if (/^(?:false|0|no|off)$/i.test(value)) return false
  throw wrongOption(name, 'true or false', value)
}

export function wrongOption(name: string, wanted: string, found: string): GlanceError {
  return new GlanceError('usage', `${name}: expected ${wanted}, found '${found}'`)
}
