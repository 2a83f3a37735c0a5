import { fileURLToPath } from 'node:url'

// Each takes the text of a value apart, and throws a RangeError that says what it should have been.

export function text(value: string): string {
  if (value === '') throw new RangeError('a value')
  return value
}

/** As oslo.config takes it, also with blanks around and a plus sign before it. */
export function integer(value: string, least: number, most: number): number {
  const number = Number(value)
  if (!/^\s*[+-]?\d+\s*$/.test(value) || number < least || number > most) {
    throw new RangeError(`a whole number from ${least} to ${most}`)
  }
  return number
}

export function quota(value: string): number {
  return integer(value, -1, 2 ** 31 - 1)
}

/** In bytes, or with one of Glance's units, which are of 1024; 0 is none. */
export function storageQuota(value: string): number {
  const [, number, unit = ''] = /^(\d+)(?:([KMGT]?)B)?$/.exec(value) ?? []
  const bytes = Number(number) * 1024 ** ' KMGT'.indexOf(unit || ' ')
  if (!Number.isSafeInteger(bytes)) throw new RangeError('a number, of B, KB, MB, GB or TB')
  return bytes === 0 ? -1 : bytes
}

export function boolean(value: string): boolean {
  if (/^(?:true|1|yes|on)$/i.test(value)) return true
  if (/^(?:false|0|no|off)$/i.test(value)) return false
  throw new RangeError('true or false')
}

export function oneOf<T extends string>(value: string, choices: readonly T[]): T {
  const choice = choices.find(choice => choice === value)
  if (choice === undefined) throw new RangeError(choices.join(' or '))
  return choice
}

export function url(value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value))
    throw new RangeError('an http or https URL')
  return value
}

/** `a,b` or `[a,b]`; what is in quotes may have commas. Empty items are none. */
export function list(value: string): readonly string[] {
  const [, inner = value] = /^\[(.*)\]$/s.exec(value.trim()) ?? []
  const items = inner.matchAll(
    /\s*(?:(["'])(?<quoted>.*?)\1\s*(?=[,\n]|$)|(?<plain>[^,\n]*))(?:[,\n]|$)/gs,
  )
  return [...items]
    .map(({ groups }) => groups?.['quoted'] ?? groups?.['plain']?.trim() ?? '')
    .filter(item => item !== '')
}

export function oneOfEach<T extends string>(value: string, choices: readonly T[]): readonly T[] {
  return list(value).map(item => oneOf(item, choices))
}

/** The path of a `file://` URL, without a slash at its end. */
export function filePath(value: string): string {
  try {
    return fileURLToPath(value).replace(/(?<=.)\/+$/, '')
  } catch {
    throw new RangeError('the file:// URL of an absolute path')
  }
}

/** `key:value,key:value`; a piece without a colon is a part of the key before which it stands. */
export function map(value: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>()
  let begun = ''
  for (const piece of value.trim() === '' ? [] : value.split(',')) {
    const [, key, text] = /^([^:]*):(.*)$/s.exec(begun + piece) ?? []
    if (key === undefined || text === undefined) {
      begun += `${piece},`
      continue
    }
    if (key.trim() === '') throw new RangeError('key:value,key:value, with no empty key')
    if (pairs.has(key.trim())) throw new RangeError(`key:value,key:value, with ${key.trim()} once`)
    pairs.set(key.trim(), text.trim())
    begun = ''
  }
  if (begun !== '') throw new RangeError('key:value,key:value')
  return pairs
}
