import { dirname } from 'node:path'
import type { Fault, Setting } from '../oslo-config.ts'
import { nearest } from '../../nearest.ts'
import { keysOf, type Option, type OptionDoc, sectionKey } from './option.ts'

/** What an option is after all. */
export interface Effective {
  readonly option: OptionDoc
  /** Where it stands, which for options of stores is not where the manual has them. */
  readonly section: string
  /** Null when it has none. */
  readonly value: string | null
  /** Null when nobody has set it. */
  readonly place: { readonly file: string; readonly line: number } | null
  /** Whether the value is, or has in it, what nobody is to see. */
  readonly isSecret: boolean
}

/** The settings of some files on their way to what they mean: who takes one says so, and what is left is nobody's. */
export class Reading {
  readonly settings: readonly Setting[]
  readonly faults: Fault[] = []
  readonly effective: Effective[] = []
  readonly #notice: (message: string) => void
  readonly #taken = new Set<Setting>()
  readonly #byKey: ReadonlyMap<string, readonly Setting[]>

  constructor(settings: readonly Setting[], notice: (message: string) => void) {
    this.settings = settings
    this.#notice = notice
    const byKey = new Map<string, Setting[]>()
    for (const setting of settings) {
      const key = keyOf(setting.section, setting.option)
      const found = byKey.get(key)
      if (found === undefined) byKey.set(key, [setting])
      else found.push(setting)
    }
    this.#byKey = byKey
  }

  /**
   * What the files say of an option, in their order, by whatever of its names. As oslo.config: of its names in one file the
   * first counts, and without `isMultiple` only the last file.
   */
  take(option: OptionDoc): readonly Setting[] {
    const named = keysOf(option).map(key => this.#byKey.get(normalized(key)) ?? [])
    for (const setting of named.flat()) this.#taken.add(setting)
    const files = new Set(this.settings.map(({ file }) => file))
    const found = [...files].flatMap(file => {
      const here = named.map(settings => settings.filter(setting => setting.file === file))
      if (option.isMultiple === true) return here.toReversed().flat()
      return here.find(settings => settings.length > 0)?.slice(-1) ?? []
    })
    return option.isMultiple === true ? found : found.slice(-1)
  }

  /** Takes those that somebody knows more about than their names. */
  takeAll(settings: readonly Setting[]): void {
    for (const setting of settings) this.#taken.add(setting)
  }

  /** What nobody has taken. */
  rest(): readonly Setting[] {
    return this.settings.filter(setting => !this.#taken.has(setting))
  }

  /** What these options say together. One that is set to nothing is as not set, unless that is a value of its own. */
  read<T>(options: readonly Option<T>[]): Partial<T> {
    let result: Partial<T> = {}
    for (const option of options) {
      const found = this.take(option).filter(
        ({ value }) => value.trim() !== '' || mayBeEmpty(option),
      )
      for (const setting of found) {
        const set = this.parse(setting, option, value =>
          option.set(value, dirname(setting.file), result),
        )
        result = { ...result, ...set }
      }
      this.tell(option, found)
    }
    return result
  }

  /** What `parse` makes of the value; undefined for a wrong one, which is a fault. */
  parse<T>(
    setting: Setting,
    { isSecret = false }: Pick<OptionDoc, 'isSecret'>,
    parse: (value: string) => T,
  ): T | undefined {
    try {
      return parse(setting.value)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      const isHidden =
        isSecret || setting.hasSecret === true || CREDENTIALS.has(sectionKey(setting.section))
      this.fault(
        setting,
        `expected ${error.message}${isHidden ? '' : `, found '${setting.value}'`}`,
      )
      return undefined
    }
  }

  /** Remembers what an option is, by the settings of it that count. */
  tell(option: OptionDoc, found: readonly Setting[], section = option.section): void {
    const last = found.at(-1)
    this.effective.push({
      option,
      section,
      value: last === undefined ? option.default : found.map(({ value }) => value).join('\n'),
      place: last === undefined ? null : { file: last.file, line: last.line },
      isSecret: option.isSecret === true || found.some(({ hasSecret }) => hasSecret === true),
    })
  }

  fault({ section, option, file, line }: Setting, message: string): void {
    this.faults.push({ file, line, message: `[${section}] ${option}: ${message}` })
  }

  /** A setting that there is not, where there are those of these names, but for `other`, which was rather meant. */
  unknown(setting: Setting, known: readonly string[], other?: string): void {
    const meant = other ?? nearest(setting.option, known)
    this.fault(
      setting,
      `there is no such option${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    )
  }

  /** Tells of settings that are no errors. */
  notice(message: string): void {
    this.#notice(message)
  }
}

/** Sections in which any value may be a secret in the wrong place. */
const CREDENTIALS: ReadonlySet<string> = new Set(['keystone_authtoken', 'oslo_limit'])

/** Whether an empty value says something, or is wrong. */
function mayBeEmpty({ type, default: standard }: OptionDoc): boolean {
  return type === 'list' || type === 'pairs' || type === 'size' || standard === ''
}

function keyOf(section: string, option: string): string {
  return `${sectionKey(section)}.${option}`
}

/** Of `section.option`, where the name of a section may have dots. */
function normalized(key: string): string {
  const dot = key.lastIndexOf('.')
  return keyOf(key.slice(0, dot), key.slice(dot + 1))
}
