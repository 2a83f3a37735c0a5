import { GlanceError, messageOf } from '../errors.ts'
import { fieldNamed } from '../filter/attributes.ts'
import { globMatcher, isGlob } from '../filter/glob.ts'
import type { Image } from '../image/image.ts'
import { attributeFromText, isUserMade, UNSET } from '../wire/attribute-text.ts'
import { OF_COPIES } from './provenance.ts'
import { isBaseAttribute, isReservedProperty, isWithheldName, USER_MADE } from '../wire/v2-image.ts'

/** What is to be changed of every image on its way, in the API's names, and what is carried at all. */
export interface FieldOptions {
  /** Custom properties that get another name: `OLD=NEW`, where both may have one `*` that stands for the same text. */
  readonly rename?: readonly string[] | undefined
  /** Names of attributes that are to be as if nobody had set them, and patterns of custom properties that go. */
  readonly unset?: readonly string[] | undefined
  /** Attributes and custom properties and what they are to be: `KEY=VALUE`. */
  readonly set?: readonly string[] | undefined
  /** Patterns of what is neither compared nor carried. */
  readonly leaveOut?: readonly string[] | undefined
  /** Patterns; what none of them matches is neither compared nor carried, but for the formats. */
  readonly only?: readonly string[] | undefined
}

/** How a source image is to be on the target, and which fields are the target's own affair. */
export interface Ruled {
  readonly image: Image
  readonly leaveOut: ReadonlySet<string>
  /** Fields of which a rule says what they are, not the source. */
  readonly decided: ReadonlySet<string>
}

/**
 * Changes images in this order: properties are renamed, then fields unset, then set; then it counts which of the names
 * that there are now are left out. What was set or unset never is.
 */
export class FieldRules {
  readonly #renames: readonly Rename[]
  readonly #unset: Partial<Image>
  readonly #isUnset: (property: string) => boolean
  readonly #attributes: Partial<Image>
  readonly #properties: ReadonlyMap<string, string>
  /** The names among `set` and `unset` that are no patterns. */
  readonly #decided: ReadonlySet<string>
  readonly #isLeftOut: (name: string) => boolean
  /** Whether nothing is changed of any image. */
  readonly #isPlain: boolean
  /** The attributes that are left out of every image. */
  readonly #leftOut: ReadonlySet<string>

  /** @throws {GlanceError} `usage`, naming the rule that cannot be. */
  constructor({ rename = [], unset = [], set = [], leaveOut = [], only }: FieldOptions) {
    this.#renames = rename.map(parseRename)
    const names = unset.map(attributeName)
    for (const name of names) requireSettable('--unset', name)
    this.#unset = Object.assign(
      {},
      ...names.filter(isUserMade).map(unsetAttribute),
    ) as Partial<Image>
    this.#isUnset = anyOf(
      '--unset',
      names.filter(name => !isUserMade(name)),
    )
    const pairs = set.map(text => splitPair('--set', text, 'KEY=VALUE'))
    const settings = pairs.map(([key, value]) => [attributeName(key), value] as const)
    for (const [name] of settings) requireSettable('--set', name)
    this.#attributes = Object.assign({}, ...settings.flatMap(setAttribute)) as Partial<Image>
    this.#properties = new Map(settings.filter(([name]) => !isUserMade(name)))
    this.#decided = new Set([...settings.map(([name]) => name), ...names])
    if (leaveOut.includes('id')) {
      throw usage('--dontreplicate: images are matched by their id, it cannot be left out')
    }
    const isDenied = anyOf('--dontreplicate', leaveOut)
    const isNamed = (name: string) => !FORMATS.includes(name) || leaveOut.includes(name)
    const isAllowed = only === undefined ? () => true : anyOf('--only', [...only, ...FORMATS])
    this.#isLeftOut = name => (isDenied(name) && isNamed(name)) || !isAllowed(name)
    this.#isPlain = rename.length + unset.length + set.length === 0
    this.#leftOut = new Set(this.leftOutAttributes)
  }

  /** Whether a rule says what this field is to be. */
  decides(name: string): boolean {
    return this.#decided.has(name)
  }

  /** Whether this property, wherever it is, is neither compared nor carried. */
  leavesOut(property: string): boolean {
    return !this.#decided.has(property) && !this.#isUnset(property) && this.#isLeftOut(property)
  }

  /** The attributes that are left out. */
  get leftOutAttributes(): readonly string[] {
    return USER_MADE.filter(name => !this.#decided.has(name) && this.#isLeftOut(name))
  }

  /** `present` is the target's image of the same id. @throws {GlanceError} `conflict` where two properties would be one. */
  apply(source: Image, present: Image | undefined): Ruled {
    if (this.#isPlain) return this.#passed(source, present)
    const before = present === undefined ? [] : [...present.properties.keys()]
    const properties = this.#renamed(source)
    const unset = [...properties.keys(), ...before].filter(this.#isUnset)
    for (const name of unset) properties.delete(name)
    for (const [name, value] of this.#properties) properties.set(name, value)
    const image = { ...source, ...this.#unset, ...this.#attributes, properties }
    const decided = new Set([...this.#decided, ...unset])
    const names = [...USER_MADE, ...properties.keys(), ...before]
    const leaveOut = new Set(names.filter(name => !decided.has(name) && this.#isLeftOut(name)))
    return { image, leaveOut, decided }
  }

  #passed(image: Image, present: Image | undefined): Ruled {
    const decided = this.#decided
    let leaveOut: Set<string> | undefined
    for (const { properties } of present === undefined ? [image] : [image, present]) {
      for (const name of properties.keys()) {
        if (this.#isLeftOut(name)) (leaveOut ??= new Set(this.#leftOut)).add(name)
      }
    }
    return { image, leaveOut: leaveOut ?? this.#leftOut, decided }
  }

  #renamed({ id, properties }: Image): Map<string, string | null> {
    const kept = new Map(properties)
    const moved = new Map<string, string | null>()
    const origins = new Map<string, string>()
    for (const [name, value] of properties) {
      const other = this.#renames.map(rename => rename(name)).find(given => given !== undefined)
      if (other === undefined) continue
      const same = origins.get(other)
      if (same !== undefined) {
        const message = `image ${id}: --rename gives ${same} and ${name} the same name, ${other}, and one of them would be lost`
        throw new GlanceError('conflict', message)
      }
      origins.set(other, name)
      kept.delete(name)
      moved.set(other, value)
    }
    return new Map([...kept, ...moved])
  }
}

/** Without them there is no data to be had: only who names them leaves them out. */
const FORMATS = ['container_format', 'disk_format']

/** The new name of a property; undefined when it keeps its own. */
type Rename = (name: string) => string | undefined

function parseRename(text: string): Rename {
  const [from, to] = splitPair('--rename', text, 'OLD=NEW')
  const [before = '', after, ...more] = from.split('*')
  const [prefix = '', suffix, ...others] = to.split('*')
  if (more.length + others.length > 0 || (after === undefined) !== (suffix === undefined)) {
    throw usage(`--rename ${text}: one * on each side, or none on either`)
  }
  for (const name of [from, to]) {
    if (isBaseAttribute(attributeName(name))) {
      throw usage(
        `--rename ${text}: ${name} is an attribute, and only custom properties have other names`,
      )
    }
  }
  if (isReservedProperty(to) || isWithheldName(to)) {
    throw usage(`--rename ${text}: no property may be called ${to}`)
  }
  for (const name of [from, to]) requireNoMark('--rename', name)
  if (after === undefined || suffix === undefined) return name => (name === from ? to : undefined)
  return name => {
    if (OF_COPIES.includes(name)) return undefined
    const isMeant =
      name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)
    if (!isMeant) return undefined
    const renamed = `${prefix}${name.slice(before.length, name.length - after.length)}${suffix}`
    // As it was rather than what no image may have.
    const isImpossible = renamed === '' || isBaseAttribute(renamed) || OF_COPIES.includes(renamed)
    return isImpossible ? undefined : renamed
  }
}

/** The name in the API, where people have a shorter one. */
function attributeName(word: string): string {
  const field = fieldNamed(word)
  return field.type === 'attribute' ? field.name : word
}

function requireNoMark(option: string, name: string): void {
  if (!OF_COPIES.includes(name)) return
  throw usage(`${option}: ${name} is what we mark copies with; --provenance says with what`)
}

function requireSettable(option: string, name: string): void {
  requireNoMark(option, name)
  if (name === 'id') throw usage(`${option}: images are matched by their id, it cannot be changed`)
  if (isBaseAttribute(name) && !isUserMade(name)) {
    throw usage(`${option}: ${name} is made by the service, it cannot be changed`)
  }
  if (isReservedProperty(name) || isWithheldName(name)) {
    throw usage(`${option}: no property may be called ${name}`)
  }
  if (Array.from(name).length > 255) {
    throw usage(`${option}: the name of a property has at most 255 characters`)
  }
}

function setAttribute([name, value]: readonly [string, string]): readonly Partial<Image>[] {
  if (!isUserMade(name)) return []
  try {
    return [attributeFromText(name, value)]
  } catch (error) {
    throw usage(`--set ${name}=${value}: ${messageOf(error)}`, error)
  }
}

function unsetAttribute(name: keyof typeof UNSET): Partial<Image> {
  const without = UNSET[name]
  if (without !== undefined) return without
  const article = /^[aeiou]/.test(name) ? 'an' : 'a'
  throw usage(`--unset: every image has ${article} ${name}; -D ${name} leaves it to the target`)
}

function splitPair(option: string, text: string, form: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at < 1 || (option === '--rename' && at === text.length - 1)) {
    throw usage(`${option} ${text}: expected ${form}`)
  }
  return [text.slice(0, at), text.slice(at + 1)]
}

/** Whether a name is one of these, or matches one of them that is a pattern. @throws {GlanceError} `usage`, naming the option. */
function anyOf(option: string, patterns: readonly string[]): (name: string) => boolean {
  const names = new Set(patterns)
  const globs = patterns.filter(isGlob).map(pattern => {
    try {
      return globMatcher(pattern)
    } catch (error) {
      throw usage(`${option}: ${messageOf(error)}`, error)
    }
  })
  return name => names.has(name) || globs.some(matches => matches(name))
}

function usage(message: string, cause?: unknown): GlanceError {
  return new GlanceError('usage', message, { cause })
}
