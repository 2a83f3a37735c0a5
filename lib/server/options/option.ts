/** What stands on the right of an option's equals sign. */
type OptionType =
  | 'text'
  | 'whole number'
  | 'boolean'
  /** `a,b`. */
  | 'list'
  /** `key:value,key:value`. */
  | 'pairs'
  | 'file'
  | 'folder'
  | 'URL'
  /** A whole number, or one with a unit behind it; it always has to have a value. */
  | 'size'

/** An option of the configuration, as the manual tells of it. */
export interface OptionDoc {
  readonly section: string
  readonly name: string
  readonly type: OptionType
  /** What it may be, where that is not any of its type; of a list, what may stand in it. */
  readonly choices?: readonly string[]
  /** As it would stand in a file; null where no value means the same as none, and `doc` says what that means. */
  readonly default: string | null
  /** Of a number. */
  readonly unit?: string
  /** Whether each time that it is there counts, rather than the last. */
  readonly isMultiple?: boolean
  readonly isSecret?: boolean
  /** By what names it is known besides, `name` of its own section or `section.name`: those of earlier Glances. */
  readonly also?: readonly string[]
  /** Whole sentences. */
  readonly doc: string
}

/** An option that says a part of a `T`. */
export interface Option<T> extends OptionDoc {
  /**
   * What a value means that stands in a file in `folder`, where `before` is what options before it have set.
   * @throws {RangeError} saying what it should have been.
   */
  set(value: string, folder: string, before: Partial<T>): Partial<T>
}

/** How sections are compared. As oslo.config: in lower case, but for the one that is in upper case. */
export function sectionKey(section: string): string {
  return section === 'DEFAULT' ? section : section.toLowerCase()
}

/** The sections and names of an option, its own first, each as `section.name`. */
export function keysOf({ section, name, also = [] }: OptionDoc): readonly string[] {
  const others = also.map(other => (other.includes('.') ? other : `${section}.${other}`))
  return [`${section}.${name}`, ...others]
}
