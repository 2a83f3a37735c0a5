import type { Effective } from '../server/options/reading.ts'

/** A setting as it is after all. */
export interface EffectiveRow {
  readonly section: string
  readonly option: string
  /** As it stands in a file; secrets are hidden. Null when there is none. */
  readonly value: string | null
  /** Null when there is none. */
  readonly default: string | null
  readonly unit: string | null
  readonly source: 'default' | 'file' | 'command line'
  /** Where it was set, if in a file. */
  readonly file: string | null
  readonly line: number | null
}

/** What the command line says, by the names of `[DEFAULT]`. */
export type Overrides = Readonly<Record<string, string | number | undefined>>

const HIDDEN = '***'

/** Every setting, those of a section together. */
export function effectiveRows(
  effective: readonly Effective[],
  overrides: Overrides,
): readonly EffectiveRow[] {
  const rows = effective.map(({ option, section, value, place, isSecret }): EffectiveRow => {
    const given = section === 'DEFAULT' ? overrides[option.name] : undefined
    const shown = given ?? value
    return {
      section,
      option: option.name,
      value: shown === null ? null : shownOf(String(shown), option.isSecret === true, isSecret),
      default: option.default,
      unit: option.unit ?? null,
      source: given !== undefined ? 'command line' : place === null ? 'default' : 'file',
      file: given === undefined ? (place?.file ?? null) : null,
      line: given === undefined ? (place?.line ?? null) : null,
    }
  })
  const sections = [...new Set(['DEFAULT', ...rows.map(({ section }) => section)])]
  return sections.flatMap(name => rows.filter(({ section }) => section === name))
}

/** `hasSecret` is of a value that has one put into it. */
function shownOf(value: string, isSecret: boolean, hasSecret: boolean): string {
  if (isSecret) return hidden(value)
  return hasSecret ? HIDDEN : withoutPasswords(value)
}

/** Of a URL only the password, and what options it has behind it. */
function hidden(value: string): string {
  const [, before, after] =
    /^([a-z][a-z0-9+]*:\/\/(?:[^:@/?]*:)?)[^@?]*(@[^@?]*)(?:\?.*)?$/is.exec(value) ?? []
  const options = value.includes('?') ? `?${HIDDEN}` : ''
  if (before !== undefined && after !== undefined) return `${before}${HIDDEN}${after}${options}`
  const [bare] = /^[a-z][a-z0-9+]*:\/\/[^@?]*(?=\?|$)/i.exec(value) ?? []
  return bare === undefined || value.includes('@') ? HIDDEN : `${bare}${options}`
}

/** What is no secret, but for a password in a URL. */
function withoutPasswords(value: string): string {
  return value.replaceAll(/(:\/\/[^:@/?\s]*:)[^@/?\s]*(?=@)/g, `$1${HIDDEN}`)
}

export function effectiveText({
  section,
  option,
  value,
  source,
  file,
  line,
}: EffectiveRow): string {
  const from = source === 'file' ? `${file}, line ${line}` : source
  if (value === null) return `[${section}] ${option} is not set`
  return `[${section}] ${option} = ${value.replaceAll('\n', '\n    ')} (${from})`
}
