import type { Setting } from '../oslo-config.ts'
import { sectionKey } from './option.ts'

/** What there is to know of options by their sections and names. */
interface Known {
  /** What one is without being set: a value, null for none, undefined when there is no such option. */
  readonly defaultOf: (section: string, option: string) => string | null | undefined
  readonly isSecret: (section: string, option: string) => boolean
}

/**
 * Puts the values of options in the place of their names, as oslo.config does: `$name` and `${name}` are of the section they
 * stand in or else of `DEFAULT`, `$section.name` and `${section.name}` of another one; `$$` and `\$` are a dollar sign.
 * An option with no value is nothing. `refuse` is told of what names an option that there is not, such as `$x`, or null for
 * what stands for itself; such settings are left out. Values stand as they are written.
 */
export function interpolate(
  settings: readonly Setting[],
  { defaultOf, isSecret }: Known,
  refuse: (setting: Setting, reference: string | null) => void,
): readonly Setting[] {
  const known = new Map<string, Setting>()
  for (const setting of settings) {
    known.set(`${sectionKey(setting.section)}.${setting.option}`, setting)
  }
  const used: { secret: boolean } = { secret: false }
  /** What a name stands for in a section; undefined when there is no such option. */
  const valueOf = (name: string, section: string, path: readonly Setting[]) => {
    const [, group = section, option = name] = /^([^.]*)\.(.*)$/.exec(name) ?? []
    for (const [place, key] of [
      [sectionKey(group), option],
      ['DEFAULT', name],
    ] as const) {
      const found = known.get(`${place}.${key}`)
      if (found !== undefined) {
        used.secret ||= isSecret(place, key)
        return replaced(found, path)
      }
      const standard = defaultOf(place, key)
      if (standard !== undefined) return standard ?? ''
    }
    return undefined
  }
  const replaced = (setting: Setting, path: readonly Setting[]): string => {
    if (path.includes(setting)) throw new UnknownName(null)
    return setting.value.replaceAll(REFERENCE, (all: string, ...groups: (string | undefined)[]) => {
      const name = groups[0] ?? groups[1]
      if (name === undefined) return '$'
      const value = valueOf(name, setting.section, [...path, setting])
      if (value === undefined) throw new UnknownName(all)
      return value
    })
  }
  return settings.flatMap(setting => {
    try {
      used.secret = false
      const value = replaced(setting, [])
      return [used.secret ? { ...setting, value, hasSecret: true } : { ...setting, value }]
    } catch (error) {
      if (!(error instanceof UnknownName)) throw error
      refuse(setting, error.reference)
      return []
    }
  })
}

/** A dollar sign that means itself, or a name behind one. Any other dollar sign means itself as well. */
const REFERENCE = /\\\$|\$\$|\$(?:([_a-z][._a-z0-9]*)|\{([_a-z][._a-z0-9]*)\})/gi

/** Of a value that cannot be put together: null when it is a part of itself. */
class UnknownName extends Error {
  readonly reference: string | null

  constructor(reference: string | null) {
    super('no such option')
    this.reference = reference
  }
}
