import { GlanceError } from '../errors.ts'

export type Operator = '=' | '==' | '!=' | '~' | '!~' | '<' | '<=' | '>' | '>='

/** A word of an expression; `quoted` ones are what they are, others may have wildcards and backslashes. */
export interface Word {
  readonly text: string
  readonly quoted: boolean
  /** Where it begins in the expression, in UTF-16 units. */
  readonly at: number
}

/** Reads an expression from its beginning to its end, and says where something is wrong. */
export class Reader {
  readonly text: string
  #at = 0

  constructor(text: string) {
    this.text = text
  }

  /** Where what comes next begins. */
  get at(): number {
    this.#match(/\s*/uy)
    return this.#at
  }

  get atEnd(): boolean {
    return this.at >= this.text.length
  }

  /** Passes `pattern`, which is sticky, when it is what comes next. */
  take(pattern: RegExp): boolean {
    return !this.atEnd && this.#match(pattern) !== undefined
  }

  operator(): Operator | undefined {
    if (this.atEnd) return undefined
    // The pattern has the operators, and nothing else.
    return this.#match(/==|!=|!~|<=|>=|[=~<>]/y) as Operator | undefined
  }

  /** The name of a field, where `what` is expected. @throws {GlanceError} `usage`. */
  name(what = 'a condition'): Word {
    const at = this.at
    const quoted = this.#quoted()
    if (quoted !== undefined) return { text: quoted, quoted: true, at }
    const text = this.#match(/[^\s()"'=!~<>&|\\]+/uy)
    if (text === undefined) throw this.unexpected(what)
    return { text, quoted: false, at }
  }

  /** What a field is compared with. @throws {GlanceError} `usage`. */
  value(what: string): Word {
    const at = this.at
    const quoted = this.#quoted()
    if (quoted !== undefined) return { text: quoted, quoted: true, at }
    const text = this.#match(/(?:\\.|(?!&&|\|\|)[^\s()"'\\])+/suy)
    if (text === undefined) throw this.unexpected(what)
    return { text, quoted: false, at }
  }

  /** What stands between slashes, and the letters behind them. @throws {GlanceError} `usage`. */
  regex(): { readonly source: string; readonly flags: string; readonly at: number } {
    const at = this.at
    if (!this.text.startsWith('/', at))
      throw this.unexpected('a regular expression between slashes')
    const literal = this.#match(/\/((?:\\.|\[(?:\\.|[^\]\\])*\]|[^/[\\])+)\/[A-Za-z]*/suy)
    if (literal === undefined) throw this.wrong('this regular expression does not end', at)
    const end = literal.lastIndexOf('/')
    const source = literal
      .slice(1, end)
      .replaceAll(/\\(.)/gsu, (escape, one) => (one === '/' ? '/' : escape))
    return { source, flags: literal.slice(end + 1), at }
  }

  /** What is said of something that stands where `wanted` should. */
  unexpected(wanted: string): GlanceError {
    const at = this.at
    const found = this.#match(/[\w.:-]+|./suy)
    if (found === undefined) return this.wrong('unexpected end', at, `, expected ${wanted}`)
    return this.wrong(`unexpected '${found}'`, at, `, expected ${wanted}`)
  }

  /** `what at column N`, with the expression and a mark below it. */
  wrong(what: string, at: number, more = ''): GlanceError {
    const column = Array.from(this.text.slice(0, at)).length
    const line = this.text.replaceAll(/\s/gu, ' ')
    const message = `${what} at column ${column + 1}${more}\n  ${line}\n  ${' '.repeat(column)}^`
    return new GlanceError('usage', message)
  }

  #quoted(): string | undefined {
    const at = this.#at
    const quote = this.text[at]
    if (quote !== '"' && quote !== "'") return undefined
    const found = this.#match(quote === '"' ? /"((?:\\.|[^"\\])*)"/suy : /'((?:\\.|[^'\\])*)'/suy)
    if (found === undefined) throw this.wrong('this quotation does not end', at)
    return found.slice(1, -1).replaceAll(/\\(.)/gsu, '$1')
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }
}
