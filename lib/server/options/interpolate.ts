import type { Setting } from '../oslo-config.ts'
import { sectionKey } from './option.ts'

/** What there is to know of options by their sections and names. */
interface Known {
  /** What one is without being set: a value, null for none, undefined when there is no such option. */
  readonly defaultOf: (section: string, option: string) => string | null | undefined
  readonly isSecret: (section: string, option: string) => boolean
}

/** What the values that stand for names may come to, in a value that has them. */
export const MOST_CHARACTERS = 65_536

/** How many names may lead from a value to another. */
export const MOST_LEVELS = 100

/** Why a value cannot be put together: it names no option, or itself, or more than fits. */
export type Refusal = 'itself' | 'too much' | 'too deep' | { readonly reference: string }

/** A value with all that it names. */
interface Whole {
  readonly value: string
  readonly hasSecret: boolean
  /** How many names lead to what is farthest away. */
  readonly levels: number
}

/**
 * Puts the values of options in the place of their names, as oslo.config does: `$name` and `${name}` are of the section they
 * stand in or else of `DEFAULT`, `$section.name` and `${section.name}` of another one; `$$` and `\$` are a dollar sign.
 * An option with no value is nothing. `refuse` is told of what cannot be put together; such settings are left out. Values
 * stand as they are written.
 */
export function interpolate(
  settings: readonly Setting[],
  { defaultOf, isSecret }: Known,
  refuse: (setting: Setting, refusal: Refusal) => void,
): readonly Setting[] {
  const known = new Map<string, Setting>()
  for (const setting of settings) {
    known.set(`${sectionKey(setting.section)}.${setting.option}`, setting)
  }
  const done = new Map<Setting, Whole>()
  /** What a name stands for in a section; undefined when there is no such option. */
  const wholeOf = (name: string, section: string, path: ReadonlySet<Setting>) => {
    const [, group = section, option = name] = /^([^.]*)\.(.*)$/.exec(name) ?? []
    for (const [place, key] of [
      [sectionKey(group), option],
      ['DEFAULT', name],
    ] as const) {
      const found = known.get(`${place}.${key}`)
      if (found !== undefined) {
        const whole = replaced(found, path)
        return { ...whole, hasSecret: whole.hasSecret || isSecret(place, key) }
      }
      const standard = defaultOf(place, key)
      if (standard !== undefined) return { value: standard ?? '', hasSecret: false, levels: 0 }
    }
    return undefined
  }
  const replaced = (setting: Setting, path: ReadonlySet<Setting>): Whole => {
    const before = done.get(setting)
    if (before !== undefined) return before
    if (path.has(setting)) throw new Refused('itself')
    if (path.size > MOST_LEVELS) throw new Refused('too deep')
    const further = new Set([...path, setting])
    let [hasSecret, levels, length] = [false, 0, 0]
    const value = setting.value.replaceAll(
      REFERENCE,
      (all: string, ...groups: (string | undefined)[]) => {
        const name = groups[0] ?? groups[1]
        if (name === undefined) return '$'
        const named = wholeOf(name, setting.section, further)
        if (named === undefined) throw new Refused({ reference: all })
        hasSecret ||= named.hasSecret
        levels = Math.max(levels, named.levels + 1)
        length += named.value.length
        if (length > MOST_CHARACTERS) throw new Refused('too much')
        return named.value
      },
    )
    if (levels > MOST_LEVELS) throw new Refused('too deep')
    const whole = { value, hasSecret, levels }
    done.set(setting, whole)
    return whole
  }
  return settings.flatMap(setting => {
    try {
      const { value, hasSecret } = replaced(setting, new Set())
      return [hasSecret ? { ...setting, value, hasSecret } : { ...setting, value }]
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      refuse(setting, error.refusal)
      return []
    }
  })
}

/** A dollar sign that means itself, or a name behind one. Any other dollar sign means itself as well. */
const REFERENCE = /\\\$|\$\$|\$(?:([_a-z][._a-z0-9]*)|\{([_a-z][._a-z0-9]*)\})/gi

/** Of a value that cannot be put together. */
class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super('it cannot be put together')
    this.refusal = refusal
  }
}
